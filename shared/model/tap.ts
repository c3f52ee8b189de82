/** A tap: a live stream of the exchanges that somebody asks to see, for a while. */
import type { RefusalName } from "./refusal.ts"

/** All that is there must hold. */
export interface TapFilter {
  /** Service ids; `public` for what came from outside. */
  readonly from?: string
  readonly to?: string
  /** A route's id, or a rule's: `default/shop`, `default/shop/checkout`. */
  readonly route?: string
  /** HTTP method, or RPC method. */
  readonly method?: string
  /** Prefix of the path. */
  readonly path?: string
  /** `503`, or a class: `5xx`. */
  readonly status?: string
  /** The answer took at least so long. */
  readonly slowerThanMs?: number
  /** A header of the request, and its value if that matters. */
  readonly header?: { readonly name: string; readonly value?: string }
  /** Only exchanges with services of these. */
  readonly namespaces?: readonly string[]
}

export interface Tap {
  readonly id: string
  readonly filter: TapFilter
  /** What a viewer gets in a second at most, of all isolates together. */
  readonly perSecond: number
}

/** Which taps are open, and how long whoever hears of them may go by that. */
export interface OpenTaps {
  readonly taps: readonly Tap[]
  readonly untilMs: number
}

/** What a viewer sees of an exchange. Paths come without their query, and nothing of a body. */
export interface TappedExchange {
  readonly atMs: number
  readonly durationMs: number
  readonly protocol: "http" | "rpc"
  /** Absent: from outside. */
  readonly from?: string
  readonly to?: string
  readonly subset?: string
  readonly rule?: string
  readonly method: string
  readonly host?: string
  readonly path?: string
  readonly status: number
  readonly refusal?: RefusalName
  readonly attempts: number
  readonly revision: number
  readonly traceId: string
  readonly colo?: string
  /** The header that the tap asked for; a secret is not shown. */
  readonly header?: string
}

/** What an isolate saw since the last time. */
export interface TapBatch {
  readonly exchanges: readonly (readonly [tap: string, exchange: TappedExchange])[]
  /** By tap: what matched and found no place. */
  readonly dropped: readonly (readonly [tap: string, count: number])[]
}

/** Longer messages are none. */
export const TAP_MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/** A message to a viewer. */
export type TapMessage =
  | { readonly kind: "exchanges"; readonly exchanges: readonly TappedExchange[]; readonly dropped: number }
  | { readonly kind: "end"; readonly because: "time" | "gone" }
