/** What a change would do to requests like those of late: the answer to `POST /v1/preview`, beside the plan. */
import type { ChangeKind } from "#shared/model/sample.ts"
import type { Plan } from "./control-api.ts"

export interface Preview extends Plan {
  readonly blast: BlastRadius
  /** Shards of telemetry that did not answer: their isolates' requests are not among the samples. */
  readonly missing: readonly string[]
}

export interface BlastRadius {
  /** How many heads of requests were replayed, and how many requests they stand for. */
  readonly samples: number
  readonly requests: number
  /** When the oldest was taken; absent without any. */
  readonly sinceMs?: number
  /** Of all requests, how many would fare otherwise, 0 to 1. */
  readonly share: number
  /** The largest first. */
  readonly changes: readonly FateChange[]
  /** Changes that are not listed. */
  readonly more: number
  /** What of the change heads of requests do not tell; absent: nothing. */
  readonly unjudged?: readonly Unjudged[]
}

/**
 * `users`: rules about end users, their claims, API keys or addresses change, of which samples have none: they are judged as requests
 * without. `limits`: how many requests a limit, a breaker or a timeout will end depends on all that is under way.
 */
export type Unjudged = "users" | "limits"

export interface FateChange {
  readonly kind: ChangeKind
  /** The calling service, or `public at <gateway>`. */
  readonly caller: string
  readonly before: string
  readonly after: string
  /** Of all requests, 0 to 1. */
  readonly share: number
  readonly examples: readonly FateExample[]
}

export interface FateExample {
  /** `GET https://shop.example.com/orders/00`, its ids and secrets scrubbed. */
  readonly request: string
  readonly before: string
  readonly after: string
}
