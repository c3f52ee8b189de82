/** Balancing and protection of a service: defaults filled in, and what contradicts itself. */
import type { ServicePolicy } from "#shared/model/policy.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type * as D from "#shared/model/upstream-document.ts"
import type {
  AdaptiveConcurrency,
  BalancerPolicy,
  ConcurrencyPolicy,
  HashKey,
  OutlierPolicy,
  ThrottlePolicy,
} from "#shared/model/upstream-policy.ts"
import { parseDuration } from "#shared/std/duration.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain, hintFrom, quote, type Report } from "./complaint.ts"

/** Envoy's figures, but that a small cluster may always eject one. */
const OUTLIER: OutlierPolicy = {
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  ejectionJitterMs: 0,
  maxEjectionPercent: 10,
  alwaysEjectOne: true,
  splitLocalOrigin: false,
  consecutive5xx: 5,
  enforcingConsecutive5xx: 100,
  consecutiveGateway: 5,
  enforcingConsecutiveGateway: 0,
  consecutiveLocalOrigin: 5,
  enforcingConsecutiveLocalOrigin: 100,
  successRateHostsMin: 5,
  successRateVolumeMin: 100,
  successRateStdevs: 1.9,
  enforcingSuccessRate: 100,
  enforcingSuccessRateLocalOrigin: 100,
  failurePercentHostsMin: 5,
  failurePercentVolumeMin: 50,
  failurePercent: 85,
  enforcingFailurePercent: 0,
  enforcingFailurePercentLocalOrigin: 0,
  panicPercent: 50,
}

type UpstreamPolicy = Pick<ServicePolicy, "balancer" | "outlier" | "concurrency" | "throttle">

/** `endpoints` are all that the service has, with where each of them was written. */
export function resolveUpstream(
  document: D.UpstreamDocument,
  endpoints: readonly { readonly endpoint: Endpoint; readonly path: readonly Step[] }[],
  report: Report,
): UpstreamPolicy {
  const { outlier, concurrency, throttle } = document
  const balancer = resolveBalancer(document.balancer, endpoints, report)
  return {
    ...(balancer && { balancer }),
    ...(outlier && { outlier: resolveOutlier(outlier, report) }),
    ...(concurrency && { concurrency: resolveConcurrency(concurrency, report) }),
    ...(throttle && { throttle: resolveThrottle(throttle) }),
  }
}

function resolveBalancer(
  document: D.BalancerDocument | undefined,
  endpoints: readonly { readonly endpoint: Endpoint; readonly path: readonly Step[] }[],
  report: Report,
): BalancerPolicy | undefined {
  const regions = document?.regions
  for (const { endpoint, path } of endpoints) {
    const { region } = endpoint
    if (region === undefined || (regions && Object.hasOwn(regions, region))) continue
    const hint = hintFrom(region, "regions of the balancer", Object.keys(regions ?? {}))
    report([...path, "region"], complain("unknown-region", `The balancer knows no region ${quote(region)}`, hint))
  }
  if (!document) return endpoints.some(({ endpoint }) => endpoint.weight !== undefined) ? { kind: "random" } : undefined
  const { kind = "random", key } = document
  if (kind === "hash" && !key) {
    const hint = 'add "key" with one of "header", "cookie", "caller"'
    report(["balancer"], complain("missing-key", 'A balancer of the kind "hash" needs what it goes by', hint))
  }
  if (kind !== "hash" && key) {
    const message = `A balancer of the kind ${quote(kind)} does not go by a key`
    report(["balancer", "key"], complain("key-without-hash", message, 'write kind: "hash", or leave the key out'))
  }
  return { kind, ...(key && { key: resolveKey(key) }), ...(regions && { regions }) }
}

function resolveKey({ header, cookie }: D.HashKeyDocument): HashKey {
  if (header !== undefined) return { by: "header", name: header.toLowerCase() }
  return cookie === undefined ? { by: "caller" } : { by: "cookie", name: cookie }
}

function resolveOutlier(document: D.OutlierDocument, report: Report): OutlierPolicy {
  const { interval, baseEjection, maxEjection, ejectionJitter, ...figures } = document
  const baseEjectionMs = millisecondsOf(baseEjection, OUTLIER.baseEjectionMs)
  const maxEjectionMs = millisecondsOf(maxEjection, Math.max(OUTLIER.maxEjectionMs, baseEjectionMs))
  if (maxEjectionMs < baseEjectionMs) {
    const message = "The longest ejection is shorter than the first one"
    report(["outlier", "maxEjection"], complain("max-below-base", message, 'make it at least "baseEjection"'))
  }
  return {
    ...OUTLIER,
    ...figures,
    intervalMs: millisecondsOf(interval, OUTLIER.intervalMs),
    baseEjectionMs,
    maxEjectionMs,
    ejectionJitterMs: millisecondsOf(ejectionJitter, OUTLIER.ejectionJitterMs),
  }
}

function resolveConcurrency(
  { max, adaptive, reservePercent }: D.ConcurrencyDocument,
  report: Report,
): ConcurrencyPolicy {
  return {
    max,
    reservePercent: reservePercent ?? 0,
    ...(adaptive && { adaptive: resolveAdaptive(adaptive, max, report) }),
  }
}

function resolveAdaptive(document: D.AdaptiveDocument, max: number, report: Report): AdaptiveConcurrency {
  const min = document.min ?? 1
  const initial = document.initial ?? Math.max(min, Math.min(max, 20))
  if (min > max || initial < min || initial > max) {
    const message = `The limit cannot begin at ${initial} and move between ${min} and ${max}`
    report(["concurrency", "adaptive"], complain("limit-out-of-range", message, 'write "min" <= "initial" <= "max"'))
  }
  return {
    min,
    initial,
    samples: document.samples ?? 20,
    overloadPercent: document.overloadPercent ?? 10,
    ...(document.slow !== undefined && { slowMs: parseDuration(document.slow)! }),
  }
}

function resolveThrottle({ ratio, window, refusedPercentMax }: D.ThrottleDocument): ThrottlePolicy {
  return { ratio: ratio ?? 2, windowMs: millisecondsOf(window, 5_000), refusedPercentMax: refusedPercentMax ?? 90 }
}

function millisecondsOf(duration: string | undefined, otherwise: number): number {
  return duration === undefined ? otherwise : parseDuration(duration)!
}
