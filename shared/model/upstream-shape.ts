/** The shape of balancing and protection in a snapshot. */
import { LIMITS } from "./limits.ts"
import { filled, flag, number, object, tagged, whole, word } from "./shape.ts"

const percent = number(0, 100)
const milliseconds = number(0, LIMITS.timeoutMsMax)
const count = whole(1, LIMITS.figureMax)
const hosts = whole(0, LIMITS.endpointsMax)

const balancer = object(
  { kind: word("random", "round-robin", "least-request", "peak-ewma", "hash") },
  {
    key: tagged({ header: object({ name: filled }), cookie: object({ name: filled }), caller: object({}) }, "by"),
    regions,
  },
)

const outlier = object({
  intervalMs: number(1, LIMITS.timeoutMsMax),
  baseEjectionMs: milliseconds,
  maxEjectionMs: milliseconds,
  ejectionJitterMs: milliseconds,
  maxEjectionPercent: percent,
  alwaysEjectOne: flag,
  splitLocalOrigin: flag,
  consecutive5xx: count,
  enforcingConsecutive5xx: percent,
  consecutiveGateway: count,
  enforcingConsecutiveGateway: percent,
  consecutiveLocalOrigin: count,
  enforcingConsecutiveLocalOrigin: percent,
  successRateHostsMin: hosts,
  successRateVolumeMin: count,
  successRateStdevs: number(0, 100),
  enforcingSuccessRate: percent,
  enforcingSuccessRateLocalOrigin: percent,
  failurePercentHostsMin: hosts,
  failurePercentVolumeMin: count,
  failurePercent: percent,
  enforcingFailurePercent: percent,
  enforcingFailurePercentLocalOrigin: percent,
  panicPercent: percent,
})

const concurrency = object(
  { max: count, reservePercent: percent },
  {
    adaptive: object(
      { min: count, initial: count, samples: count, overloadPercent: percent },
      { slowMs: number(1, LIMITS.timeoutMsMax) },
    ),
  },
)

const throttle = object({ ratio: number(1, 100), windowMs: number(1, LIMITS.timeoutMsMax), refusedPercentMax: percent })

/** The optional fields of a service's policy. */
export const upstreamShape = { balancer, outlier, concurrency, throttle }

export const priority = word("critical", "high", "default", "sheddable")

function regions(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object"
  const lists = Object.values(value)
  if (lists.length > LIMITS.regionsMax) return `has ${lists.length} entries`
  const isList = (list: unknown) => Array.isArray(list) && list.length <= LIMITS.colosMax && list.every(isFilled)
  return lists.every(isList) ? undefined : "has something that is no list of data centres"
}

function isFilled(value: unknown): boolean {
  return filled(value) === undefined
}
