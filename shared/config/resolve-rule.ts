/** Rules of a route, and what within one rule contradicts itself. */
import type {
  AccessLogDocument,
  BackendDocument,
  FilterDocument,
  RuleDocument,
  StickyDocument,
} from "#shared/model/document.ts"
import type { MatchDocument } from "#shared/model/match-document.ts"
import type { RouteId, RuleId } from "#shared/model/names.ts"
import type { Timeouts } from "#shared/model/policy.ts"
import type { PathChange } from "#shared/model/rewrite.ts"
import type { AccessLogPolicy, Backend, Filter, Match, Rule, Sticky } from "#shared/model/route.ts"
import { parseDuration } from "#shared/std/duration.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain, hintFrom, quote } from "./complaint.ts"
import { captureNames } from "./path-syntax.ts"
import { resolveReference } from "./resolve-backend.ts"
import { resolveRetry } from "./resolve-breaker.ts"
import { resolveFilter, resolveMatch } from "./resolve-filter.ts"
import { resolveRateLimits } from "./resolve-limit.ts"
import type { Scope } from "./scope.ts"

/** Filters that may stand several times: each says something of its own. */
const REPEATABLE = new Set<string>(["requestHeaders", "responseHeaders", "mirror"])
/** Filters that answer, or that hold before a backend is chosen, mean nothing on one backend. */
const ON_BACKENDS = new Set<string>(["requestHeaders", "responseHeaders", "rewrite"])

type Path = readonly Step[]

export interface RuleContext extends Scope {
  readonly route: RouteId
  /** The services whose traffic the route takes. */
  readonly own: ReadonlySet<string>
}

export function resolveRule(context: RuleContext, document: RuleDocument, index: number): Rule {
  const path = ["rules", index]
  const id = `${context.route}/${document.name ?? index}` as RuleId
  const matches = resolveMatches(context, document, path)
  const filters = resolveFilters(context, document.filters ?? [], [...path, "filters"])
  for (const [position, { filter }] of filters.entries()) {
    checkPathChange(context, filter, matches, [...path, "filters", position])
  }
  const backends = resolveBackends(context, document, matches, path)
  if (document.delegate === undefined) checkAnswers(context, document, path)
  const timeouts = resolveTimeouts(context, document, path)
  return {
    id,
    matches,
    filters: filters.flatMap(({ filter }) => filter ?? []),
    backends,
    ...(document.sticky && { sticky: resolveSticky(document.sticky) }),
    timeouts,
    retry: document.retry && resolveRetry(document.retry),
    ...(document.priority && { priority: document.priority }),
    ...(document.encodedSlashes && { encodedSlashes: document.encodedSlashes }),
    ...(document.accessLog && { accessLog: resolveAccessLog(document.accessLog) }),
    ...(document.tracing && { tracing: { percent: document.tracing.percent } }),
    ...(document.rateLimits && {
      rateLimits: resolveRateLimits(context, document.rateLimits, id, matches, [...path, "rateLimits"]),
    }),
  }
}

function resolveMatches(context: RuleContext, document: RuleDocument, path: Path): Match[] {
  const { match, matches } = document
  if (matches) return matches.map((one, index) => resolveMatch(context, one, [...path, "matches", index]))
  return [resolveMatch(context, match ?? ({} satisfies MatchDocument), [...path, "match"])]
}

function resolveFilters(context: RuleContext, documents: readonly FilterDocument[], path: Path) {
  const seen = new Set<string>()
  return documents.map((document, index) => {
    const kind = Object.keys(document)[0]!
    if (seen.has(kind) && !REPEATABLE.has(kind)) {
      context.report([...path, index], complain("duplicate-filter", `The filter ${quote(kind)} stands here twice`))
    }
    seen.add(kind)
    return { kind, filter: resolveFilter(context, document, [...path, index]) }
  })
}

function resolveBackends(
  context: RuleContext,
  document: RuleDocument,
  matches: readonly Match[],
  path: Path,
): Backend[] {
  const documents = document.backends ?? []
  const resolved = documents.map((backend, index) =>
    resolveBackend(context, backend, matches, [...path, "backends", index]),
  )
  if (documents.length > 0 && documents.every(({ weight }) => weight === 0)) {
    const hint = 'give one of them a weight, or answer with the filter "respond"'
    context.report(
      [...path, "backends"],
      complain("no-weight", "Every backend has the weight 0, so none gets requests", hint),
    )
  }
  return resolved.flatMap((backend) => backend ?? [])
}

function resolveBackend(context: RuleContext, document: BackendDocument, matches: readonly Match[], path: Path) {
  const filters = resolveFilters(context, document.filters ?? [], [...path, "filters"])
  for (const [index, { kind, filter }] of filters.entries()) {
    const at = [...path, "filters", index]
    if (ON_BACKENDS.has(kind)) checkPathChange(context, filter, matches, at)
    else {
      const message = `The filter ${quote(kind)} holds for a whole rule, not for one backend`
      context.report(at, complain("filter-not-allowed", message, "move it to the rule's filters"))
    }
  }
  const reference = resolveReference(context, document, path, context.own)
  return (
    reference && { ...reference, weight: document.weight ?? 1, filters: filters.flatMap(({ filter }) => filter ?? []) }
  )
}

