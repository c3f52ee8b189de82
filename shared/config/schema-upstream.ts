/** The shape of balancing and protection of a service in documents. */
import * as z from "zod"
import { LIMITS } from "#shared/model/limits.ts"
import type * as D from "#shared/model/upstream-document.ts"
import * as check from "./checks.ts"
import { complain, quote } from "./complaint.ts"
import { list, named, object, oneOf, optional, text, whole } from "./schema-kit.ts"

const duration = text(check.checkDuration(1), {
  pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
  examples: ["250ms", "2s", "1m30s"],
})
const percent = z.number().min(0).max(100)
const count = whole(1, LIMITS.figureMax)
const hosts = whole(0, LIMITS.endpointsMax)

function checkColo(colo: string) {
  if (/^[A-Z]{3}$/.test(colo)) return undefined
  return complain("bad-colo", `${quote(colo)} is not the code of a data centre`, 'three capital letters: "AMS"')
}

const balancer = object<D.BalancerDocument>("Balancer", {
  kind: optional(z.enum(["random", "round-robin", "least-request", "peak-ewma", "hash"])),
  key: optional(
    oneOf<D.HashKeyDocument>("HashKey", {
      header: text(check.checkHeaderName),
      cookie: text(check.checkToken),
      caller: z.literal(true),
    }),
    "What `hash` goes by; a request without it is spread by chance.",
  ),
  regions: optional(
    named(check.checkName, list(text(checkColo, { examples: ["AMS"] }), { min: 1, max: LIMITS.colosMax }), {
      max: LIMITS.regionsMax,
    }),
    "The data centres of each region. Endpoints of the proxy's own region come first.",
  ),
})

const outlier = object<D.OutlierDocument>("Outlier", {
  interval: optional(duration),
  baseEjection: optional(duration),
  maxEjection: optional(duration),
  ejectionJitter: optional(text(check.checkDuration(0))),
  maxEjectionPercent: optional(percent),
  alwaysEjectOne: optional(z.boolean()),
  splitLocalOrigin: optional(z.boolean()),
  consecutive5xx: optional(count),
  enforcingConsecutive5xx: optional(percent),
  consecutiveGateway: optional(count),
  enforcingConsecutiveGateway: optional(percent),
  consecutiveLocalOrigin: optional(count),
  enforcingConsecutiveLocalOrigin: optional(percent),
  successRateHostsMin: optional(hosts),
  successRateVolumeMin: optional(count),
  successRateStdevs: optional(z.number().min(0).max(100)),
  enforcingSuccessRate: optional(percent),
  enforcingSuccessRateLocalOrigin: optional(percent),
  failurePercentHostsMin: optional(hosts),
  failurePercentVolumeMin: optional(count),
  failurePercent: optional(percent),
  enforcingFailurePercent: optional(percent),
  enforcingFailurePercentLocalOrigin: optional(percent),
  panicPercent: optional(percent),
})

const concurrency = object<D.ConcurrencyDocument>("Concurrency", {
  max: count,
  adaptive: optional(
    object<D.AdaptiveDocument>("AdaptiveConcurrency", {
      min: optional(count),
      initial: optional(count),
      samples: optional(count),
      overloadPercent: optional(percent),
      slow: optional(duration),
    }),
    "The limit moves between `min` and `max` by what comes back.",
  ),
  reservePercent: optional(percent, "Places that only traffic above `default` priority may take."),
})

const throttle = object<D.ThrottleDocument>("Throttle", {
  ratio: optional(z.number().min(1).max(100)),
  window: optional(duration),
  refusedPercentMax: optional(percent),
})

/** The fields of a service. */
export const upstreamShape = {
  balancer: optional(balancer, "How requests are spread over the endpoints. Default: by chance."),
  outlier: optional(outlier, "Leaves out endpoints that do worse than the others, for a while."),
  concurrency: optional(concurrency, "How many requests of one proxy isolate may be under way at once."),
  throttle: optional(throttle, "Sends fewer requests while the service takes few of them."),
}

/** The fields that only an endpoint of a list has. */
export const sharedEndpointShape = {
  weight: optional(whole(0, LIMITS.weightMax), "Its share of the requests against the others. Default 1."),
  region: optional(text(check.checkName), "One of the balancer's `regions`."),
}

export const priority = z.enum(["critical", "high", "default", "sheddable"])
