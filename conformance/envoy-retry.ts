/**
 * Cases of Envoy's retry state. What a request or its route asks for becomes a retry policy of the mesh, and each outcome of a case
 * is one attempt's: retried, not retried, over the policy's tries, or over the budget.
 */
import type { RetryCondition, RetryPolicy } from "#shared/model/policy.ts"
import { freshBudget, spendRetry } from "#shared/resilience/budget.ts"
import { isRetried, mayRepeat, type Outcome, retryAfterMs, waitBeforeRetryMs } from "#shared/resilience/retry.ts"
import { type CoreForm, judged } from "./core-form.ts"

interface RetryFile {
  readonly cases: readonly RetryCase[]
}

interface RetryCase {
  readonly test: string
  readonly requestHeaders?: Readonly<Record<string, string>>
  readonly policy?: {
    readonly retryOn?: readonly string[]
    readonly numRetries?: number
    readonly retriableStatusCodes?: readonly number[]
    readonly retriableHeaders?: readonly HeaderMatcher[]
    readonly retriableRequestHeaders?: readonly object[]
    readonly resetHeaders?: readonly { readonly name: string; readonly format: string }[]
  }
  readonly upstream?: {
    readonly retryBudget?: { readonly budgetPercent: number; readonly minRetryConcurrency: number }
  } & Readonly<Record<string, unknown>>
  readonly runtime?: object
  readonly now?: number
  readonly parse?: string
  readonly enabled?: boolean | null
  readonly headersRemovedBeforeUpstream?: readonly string[]
  readonly steps: readonly Step[]
}

interface HeaderMatcher {
  readonly name: string
  readonly string_match?: { readonly exact?: string; readonly prefix?: string; readonly suffix?: string }
  readonly range_match?: { readonly start: number; readonly end: number }
  readonly invert_match?: boolean
}

interface Step {
  readonly on?: {
    readonly response?: { readonly status: number; readonly headers: Readonly<Record<string, string>> }
    readonly reset?: string
  }
  readonly outcome?: string
  readonly backoff?: string
  readonly delayMs?: number
  readonly resetIntervalMs?: number | null
}

/** gRPC says its status by number in a header. */
const GRPC: Readonly<Record<string, string>> = {
  cancelled: "1",
  "deadline-exceeded": "4",
  "resource-exhausted": "8",
  internal: "13",
  unavailable: "14",
}

export const retryForm: CoreForm = {
  name: "envoy retry",
  takes: (_file, content) => {
    const cases = (content as Partial<RetryFile> | null)?.cases
    return (
      Array.isArray(cases) &&
      cases.some((one: RetryCase) => one.steps?.some(({ outcome }) => outcome === "limit-exceeded"))
    )
  },
  run: (content) => (content as RetryFile).cases.map((one) => judged(one.test, () => faultsOf(one), skipOf(one))),
}

function skipOf(one: RetryCase): string | undefined {
  const { policy, steps } = one
  const wanted = tokensOf(one).join(",")
  const resets = steps.map(({ on }) => on?.reset ?? "")
  if (one.parse !== undefined) return "conditions are typed values here: an unknown one is refused when it is applied"
  if (one.headersRemovedBeforeUpstream) return "a caller cannot choose how it is retried, so there are no such headers"
  if (one.runtime) return "there is no runtime layer beside the configuration"
  if (/http3|refused-stream/.test(wanted)) return "the platform does not tell these resets from others"
  if (one.upstream?.http3 === true) return "the platform speaks HTTP/3 by itself and does not say so"
  if (/reset-before-request/.test(wanted)) return "the platform does not tell when a request was cut"
  if (wanted === "connect-failure" && resets.some((reset) => !/^$|connect|overflow/.test(reset))) {
    return "a request that could not be sent and one that was cut look alike to a Worker"
  }
  if (/envoy-ratelimited/.test(wanted) || steps.some(({ on }) => on?.response?.headers["x-envoy-ratelimited"])) {
    return "Envoy's own mark on an answer; here a status or a header is named"
  }
  if (steps.some(({ delayMs }) => delayMs !== undefined))
    return "the back-off is never below its interval here, as the Gateway API wants"
  if (policy?.resetHeaders?.some(({ format }) => format !== "SECONDS"))
    return "Retry-After is read, other reset headers are not"
  if (/hostselection|HostSelection/.test(one.test))
    return "endpoints that were tried are left out by the balancer; there are no attempts at that"
  const answers = steps.map(({ on }) => on?.response?.headers["grpc-status"])
  if (answers.some((status) => status !== undefined) && /retriable-status-codes/.test(wanted)) {
    return "a status is asked for as it is, whatever gRPC says beside it"
  }
  const named = new Set(steps.flatMap(({ on }) => Object.keys(on?.response?.headers ?? {})))
  if (policy?.retriableHeaders?.some((matcher) => named.has(matcher.name.toLowerCase()) && isInexpressible(matcher))) {
    return "a response header is named with or without its exact value"
  }
  const limits = one.upstream && ("maxRetries" in one.upstream || "maxRequests" in one.upstream)
  return limits && !one.upstream?.retryBudget ? "retries are bounded by a budget, not by a number under way" : undefined
}

