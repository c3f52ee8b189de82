/**
 * Delegation: a rule gives what lies below its path prefix to another route, whose rules take its place here, before
 * anything is compiled: at run time nothing is left of it. The target may be another namespace's, because who owns the host names it;
 * its own names are meant in its own namespace.
 */
import type { Resource, RouteDocument, RuleDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type RouteId, type RuleId, routeId } from "#shared/model/names.ts"
import type { Rewrite } from "#shared/model/rewrite.ts"
import type { Filter, Match, Rule } from "#shared/model/route.ts"
import type { Step } from "#shared/std/steps.ts"
import { type Complaint, complain, hintFrom, quote, type Report } from "./complaint.ts"
import { joinMatches } from "./delegate-match.ts"
import type { ResourceKey } from "./parse.ts"
import { type RuleContext, resolveRule } from "./resolve-rule.ts"

/** The routes that rules may delegate to. */
export interface Delegates {
  readonly routes: ReadonlyMap<RouteId, Resource | "broken">
  readonly reportFor: (resource: ResourceKey) => Report
  /** How many more rules may be made by delegation in the whole mesh. */
  readonly budget: { left: number }
  /** Those that some rule delegates to. */
  readonly reached: Set<RouteId>
}

export interface DelegatingContext extends RuleContext {
  readonly delegates: Delegates
  /** Of the route that the host belongs to. */
  readonly order: "specific" | "listed"
  /** The routes on the way to this one, the first owns the host. */
  readonly trail: readonly RouteId[]
}

type Path = readonly Step[]

/** The rules that a written rule stands for: itself, or those of the route that it delegates to. */
export function rulesOf(context: DelegatingContext, document: RuleDocument, index: number): Rule[] {
  const parent = resolveRule(context, document, index)
  if (document.delegate === undefined) return [parent]
  const path = ["rules", index]
  checkDelegating(context, document, parent, path)
  const target = targetOf(context, document.delegate, [...path, "delegate"])
  return target ? delegated(context, parent, target, [...path, "delegate"]) : []
}

/** `name` or `namespace/name` of a route as its id. */
export function routeIdIn(namespace: string, reference: string): RouteId {
  const [first = "", second] = reference.split("/")
  return second === undefined ? routeId(namespace, first) : routeId(first, second)
}

/** What the delegating rule would do to requests by itself. */
function checkDelegating(context: RuleContext, document: RuleDocument, parent: Rule, path: Path): void {
  const refuse = (steps: Path, message: string, hint: string) =>
    context.report([...path, ...steps], complain("delegate-conflict", message, hint))
  if (document.backends?.length) {
    refuse(["backends"], 'The rule delegates its requests, so that "backends" get none', "remove one of both")
  }
  for (const [index, filter] of parent.filters.entries()) {
    if (filter.kind !== "redirect" && filter.kind !== "respond" && !(filter.kind === "rewrite" && filter.rewrite.path))
      continue
    const message = `The filter ${quote(filter.kind)} needs the path or the answer that the delegated rules have`
    refuse(["filters", index], message, "write it in the route that is delegated to")
  }
  for (const [index, { path: match }] of parent.matches.entries()) {
    if (match === undefined || match.kind === "prefix") continue
    const place = document.matches ? ["matches", index, "path"] : ["match", "path"]
    refuse(place, `What is delegated lies below a prefix, and this is matched by ${match.kind}`, "match a path prefix")
  }
}

function targetOf(context: DelegatingContext, reference: string, path: Path): Resource | undefined {
  const { delegates, namespace, route, trail } = context
  const refuse = (rule: string, message: string, hint?: string): undefined =>
    void context.report(path, complain(rule, message, hint))
  const id = routeIdIn(namespace, reference)
  delegates.reached.add(id)
  const target = delegates.routes.get(id)
  if (target === "broken") return undefined
  if (target === undefined) {
    const known = [...delegates.routes.keys()].map((one) =>
      one.startsWith(`${namespace}/`) ? one.slice(namespace.length + 1) : one,
    )
    return refuse("unknown-route", `No route is named ${quote(reference)}`, hintFrom(reference, "routes", known))
  }
  const way = [...trail, route]
  if (way.includes(id)) {
    const circle = [...way.slice(way.indexOf(id)), id].join(" -> ")
    return refuse("delegation-cycle", `The delegation comes back to where it began: ${circle}`, "remove one step of it")
  }
  if (way.length > LIMITS.delegationsMax) {
    const message = `Requests are delegated more than ${LIMITS.delegationsMax} times: ${[...way, id].join(" -> ")}`
    return refuse("delegation-too-deep", message, "delegate to the last of them directly")
  }
  const { hosts, service, services, order } = target.spec as RouteDocument
  if (hosts ?? service ?? services) {
    const message = `The route ${quote(id)} takes requests by itself, by "hosts" or "service"`
    return refuse("delegate-attached", message, "remove them there, or write the rules into a route of their own")
  }
  if (order !== undefined && order !== context.order) {
    const message = `The rules become part of ${quote(way[0] ?? route)}, which is ${quote(context.order)}`
    delegates.reportFor(target)(["order"], complain("order-conflict", message, "leave the order out"))
  }
  return target
}

