/** Active health checks: what a service's endpoints are asked by the mesh itself, and what an answer is taken for. */

/** Names are Envoy's. Times in milliseconds. */
export interface HealthPolicy {
  readonly check: HealthCheck
  /** Between two checks of an endpoint; jittered by a tenth either way. */
  readonly intervalMs: number
  /** An answer that takes longer is none. */
  readonly timeoutMs: number
  /** Failed checks in a row until an endpoint is left out. */
  readonly unhealthyThreshold: number
  /** Good checks in a row until it is back. One that was never checked before comes in by its first good one (Envoy). */
  readonly healthyThreshold: number
  /** What an endpoint is taken for until its first check. */
  readonly initial: "healthy" | "unhealthy"
  /** When fewer of the endpoints than this are left, checks are not heeded: better some answers than none. */
  readonly panicPercent: number
}

export type HealthCheck =
  | {
      readonly kind: "http"
      readonly method: "GET" | "HEAD"
      /** Path and query. */
      readonly path: string
      readonly statuses: readonly StatusRange[]
    }
  /** A method without arguments: healthy when it returns, whatever it returns. */
  | { readonly kind: "rpc"; readonly method: string }

/** Both ends belong to it. */
export interface StatusRange {
  readonly from: number
  readonly to: number
}

/** What came of one check. */
export type CheckOutcome =
  | { readonly kind: "answered"; readonly status: number }
  /** The RPC method returned, or threw. */
  | { readonly kind: "returned" }
  | { readonly kind: "threw" }
  | { readonly kind: "unreachable" }
  | { readonly kind: "timeout" }
  /** The proxy has no binding that leads there. */
  | { readonly kind: "unbound" }
