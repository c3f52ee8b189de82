/** What outlier detection knows of one endpoint. */
import type { OutlierPolicy } from "#shared/model/upstream-policy.ts"

/** What can be found wrong with an endpoint, in Envoy's words. */
export type Detection =
  | "consecutive_5xx"
  | "consecutive_gateway_failure"
  | "consecutive_local_origin_failure"
  | "success_rate"
  | "success_rate_local_origin"
  | "failure_percentage"
  | "failure_percentage_local_origin"

/** Whose failures are counted: the upstream's answers, or the attempts to reach it. */
export type Origin = "upstream" | "local"

export interface Tally {
  total: number
  successes: number
}

export interface Host {
  readonly name: string
  consecutive5xx: number
  consecutiveGateway: number
  consecutiveLocalOrigin: number
  /** Of the interval under way, and of the one before, which is the one that is judged. */
  readonly tallies: Record<Origin, Tally>
  readonly finished: Record<Origin, Tally>
  /** In percent, of the interval that was judged last; -1 when it had too few requests. */
  readonly rates: Record<Origin, number>
  ejection: { readonly detection: Detection; readonly atMs: number } | undefined
  jitterMs: number
  multiplier: number
  ejections: number
  returnedAtMs: number | undefined
  /** Why it was not ejected although something was found since the last sweep. */
  spared: string | undefined
}

/** Which figure says how often a detection is acted on. */
export const ENFORCING = {
  consecutive_5xx: "enforcingConsecutive5xx",
  consecutive_gateway_failure: "enforcingConsecutiveGateway",
  consecutive_local_origin_failure: "enforcingConsecutiveLocalOrigin",
  success_rate: "enforcingSuccessRate",
  success_rate_local_origin: "enforcingSuccessRateLocalOrigin",
  failure_percentage: "enforcingFailurePercent",
  failure_percentage_local_origin: "enforcingFailurePercentLocalOrigin",
} as const satisfies Record<Detection, keyof OutlierPolicy>

export function newHost(name: string): Host {
  return {
    name,
    consecutive5xx: 0,
    consecutiveGateway: 0,
    consecutiveLocalOrigin: 0,
    tallies: { upstream: { total: 0, successes: 0 }, local: { total: 0, successes: 0 } },
    finished: { upstream: { total: 0, successes: 0 }, local: { total: 0, successes: 0 } },
    rates: { upstream: -1, local: -1 },
    ejection: undefined,
    jitterMs: 0,
    multiplier: 0,
    ejections: 0,
    returnedAtMs: undefined,
    spared: undefined,
  }
}

/** The interval under way is over: it is judged next, and another begins. */
export function turnInterval(host: Host): void {
  for (const origin of ["upstream", "local"] as const) {
    host.finished[origin] = host.tallies[origin]
    host.tallies[origin] = { total: 0, successes: 0 }
    host.rates[origin] = -1
  }
}

/** A bout of failures of this kind begins anew. */
export function resetConsecutive(host: Host, detection: Detection): void {
  if (detection === "consecutive_5xx") host.consecutive5xx = 0
  if (detection === "consecutive_gateway_failure") host.consecutiveGateway = 0
  if (detection === "consecutive_local_origin_failure") host.consecutiveLocalOrigin = 0
}