function delegated(context: DelegatingContext, parent: Rule, target: Resource, path: Path): Rule[] {
  const { delegates } = context
  const child: DelegatingContext = {
    ...context,
    namespace: target.namespace,
    report: delegates.reportFor(target),
    route: routeId(target.namespace, target.name),
    trail: [...context.trail, context.route],
  }
  const rules: Rule[] = []
  for (const [index, document] of (target.spec as RouteDocument).rules.entries()) {
    if (delegates.budget.left-- <= 0) {
      const message = `Delegation makes more than ${LIMITS.delegatedRulesMax} rules of the mesh`
      context.report(path, complain("too-many", message, "delegate less often to the same route"))
      return rules
    }
    for (const rule of rulesOf(child, document, index)) {
      const joined = joinRules(
        parent,
        rule,
        (steps, complaint) => child.report(["rules", index, ...steps], complaint),
        document,
      )
      if (joined) rules.push(joined)
    }
  }
  return rules
}

/** The delegated rule within its parent: both sets of conditions, the parent's filters first, and its own word on the rest. */
function joinRules(parent: Rule, child: Rule, report: Report, document: RuleDocument): Rule | undefined {
  const matches = joinAll(parent, child, report, document)
  const filters = joinFilters(parent.filters, child.filters)
  if (matches.length > LIMITS.matchesMax) {
    report([], tooMany("matches", matches.length, LIMITS.matchesMax))
    // Joined with those of the next rule above they would be too many to count.
    return undefined
  }
  if (filters.length > LIMITS.filtersMax) report(["filters"], tooMany("filters", filters.length, LIMITS.filtersMax))
  if (matches.length === 0) return undefined
  const limits = [...(parent.rateLimits ?? []), ...(child.rateLimits ?? [])]
  if (limits.length > LIMITS.rateLimitsMax) {
    report(["rateLimits"], tooMany("rate limits", limits.length, LIMITS.rateLimitsMax))
  }
  return {
    ...parent,
    ...child,
    id: `${parent.id}>${child.id}` as RuleId,
    matches,
    filters,
    ...(limits.length > 0 && { rateLimits: limits }),
    timeouts: { ...parent.timeouts, ...child.timeouts },
    retry: child.retry ?? parent.retry,
  }
}

/** Each of the parent's matches with each of the child's. One of the child's that fits none of the parent's is a problem. */
function joinAll(parent: Rule, child: Rule, report: Report, { matches }: RuleDocument): Match[] {
  const joined: Match[] = []
  const fitting = new Set<Match>()
  const complaints = new Map<Match, Complaint>()
  for (const outer of parent.matches) {
    // More are refused, however many they are.
    if (joined.length > LIMITS.matchesMax) return joined
    for (const inner of child.matches) {
      const both = joinMatches(outer, inner, parent.id)
      if ("rule" in both) complaints.set(inner, both)
      else {
        joined.push(both)
        fitting.add(inner)
      }
    }
  }
  for (const [index, inner] of child.matches.entries()) {
    const complaint = complaints.get(inner)
    if (fitting.has(inner) || !complaint) continue
    report(matches ? ["matches", index % matches.length] : ["match"], complaint)
  }
  return joined
}

/** A rule has one rewrite and one CORS policy: what the child says there counts, and of a rewrite what it leaves open is the parent's. */
function joinFilters(outer: readonly Filter[], inner: readonly Filter[]): Filter[] {
  const policy = inner.some(({ kind }) => kind === "cors")
  const rewrite = rewriteOf(outer)
  const own = rewriteOf(inner)
  const kept = outer.filter(({ kind }) => !(kind === "cors" && policy) && !(kind === "rewrite" && own))
  return [
    ...kept,
    ...inner.map((filter): Filter => {
      if (filter.kind !== "rewrite" || !rewrite) return filter
      return { kind: "rewrite", rewrite: { ...rewrite, ...filter.rewrite } }
    }),
  ]
}

function rewriteOf(filters: readonly Filter[]): Rewrite | undefined {
  const filter = filters.find(({ kind }) => kind === "rewrite")
  return filter?.kind === "rewrite" ? filter.rewrite : undefined
}

function tooMany(noun: string, count: number, max: number): Complaint {
  return complain(
    "too-many",
    `Together with the rule that delegates there are ${count} ${noun}; at most ${max} are allowed`,
  )
}
