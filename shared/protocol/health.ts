/**
 * What crosses the boundary between the `Health` objects, the proxy's `Prober`, the feed and control. All times but those for people are
 * durations: clocks differ.
 */
import type { CheckOutcome, HealthPolicy } from "#shared/model/health.ts"

/** A prober makes only the checks that its own routes say, so that who calls it can ask nothing else of the mesh. */
export interface CheckCall {
  /** `default/orders`; its object is `env.HEALTH.getByName(service)`. */
  readonly service: string
  /** Which of its places comes first; at most `LIMITS.healthBatchMax` are checked. */
  readonly from: number
}

export interface CheckReply {
  /** The routes that the prober goes by; 0 for none yet. */
  readonly revision: number
  /** Absent: in these routes the service has no check, or is not there. */
  readonly policy?: HealthPolicy
  /** All places of the service. */
  readonly places: readonly string[]
  readonly results: readonly CheckResult[]
}

export interface CheckResult {
  readonly place: string
  readonly outcome: CheckOutcome
}

/** A notification for a service of the mesh. It goes by the mesh's rules, and its caller is always the mesh's alerts. */
export interface DeliverCall {
  readonly service: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface DeliverReply {
  readonly status: number
  /** The mesh refused it, not the service. */
  readonly refusal?: string
  readonly retryAfter?: string
}

/** The proxy's entrypoint `Prober`, which only control binds. */
export interface ProberRpc {
  check(call: CheckCall): Promise<CheckReply>
  /** Absent in an older proxy. */
  deliver(call: DeliverCall): Promise<DeliverReply>
}

/** What the props of control's binding to the prober say. */
export const PROBER_PROPS = { role: "health" } as const

/** What an object has found out, for the feed and for people. */
export interface HealthReport {
  readonly service: string
  /** A higher one is newer. */
  readonly generation: number
  /** All places that are checked. */
  readonly places: readonly string[]
  readonly unhealthy: readonly UnhealthyPlace[]
  /** A place that is not among `places` is to be avoided until it was checked. */
  readonly strict: boolean
  /** The report holds for so long, unless there is a newer one. */
  readonly forMs: number
}

export interface UnhealthyPlace {
  readonly place: string
  readonly because: string
  readonly sinceMs: number
}

/** A service whose places are not all to be used, as isolates hear it. */
export interface HealthNews {
  readonly service: string
  readonly generation: number
  readonly unhealthy: readonly string[]
  /** When there: places that are not among these are to be avoided as well. */
  readonly known?: readonly string[]
  readonly forMs: number
}

/** A service's checks as people look at them. */
export interface HealthRecord extends HealthReport {
  readonly heardAtMs: number
}

export interface HealthRpc {
  /** A revision has brought the service a check, or changed what its check is made of. */
  follow(change: { readonly service: string; readonly revision: number }): Promise<void>
}
