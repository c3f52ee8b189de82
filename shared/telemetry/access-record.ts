/** What is written down of one exchange, once, after its answer was decided. */
import type { RefusalName } from "#shared/model/refusal.ts"
import type { TraceContext } from "./trace-context.ts"

export interface AccessRecord {
  readonly atMs: number
  readonly durationMs: number
  readonly protocol: "http" | "rpc"
  /** Calling service; absent for public traffic. */
  readonly from: string | undefined
  /** The service and subset that answered or were tried last. */
  readonly to: string | undefined
  readonly subset: string | undefined
  /** Id of the rule that took the request; absent when none did, or when the service has no routes. */
  readonly rule: string | undefined
  /** HTTP method, or the RPC method's name. */
  readonly method: string
  /** The host that was asked for, and the path without its query, as they came; cut where they are long. Absent for RPC. */
  readonly host: string | undefined
  readonly path: string | undefined
  /** Status of the response; of RPC 200, or 500 when the call threw. */
  readonly status: number
  /** Set when the mesh answered by itself. */
  readonly refusal: RefusalName | undefined
  readonly attempts: number
  /** The retry budget kept the answer from being tried for again. */
  readonly budgetExhausted: true | undefined
  /** What stood in for the service, whose breaker was open: an earlier answer, a fixed one, or another service's. */
  readonly fallback: "stale" | "respond" | "service" | undefined
  /** Ids of the rate limits that refused the request, and of those in shadow that would have. */
  readonly refusedBy: readonly string[] | undefined
  readonly shadowed: readonly string[] | undefined
  /** The access rules or policies that refused the request, and those that only write it down. */
  readonly deniedBy: readonly string[] | undefined
  readonly audited: readonly string[] | undefined
  /** What policies in a dry run would have done: `deny default/orders/0`. */
  readonly rehearsed: readonly string[] | undefined
  /** Policies that let the request pass because their authorizer did not answer. */
  readonly unasked: readonly string[] | undefined
  /** The end user, `<issuer>/<subject>`, and the API key's id: only where they were asked for. */
  readonly user: string | undefined
  readonly key: string | undefined
  /** Why a credential was not taken, or none was enough. */
  readonly credential: string | undefined
  readonly revision: number
  /** The revision that was asked for and could not be had in time. */
  readonly floorMissed: number | undefined
  readonly trace: TraceContext
}
