/** The figures of Envoy's outlier detection as the mesh's policy, and its counters. */
import type { OutlierPolicy } from "#shared/model/upstream-policy.ts"
import type { OutlierEvent } from "#shared/resilience/outlier.ts"

export type Figures = Record<string, number | boolean>

/** `{ interval: "0.1s" }` -> `{ interval_ms: 100 }`; what is no duration stays. */
export function figuresOf(config: Readonly<Record<string, unknown>>): Figures {
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => {
      const seconds = typeof value === "string" ? /^([\d.]+)s$/.exec(value)?.[1] : undefined
      return seconds === undefined
        ? [name, value as number | boolean]
        : [`${name}_ms`, Math.round(Number(seconds) * 1000)]
    }),
  )
}

export function policyOf(figures: Figures, enforced: Figures): OutlierPolicy {
  const figure = (name: string) => number(figures[name])
  const percent = (name: string) => (enforced[`enforcing_${name}`] === true ? 100 : 0)
  return {
    intervalMs: figure("interval_ms"),
    baseEjectionMs: figure("base_ejection_time_ms"),
    maxEjectionMs: figure("max_ejection_time_ms"),
    ejectionJitterMs: figure("max_ejection_time_jitter_ms"),
    maxEjectionPercent: figure("max_ejection_percent"),
    alwaysEjectOne: figures.always_eject_one_host === true,
    splitLocalOrigin: figures.split_external_local_origin_errors === true,
    consecutive5xx: figure("consecutive_5xx"),
    enforcingConsecutive5xx: percent("consecutive_5xx"),
    consecutiveGateway: figure("consecutive_gateway_failure"),
    enforcingConsecutiveGateway: percent("consecutive_gateway_failure"),
    consecutiveLocalOrigin: figure("consecutive_local_origin_failure"),
    enforcingConsecutiveLocalOrigin: percent("consecutive_local_origin_failure"),
    successRateHostsMin: figure("success_rate_minimum_hosts"),
    successRateVolumeMin: figure("success_rate_request_volume"),
    successRateStdevs: figure("success_rate_stdev_factor") / 1000,
    enforcingSuccessRate: percent("success_rate"),
    enforcingSuccessRateLocalOrigin: percent("local_origin_success_rate"),
    failurePercentHostsMin: figure("failure_percentage_minimum_hosts"),
    failurePercentVolumeMin: figure("failure_percentage_request_volume"),
    failurePercent: figure("failure_percentage_threshold"),
    enforcingFailurePercent: percent("failure_percentage"),
    enforcingFailurePercentLocalOrigin: percent("failure_percentage_local_origin"),
    panicPercent: 0,
  }
}

/** Upstream's counters, the old ones among them: those count only some kinds, and some of those before it is known what comes of it. */
export function counterOf(name: string, events: readonly OutlierEvent[]): number {
  const found = events.flatMap((event) => (event.kind === "returned" ? [] : [event]))
  const kinds = {
    success_rate_local_origin: "local_origin_success_rate",
    failure_percentage_local_origin: "local_origin_failure_percentage",
  }
  const wordOf = (detection: string) => (kinds as Record<string, string>)[detection] ?? detection
  const isEnforced = (event: OutlierEvent) => event.kind === "detected" && event.enforced
  const [, state, word] = /^ejections_(?:(detected|enforced)_)?(.+)$/.exec(name) ?? []
  if (name === "ejections_overflow") return found.filter(({ kind }) => kind === "overflow").length
  if (name === "ejections_enforced_total") return found.filter(isEnforced).length
  if (name === "ejections_total") {
    return found.filter(({ kind, detection }) => kind === "detected" && OLD.includes(detection)).length
  }
  if (state === "enforced") return found.filter((event) => isEnforced(event) && wordOf(event.detection) === word).length
  if (state === "detected") return found.filter(({ detection }) => wordOf(detection) === word).length
  return OLD.includes(word ?? "") ? found.filter(({ detection }) => detection.startsWith(word!)).length : 0
}

const OLD = ["consecutive_5xx", "success_rate"]

export function number(value: unknown): number {
  if (typeof value !== "number") throw new Error(`${String(value)} is not a number`)
  return value
}
