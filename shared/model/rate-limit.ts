/** How many requests of one kind a rule lets through. Several limits of one rule all have to let a request through. */
import type { ServiceId } from "./names.ts"

export interface Rate {
  /** So many requests... */
  readonly requests: number
  /** ...in so much time. */
  readonly perMs: number
  /** So many may come at once after a pause: the size of the bucket. */
  readonly burst: number
}

export interface RateLimit extends Rate {
  /** `default/shop/checkout/per-caller`: the rule's id and the limit's name. Names what is counted, in every isolate alike. */
  readonly id: string
  /** What callers read in `RateLimit` headers. */
  readonly name: string
  /** Requests that agree in all of these share one bucket; an empty list is one bucket for all. */
  readonly key: readonly LimitKey[]
  readonly scope: LimitScope
  readonly cost: LimitCost
  /** Counts, and refuses nothing. */
  readonly shadow: boolean
  /** When the limiter cannot be asked: let each isolate go by the limit alone, or refuse. */
  readonly whenUnavailable: "allow" | "deny"
  /** Also admitted requests are told where they stand. Refused ones always are. */
  readonly headers: boolean
}

/**
 * `isolate`: each isolate counts for itself. `mesh`: all isolates share one limit, and spend tokens that they leased ahead, so
 * that no request waits. `exact`: all share one limit, and each request asks for its tokens.
 */
export type LimitScope = "isolate" | "mesh" | "exact"

/** A value of the request. Absent values count as one value of their own: leaving a header out is no way around a limit. */
export type LimitKey =
  /**
   * The calling service, the sender's address (of IPv6 its /64 network), the HTTP method, the RPC method, the id of the API key that was
   * presented.
   */
  | { readonly by: "caller" | "ip" | "method" | "rpc" | "key" }
  /** A claim of the end user's token, by the way to it. */
  | { readonly by: "claim"; readonly way: readonly string[] }
  /** `capture`: what the rule's path template took under this name. */
  | { readonly by: "header" | "cookie" | "capture"; readonly name: string }

/** Tokens that one request takes. More than the bucket holds counts as the whole bucket. */
export type LimitCost =
  | { readonly kind: "fixed"; readonly tokens: number }
  /** As a header of these callers says; `otherwise` for all others, and where the header says no whole number. */
  | { readonly kind: "header"; readonly name: string; readonly from: readonly ServiceId[]; readonly otherwise: number }

/** What an isolate says to a limiter about one bucket. */
export interface Ask {
  /** Tokens that are to be had, what is leased already included, and the number below which they are of no use. */
  readonly want: number
  readonly least: number
  /** Tokens spent on credit. */
  readonly debt: number
  /** Tokens of an exact limit that were taken and not used. */
  readonly back: number
  /** Absent where each token is taken for good: by exact limits. Who wants nothing closes his account, and gives all back. */
  readonly account?: AccountWord
}

export interface AccountWord {
  /** No two isolates have the same, and an isolate that forgot what it had takes another. */
  readonly id: string
  /** From 1: what was put twice, or was overtaken, is not heard. */
  readonly number: number
  /** All tokens that requests have taken since the account began. */
  readonly spent: number
}

export interface Grant {
  readonly granted: number
  /** Whole tokens left in the bucket. */
  readonly left: number
  /** When less than `least` could be granted: until so many are there. */
  readonly emptyMs: number
  /** Of an account: all tokens that it has had from the bucket since it began. What is not spent of them is leased. */
  readonly paid?: number
}
