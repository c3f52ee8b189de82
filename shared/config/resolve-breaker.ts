/** Breakers, retry budgets and retries with their defaults filled in. */
import type {
  BreakerDocument,
  FallbackDocument,
  RetryBudgetDocument,
  StaleDocument,
} from "#shared/model/breaker-document.ts"
import type { RetryDocument, ServiceDocument } from "#shared/model/document.ts"
import { type ServiceId, type SubsetName, serviceId } from "#shared/model/names.ts"
import type {
  BreakerPolicy,
  Fallback,
  RetryBudgetPolicy,
  RetryPolicy,
  ServicePolicy,
  StalePolicy,
} from "#shared/model/policy.ts"
import { parseDuration } from "#shared/std/duration.ts"
import { complain, quote, type Report } from "./complaint.ts"
import { resolveReference } from "./resolve-backend.ts"
import type { Scope } from "./scope.ts"

/** What Istio and Envoy wait at least before a second try. */
const BACKOFF_MS = 25
const STALE_AGE_MS = 5 * 60 * 1000
const RETRY_ON: RetryPolicy["on"] = ["connect-failure", "gateway-error"]

export function resolveProtection(
  namespace: string,
  { breaker, retryBudget }: ServiceDocument,
  report: Report,
): Pick<ServicePolicy, "breaker" | "retryBudget"> {
  return {
    ...(breaker && { breaker: resolveBreaker(namespace, breaker, report) }),
    ...(retryBudget && { retryBudget: resolveRetryBudget(retryBudget) }),
  }
}

/** What stands in for a service must be there, and may not be the service itself. */
export function checkFallback(scope: Scope, service: ServiceId, { breaker }: ServiceDocument): void {
  const fallback = breaker?.fallback
  if (fallback?.service === undefined) return
  const path = ["breaker", "fallback"]
  const { service: reference, subset } = fallback
  const found = resolveReference(scope, { service: reference, ...(subset !== undefined && { subset }) }, path)
  if (found?.service !== service) return
  const message = `${quote(reference)} cannot stand in for itself: its subsets share its breaker's settings, and often its trouble`
  scope.report([...path, "service"], complain("fallback-to-itself", message, "name another service"))
}

function resolveBreaker(namespace: string, document: BreakerDocument, report: Report): BreakerPolicy {
  const { volume = 20, failurePercent = 50, consecutive, slow, probes = 1, successes = 1, fallback } = document
  const coolDownMs = parseDuration(document.coolDown ?? "5s")!
  const longestMs = parseDuration(document.coolDownMax ?? "1m")!
  if (failurePercent === 0 && consecutive === undefined && slow === undefined) {
    report(["breaker"], complain("never-opens", "Nothing makes this breaker open", 'set "consecutive" or "slow"'))
  }
  if (document.coolDownMax !== undefined && longestMs < coolDownMs) {
    const message = `The longest rest, ${quote(document.coolDownMax)}, is shorter than the first`
    report(["breaker", "coolDownMax"], complain("cool-down-shrinks", message, 'make it longer than "coolDown"'))
  }
  return {
    windowMs: parseDuration(document.window ?? "10s")!,
    volumeMin: volume,
    ...(failurePercent > 0 && { failureRatio: failurePercent / 100 }),
    ...(consecutive !== undefined && { consecutive }),
    ...(slow && { slow: { overMs: parseDuration(slow.over)!, ratio: (slow.percent ?? 50) / 100 } }),
    coolDownMs,
    coolDownMsMax: Math.max(coolDownMs, longestMs),
    probes,
    successes,
    ...(document.warmup !== undefined && { warmupMs: parseDuration(document.warmup)! }),
    ...(fallback?.stale && { stale: resolveStale(fallback.stale) }),
    ...(fallback && (fallback.respond || fallback.service) && { fallback: resolveFallback(namespace, fallback) }),
  }
}

function resolveFallback(namespace: string, { service, subset, respond }: FallbackDocument): Fallback {
  if (respond) {
    const headers = Object.entries(respond.headers ?? {}).map(([name, value]) => ({ name: name.toLowerCase(), value }))
    return { kind: "respond", respond: { status: respond.status, headers, body: respond.body ?? "" } }
  }
  const [first = "", second] = service!.split("/")
  const id = second === undefined ? serviceId(namespace, first) : serviceId(first, second)
  return { kind: "service", backend: { service: id, ...(subset !== undefined && { subset: subset as SubsetName }) } }
}

function resolveStale({ maxAge, ignoreHeaders = [] }: StaleDocument): StalePolicy {
  const names = ignoreHeaders.map((name) => name.toLowerCase())
  return {
    maxAgeMs: maxAge === undefined ? STALE_AGE_MS : parseDuration(maxAge)!,
    ignoreHeaders: [...new Set(names)].sort(),
  }
}

function resolveRetryBudget({ percent = 20, perSecond = 1 }: RetryBudgetDocument): RetryBudgetPolicy {
  return { ratio: percent / 100, perSecondMin: perSecond }
}

export function resolveRetry({ attempts, on, backoff, unsafe, nested, hedge }: RetryDocument): RetryPolicy {
  return {
    attempts,
    on: (on ?? RETRY_ON).map((one) => (typeof one === "object" ? { ...one, header: one.header.toLowerCase() } : one)),
    backoffMs: backoff === undefined ? BACKOFF_MS : parseDuration(backoff)!,
    unsafe: unsafe ?? false,
    ...(nested !== undefined && { nested }),
    ...(hedge && { hedge: { afterMs: parseDuration(hedge.after)!, max: hedge.max ?? 1 } }),
  }
}