/** A rule sends requests on or answers them itself, one of both. */
function checkAnswers(context: RuleContext, { filters = [], backends = [] }: RuleDocument, path: Path): void {
  const answering = filters.findIndex((filter) => filter.redirect || filter.respond)
  if (answering < 0) {
    if (backends.length > 0) return
    const hint = 'add "backends", or a filter "redirect" or "respond"'
    context.report(path, complain("no-backend", "The rule neither sends its requests anywhere nor answers them", hint))
    return
  }
  const kind = Object.keys(filters[answering]!)[0]!
  const at = [...path, "filters", answering]
  if (backends.length > 0) {
    context.report(
      at,
      complain(
        `${kind}-with-backends`,
        `The filter ${quote(kind)} answers by itself, so no backend gets requests`,
        "remove one of both",
      ),
    )
  }
  for (const [index, filter] of filters.entries()) {
    const other = Object.keys(filter)[0]!
    const answersToo = index > answering && (filter.redirect || filter.respond) && other !== kind
    if (!filter.rewrite && !answersToo) continue
    context.report(
      [...path, "filters", index],
      complain(
        `${kind}-with-${other}`,
        `The filter ${quote(kind)} answers by itself, so ${quote(other)} has no effect`,
        "remove one of both",
      ),
    )
  }
}

/** A new prefix needs an old one to replace, and a template captures to fill in: in every match of the rule. */
function checkPathChange(
  context: RuleContext,
  filter: Filter | undefined,
  matches: readonly Match[],
  path: Path,
): void {
  const change = pathChangeOf(filter)
  if (!filter || !change) return
  const at = [...path, filter.kind, "path"]
  if (change.kind === "prefix" && matches.some((match) => match.path?.kind !== "prefix")) {
    const message = `A prefix can only be replaced where every match of the rule has a path prefix`
    context.report(at, complain("prefix-without-prefix-match", message, 'match a prefix, or write a "full" path'))
  }
  if (change.kind !== "template") return
  for (const name of captureNames(change.value)) {
    const missing = matches.find((match) => !capturesOf(match).includes(name))
    if (!missing) continue
    const hint = hintFrom(name, "captures", capturesOf(missing))
    context.report(
      at,
      complain("unknown-capture", `${quote(`{${name}}`)} is not captured by every match of the rule`, hint),
    )
  }
}

function pathChangeOf(filter: Filter | undefined): PathChange | undefined {
  if (filter?.kind === "rewrite") return filter.rewrite.path
  return filter?.kind === "redirect" ? filter.redirect.path : undefined
}

function capturesOf(match: Match): string[] {
  return match.path?.kind === "template" ? captureNames(match.path.value) : []
}

function resolveAccessLog({ percent = 100, failures = true, slowerThan, headers }: AccessLogDocument): AccessLogPolicy {
  return {
    ...{ percent, failures },
    ...(slowerThan !== undefined && { slowerThanMs: parseDuration(slowerThan)! }),
    ...(headers && { headers: [...new Set(headers.map((name) => name.toLowerCase()))].sort() }),
  }
}

function resolveSticky({ header, cookie, chain, session }: StickyDocument): Sticky {
  if (header !== undefined) return { by: "header", name: header.toLowerCase() }
  if (cookie !== undefined) return { by: "cookie", name: cookie }
  if (session === undefined) return { by: chain ? "chain" : "caller" }
  const maxAgeMs = session.maxAge === undefined ? undefined : parseDuration(session.maxAge)!
  const life = maxAgeMs === undefined ? {} : { maxAgeSeconds: Math.ceil(maxAgeMs / 1000) }
  return { by: "session", cookie: session.cookie, ...life }
}

function resolveTimeouts(context: RuleContext, document: RuleDocument, path: Path): Timeouts {
  const { timeout, attemptTimeout, idleTimeout } = document
  const requestMs = timeout === undefined ? undefined : parseDuration(timeout)!
  const attemptMs = attemptTimeout === undefined ? undefined : parseDuration(attemptTimeout)!
  if (requestMs !== undefined && attemptMs !== undefined && attemptMs >= requestMs) {
    const message = `An attempt may take ${quote(attemptTimeout!)}, and all of them together ${quote(timeout!)}: no second one fits in`
    const hint = 'make "attemptTimeout" shorter than "timeout", or leave it out'
    context.report([...path, "attemptTimeout"], complain("attempt-outlasts-request", message, hint))
  }
  return {
    ...(requestMs !== undefined && { requestMs }),
    ...(attemptMs !== undefined && { attemptMs }),
    ...(idleTimeout !== undefined && { idleMs: parseDuration(idleTimeout)! }),
  }
}
