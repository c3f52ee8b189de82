/** How long a request may take and what is tried again. Times in milliseconds. */

export interface Timeouts {
  /** The whole exchange with all attempts and back-off; over it the mesh answers 504. Absent: no limit (as Istio, Linkerd). */
  readonly requestMs?: number
  /** One attempt. Absent: only `requestMs` holds. */
  readonly attemptMs?: number
}

export interface RetryPolicy {
  /** Further tries after the first, 1 to `LIMITS.retryAttemptsMax` (Gateway API, Envoy: extra tries, not all tries). */
  readonly attempts: number
  readonly on: readonly RetryCondition[]
  /** Least wait before a further try; it doubles each time, with jitter above it (Gateway API: a minimum). */
  readonly backoffMs: number
  /** Also requests whose method is not idempotent. Off by default: a retried POST may act twice. */
  readonly unsafe: boolean
}

/** A status code, or a class: 5xx; gateway-error = 502, 503, 504; connect-failure = the upstream could not be reached. */
export type RetryCondition = number | "5xx" | "gateway-error" | "connect-failure"
