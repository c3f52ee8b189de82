/**
 * Rules of HTTPRoutes and GRPCRoutes. Nothing is dropped in silence: a rule whose filters cannot be done answers its requests
 * with 500, a backend that may not be used keeps its share and answers 500 for it, and a rule whose matches mean nothing
 * here is left out and said to be.
 */
import { quote } from "#shared/config/complaint.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { RouteId, RuleId } from "#shared/model/names.ts"
import type { RetryPolicy, Timeouts } from "#shared/model/policy.ts"
import type { Backend, Match, Rule, Sticky } from "#shared/model/route.ts"
import { parseDuration } from "#shared/std/duration.ts"
import { type FilterContext, isRefused, type Refused, translateFilters } from "./filters.ts"
import { grpcMatches, httpMatches } from "./matches.ts"
import { hash } from "./names.ts"
import type { Path, Write } from "./notes.ts"
import type { BackendRefSpec, GrpcRule, HttpRule, SessionSpec } from "./types.ts"

export interface RuleContext extends FilterContext {
  readonly kind: "HTTPRoute" | "GRPCRoute"
  readonly route: RouteId
}

/** What Istio and Envoy wait at least before a second try. */
const BACKOFF_MS = 25
/** A route without rules has one that takes everything and sends it nowhere. */
const NO_RULES: readonly HttpRule[] = [{}]

export function translateRules(context: RuleContext, rules: readonly (HttpRule | GrpcRule)[] = NO_RULES): Rule[] {
  return rules.flatMap((rule, index) => translateRule(context, rule, index) ?? [])
}

function translateRule(context: RuleContext, rule: HttpRule | GrpcRule, index: number): Rule | undefined {
  const path: Path = ["spec", "rules", index]
  const id = `${context.route}/${rule.name ?? index}` as RuleId
  const matches = matchesOf(context, rule, path)
  if (isRefused(matches)) {
    dropped(context.write, index, matches, "it takes no request")
    return undefined
  }
  const filters = translateFilters(context, rule.filters, path)
  if (isRefused(filters)) {
    dropped(context.write, index, filters, "its requests are answered 500")
    return { id, matches, filters: [], backends: [], timeouts: {}, retry: undefined }
  }
  const { timeouts = undefined, retry = undefined } = rule as HttpRule
  const sticky =
    rule.sessionPersistence && stickyOf(context.write, rule.sessionPersistence, id, [...path, "sessionPersistence"])
  return {
    id,
    matches,
    filters,
    backends: (rule.backendRefs ?? []).map((ref, at) => translateBackend(context, ref, [...path, "backendRefs", at])),
    ...(sticky && { sticky }),
    timeouts: timeoutsOf(context.write, timeouts, [...path, "timeouts"]),
    retry: retry && retryOf(context.write, retry, [...path, "retry"]),
  }
}

function matchesOf({ kind }: RuleContext, rule: HttpRule | GrpcRule, path: Path): Match[] | Refused {
  return kind === "HTTPRoute" ? httpMatches(rule as HttpRule, path) : grpcMatches(rule as GrpcRule, path)
}

/** `Dropped Rule` are the words that the Gateway API has this message begin with. */
function dropped(write: Write, index: number, { refused, path }: Refused, effect: string): void {
  write(path, "unsupported", "PartiallyInvalid", "UnsupportedValue", `Dropped Rule ${index}: ${refused}; ${effect}`)
}

function translateBackend(context: RuleContext, ref: BackendRefSpec, path: Path): Backend {
  const weight = ref.weight ?? 1
  const target = context.target(ref)
  if ("invalid" in target) {
    const message = `${target.message}: its share of the requests is answered 500`
    context.write(path, "invalid", "ResolvedRefs", target.reason, message)
    return { ...target.ref, weight, filters: [], invalid: target.invalid }
  }
  const filters = translateFilters(context, ref.filters, path)
  if (isRefused(filters)) {
    const message = `${filters.refused}; this backend's share of the requests is answered 500`
    context.write(filters.path, "unsupported", "PartiallyInvalid", "UnsupportedValue", message)
    return { ...target.ref, weight, filters: [], invalid: "kind_not_supported" }
  }
  return { ...target.ref, weight, filters }
}

/** A session that cannot be kept as it is asked for is not kept; the rule itself holds. */
function stickyOf(write: Write, spec: SessionSpec, rule: RuleId, path: Path): Sticky | undefined {
  const { type = "Cookie", absoluteTimeout = "0s", cookie = spec.cookieConfig ?? {} } = spec
  const permanent = cookie.lifetimeType === "Permanent"
  const why =
    type !== "Cookie"
      ? `sessions are kept by a cookie, not by ${quote(type)}`
      : cookie.path !== undefined && cookie.path !== "/"
        ? "a session's cookie holds for every path"
        : undefined
  if (why !== undefined) {
    write(path, "unsupported", "Accepted", "UnsupportedValue", why)
    return undefined
  }
  const maxAgeSeconds = Math.min(Math.floor((parseDuration(absoluteTimeout) ?? 0) / 1_000), LIMITS.timeoutMsMax)
  const name = cookie.name ?? spec.sessionName ?? `weft-session-${hash(rule)}`
  return { by: "session", cookie: name, ...(permanent && { maxAgeSeconds }) }
}

function timeoutsOf(write: Write, spec: HttpRule["timeouts"], path: Path): Timeouts {
  const requestMs = limitMs(write, spec?.request, [...path, "request"])
  const attemptMs = limitMs(write, spec?.backendRequest, [...path, "backendRequest"])
  return { ...(requestMs !== undefined && { requestMs }), ...(attemptMs !== undefined && { attemptMs }) }
}

/** "0s" means without limit (GEP-1742). */
function limitMs(write: Write, text: string | undefined, path: Path): number | undefined {
  const ms = text === undefined ? 0 : (parseDuration(text) ?? 0)
  if (ms <= LIMITS.timeoutMsMax) return ms === 0 ? undefined : ms
  write(
    path,
    "unsupported",
    "Accepted",
    "UnsupportedValue",
    `${quote(text!)} is longer than the most, 1h, and taken as that`,
  )
  return LIMITS.timeoutMsMax
}

/** Connections that fail are tried again whatever codes are named (GEP-1731). */
function retryOf(write: Write, spec: NonNullable<HttpRule["retry"]>, path: Path): RetryPolicy | undefined {
  const attempts = spec.attempts ?? 1
  if (attempts === 0) return undefined
  if (attempts > LIMITS.retryAttemptsMax) {
    const message = `${attempts} further tries are more than the most, ${LIMITS.retryAttemptsMax}, and taken as that`
    write([...path, "attempts"], "unsupported", "Accepted", "UnsupportedValue", message)
  }
  const codes = [...new Set(spec.codes ?? [])]
  if (codes.length >= LIMITS.retryConditionsMax) {
    const message = `${codes.length} codes are more than the most, ${LIMITS.retryConditionsMax - 1}; the first ones count`
    write([...path, "codes"], "unsupported", "Accepted", "UnsupportedValue", message)
  }
  return {
    attempts: Math.min(attempts, LIMITS.retryAttemptsMax),
    on: [...codes.slice(0, LIMITS.retryConditionsMax - 1), "reset"],
    backoffMs: spec.backoff === undefined ? BACKOFF_MS : Math.min(parseDuration(spec.backoff)!, LIMITS.timeoutMsMax),
    unsafe: false,
  }
}