function isInexpressible({ string_match: match, invert_match: invert }: HeaderMatcher): boolean {
  return invert === true || (match !== undefined && match.exact === undefined)
}

function tokensOf({ requestHeaders = {}, policy }: RetryCase): string[] {
  const written = [requestHeaders["x-envoy-retry-on"], requestHeaders["x-envoy-retry-grpc-on"]].join(",")
  return [...(policy?.retryOn ?? []), ...written.split(",")]
    .map((token) => token.trim())
    .filter((token) => token !== "")
}

function policyOf(one: RetryCase): RetryPolicy {
  const { requestHeaders = {}, policy } = one
  const attempts = Number(requestHeaders["x-envoy-max-retries"] ?? policy?.numRetries ?? 1)
  return { attempts, on: tokensOf(one).flatMap((token) => conditionsOf(token, one)), backoffMs: 25, unsafe: false }
}

function conditionsOf(token: string, { requestHeaders = {}, policy }: RetryCase): RetryCondition[] {
  const listed = (name: string) => (requestHeaders[name] ?? "").split(",").filter((part) => part.trim() !== "")
  switch (token) {
    case "5xx":
    case "gateway-error":
    case "reset":
    case "connect-failure":
    case "retriable-4xx":
      return [token]
    case "retriable-status-codes":
      return [...(policy?.retriableStatusCodes ?? []), ...listed("x-envoy-retriable-status-codes").map(Number)]
    case "retriable-headers":
      return [
        ...(policy?.retriableHeaders ?? []).flatMap(headerConditions),
        ...listed("x-envoy-retriable-header-names").map((name) => ({ header: name.trim().toLowerCase() })),
      ]
    default:
      return GRPC[token] === undefined ? [] : [{ header: "grpc-status", value: GRPC[token] }]
  }
}

function headerConditions(matcher: HeaderMatcher): RetryCondition[] {
  const { name, string_match: match, range_match: range } = matcher
  if (isInexpressible(matcher)) return []
  if (name === ":status" && range)
    return Array.from({ length: range.end - range.start }, (_, index) => range.start + index)
  return [{ header: name.toLowerCase(), ...(match?.exact !== undefined && { value: match.exact }) }]
}

function faultsOf(one: RetryCase): string[] {
  const policy = policyOf(one)
  const faults: string[] = []
  const method = one.policy?.retriableRequestHeaders ? (one.requestHeaders?.[":method"] ?? "") : "GET"
  const isEnabled = policy.on.length > 0 && mayRepeat(policy, method, false)
  if (one.enabled !== undefined && isEnabled !== (one.enabled ?? false))
    faults.push(`retries are ${isEnabled ? "on" : "off"}`)
  let retries = 0
  for (const [index, step] of one.steps.entries()) {
    const outcome = outcomeOf(step)
    if (step.resetIntervalMs !== undefined) {
      const asked = "refusal" in outcome ? 0 : retryAfterMs(outcome.headers.get("retry-after"), 0)
      if (asked !== (step.resetIntervalMs ?? 0)) faults.push(`step ${index}: Retry-After asks for ${asked} ms`)
    }
    if (step.outcome === undefined) continue
    const found = judge(one, policy, outcome, retries)
    if (found === "yes") retries += 1
    if (found !== step.outcome) faults.push(`step ${index}: ${found} instead of ${step.outcome}`)
    if (found !== "yes" || step.backoff !== "timer") continue
    const { total } = waitBeforeRetryMs(policy, retries, outcome, 0, 0.5)
    if (!(total >= policy.backoffMs)) faults.push(`step ${index}: waits only ${total} ms`)
  }
  return faults
}

function judge({ upstream }: RetryCase, policy: RetryPolicy, outcome: Outcome, retries: number): string {
  if (!isRetried(policy, outcome)) return "no"
  if (retries >= policy.attempts) return "limit-exceeded"
  const budget = upstream?.retryBudget
  if (!budget) return "yes"
  const limit = { ratio: budget.budgetPercent / 100, perSecondMin: budget.minRetryConcurrency }
  return spendRetry(freshBudget(0), limit, 0) ? "yes" : "overflow"
}

/** Overflow is a refusal of the proxy's own; every other reset is an upstream that did not answer. */
function outcomeOf({ on }: Step): Outcome {
  if (on?.response) return { status: on.response.status, headers: new Headers(on.response.headers) }
  return { refusal: on?.reset === "overflow" ? "overloaded" : "upstream_unreachable" }
}
