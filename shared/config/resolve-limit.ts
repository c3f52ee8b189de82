/** Rate limits of a rule, and what within one of them contradicts itself. */
import type { RateLimitDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { RuleId } from "#shared/model/names.ts"
import type { LimitCost, LimitKey, RateLimit } from "#shared/model/rate-limit.ts"
import type { Match } from "#shared/model/route.ts"
import { parseDuration } from "#shared/std/duration.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain, hintFrom, quote } from "./complaint.ts"
import { readLimitKey } from "./limit-key.ts"
import { captureNames } from "./path-syntax.ts"
import { findService, type Scope } from "./scope.ts"

type Path = readonly Step[]

export function resolveRateLimits(
  scope: Scope,
  documents: readonly RateLimitDocument[],
  rule: RuleId,
  matches: readonly Match[],
  path: Path,
): RateLimit[] {
  const seen = new Set<string>()
  return documents.map((document, index) => {
    const name = document.name ?? `limit-${index}`
    const at = [...path, index]
    if (seen.has(name)) {
      scope.report(at, complain("duplicate-name", `The limit ${quote(name)} stands here twice`))
    }
    seen.add(name)
    return resolveRateLimit(scope, document, { id: `${rule}/${name}`, name }, matches, at)
  })
}

function resolveRateLimit(
  scope: Scope,
  document: RateLimitDocument,
  names: Pick<RateLimit, "id" | "name">,
  matches: readonly Match[],
  path: Path,
): RateLimit {
  const { requests, key = [], shadow = false, whenUnavailable = "allow", headers = false } = document
  const limit: RateLimit = {
    ...names,
    requests,
    perMs: parseDuration(document.per)!,
    burst: document.burst ?? requests,
    key: key.map((part) => readLimitKey(part) as LimitKey),
    scope: document.scope ?? "mesh",
    cost: resolveCost(scope, document.cost ?? 1, [...path, "cost"]),
    shadow,
    whenUnavailable,
    headers,
  }
  checkCost(scope, limit, path)
  checkExact(scope, limit, path)
  checkCaptures(scope, limit, matches, [...path, "key"])
  return limit
}

function resolveCost(scope: Scope, cost: NonNullable<RateLimitDocument["cost"]>, path: Path): LimitCost {
  if (typeof cost === "number") return { kind: "fixed", tokens: cost }
  const callers = typeof cost.from === "string" ? [cost.from] : cost.from
  const from = callers.flatMap((caller) => findService(scope, caller, [...path, "from"]) ?? [])
  return { kind: "header", name: cost.header.toLowerCase(), from, otherwise: cost.otherwise ?? 1 }
}

function checkCost(scope: Scope, { cost, burst }: RateLimit, path: Path): void {
  const tokens = cost.kind === "fixed" ? cost.tokens : cost.otherwise
  if (tokens <= burst) return
  const message = `A request costs ${tokens}, and the bucket holds ${burst}: none would ever be let through`
  scope.report([...path, "cost"], complain("cost-over-burst", message, 'raise "burst" to at least the cost'))
}

function checkExact(scope: Scope, limit: RateLimit, path: Path): void {
  const perSecond = (limit.requests / limit.perMs) * 1000
  if (limit.scope !== "exact" || perSecond <= LIMITS.limitExactPerSecondMax) return
  const message = `An exact limit asks for each request: at most ${LIMITS.limitExactPerSecondMax} a second, and this allows ${perSecond}`
  scope.report([...path, "scope"], complain("exact-too-fast", message, 'write "scope: mesh", which leases ahead'))
}

function checkCaptures(scope: Scope, { key }: RateLimit, matches: readonly Match[], path: Path): void {
  for (const [index, part] of key.entries()) {
    if (part.by !== "capture") continue
    const missing = matches.find((match) => !capturesOf(match).includes(part.name))
    if (!missing) continue
    const message = `${quote(part.name)} is not captured by every match of the rule`
    scope.report([...path, index], complain("unknown-capture", message, captureHint(part.name, missing)))
  }
}

function captureHint(name: string, match: Match): string {
  const known = capturesOf(match)
  return known.length > 0 ? hintFrom(name, "captures", known) : `match a template such as "/users/{${name}}"`
}

function capturesOf(match: Match): string[] {
  return match.path?.kind === "template" ? captureNames(match.path.value) : []
}
