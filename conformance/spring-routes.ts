/** Spring's route definitions, and what configures all of them, as one route of the mesh whose rules are tried in turn. */
import type { FilterDocument, MeshDocument, RuleDocument } from "#shared/model/document.ts"
import type { MatchDocument, PathDocument } from "#shared/model/match-document.ts"
import type { PathChangeDocument } from "#shared/model/rewrite-document.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import { originOf } from "./istio-virtual-service.ts"
import { corsOf, type Filtering, filtersOf } from "./spring-filters.ts"
import { partOf } from "./spring-parts.ts"
import { outcomeOf, type PathOutcome } from "./spring-paths.ts"
import { BY_NEAREST, type Conditions, conditionsOf, type SpringAsked, unknownOfRoute } from "./spring-predicates.ts"
import { Book, type Translated, unknownIn } from "./translation.ts"

export interface Gateway {
  readonly book: Book<SpringAsked>
  /** The route's id, by the name of a rule. */
  readonly ids: ReadonlyMap<string, string>
  readonly doubts: readonly string[]
  readonly document: MeshDocument
}

const HOSTS = ["*"]
const NAME = "gateway"
const BEHIND_A_PROXY = { listeners: [{ name: "any" }], clientAddress: { trustedHops: 1 } }

function isByProxies(predicate: unknown): boolean {
  const { name, remark } = partOf(predicate)
  return name === "XForwardedRemoteAddr" || (name === "RemoteAddr" && BY_NEAREST.test(remark ?? ""))
}

/** A profile's properties take the place of those of the same name; routes that a test builds come before all others. */
export function gatewayOf(base: Fields, profile: Fields, built: readonly unknown[], settings: Fields): Gateway {
  const config = { ...base, ...profile }
  const known = ["routes", "default-filters", "globalcors", "httpclient", "trusted-proxies"]
  const doubts = [
    ...unknownIn(config, known, "the configuration"),
    ...unknownIn(record(config.httpclient), ["response-timeout"], "the client"),
    ...unknownIn(settings, ["hostPredicateIncludePort", "responseTimeoutMs"], "the settings"),
  ]
  const written = [...built, ...list(config.routes)].map(definitionOf).filter(({ enabled }) => enabled !== false)
  const trustsProxies = written.some(({ predicates }) => list(predicates).some(isByProxies))
  const ofRoutes: Common = {
    defaults: list(config["default-filters"]),
    cors: record(record(record(config.globalcors)["cors-configurations"])["[/**]"]),
    attemptTimeout: timeoutOf(settings.responseTimeoutMs ?? record(config.httpclient)["response-timeout"]),
    hostHasPort: settings.hostPredicateIncludePort !== false,
    trustsProxies,
  }
  const sorted = written.toSorted((left, right) => Number(left.order ?? 0) - Number(right.order ?? 0))
  const ids = new Map<string, string>()
  const rules = sorted.flatMap((route, index) => {
    const translated = rulesOf(route, index, ofRoutes)
    for (const { rule } of translated) ids.set(rule.name!, String(route.id))
    return translated
  })
  const book = new Book<SpringAsked>()
  book.route(NAME, HOSTS, rules)
  const document = trustsProxies ? { ...book.document(), gateways: { default: BEHIND_A_PROXY } } : book.document()
  return { book, ids, doubts, document }
}

interface Common {
  readonly defaults: readonly unknown[]
  readonly cors: Fields
  readonly attemptTimeout: string | undefined
  readonly hostHasPort: boolean
  readonly trustsProxies: boolean
}

/** `id=uri, Predicate, Predicate` or the whole. */
function definitionOf(route: unknown): Fields {
  if (typeof route !== "string") return record(route)
  const [, id, uri, predicates = ""] = /^(\w+)=([^,]*),?(.*)$/s.exec(route) ?? []
  return { id, uri, predicates: predicates.split(/,(?=\s*\w+=)/).map((one) => one.trim()) }
}

function rulesOf(route: Fields, index: number, common: Common): Translated<SpringAsked>[] {
  const conditions = conditionsOf(list(route.predicates), common)
  // Default filters belong to what is configured, not to what is built.
  const filtering = filtersOf(route.dsl === true ? [] : common.defaults, list(route.filters))
  const doubts = [...unknownOfRoute(route), ...conditions.doubts, ...filtering.doubts, ...placeDoubts(route)]
  const patterns = conditions.paths.length > 0 ? conditions.paths : [undefined]
  return patterns.flatMap((pattern, at) => {
    const name = `r${index}-${at}`
    const outcome = outcomeOf(filtering.moved, pattern?.regex)
    const reasons = typeof outcome === "string" ? [...doubts, outcome] : doubts
    const { takes, change, otherwise }: PathOutcome = typeof outcome === "string" ? {} : outcome
    const build = (
      ruleName: string,
      paths: readonly (PathDocument | undefined)[],
      path: PathChangeDocument | undefined,
    ) => ({
      rule: ruleOf(route, ruleName, matchesOf(conditions, paths), filtering, path, common),
      doubts: reasons,
    })
    const paths = pattern?.paths ?? [undefined]
    if (takes === undefined) return [build(name, paths, change)]
    const both = pattern === undefined ? [] : ["a path is matched by a pattern and rewritten by another expression"]
    const first = build(name, [{ regex: takes }], change)
    return [{ ...first, doubts: [...first.doubts, ...both] }, build(`${name}-else`, paths, otherwise)]
  })
}

function placeDoubts({ uri, metadata }: Fields): string[] {
  const scheme = /^(\w+):/.exec(String(uri))?.[1]
  const places = { lb: "a service is found by discovery", forward: "a request goes to a handler of the gateway's own" }
  const place = places[scheme as keyof typeof places]
  const { cors: _, "response-timeout": timeout, "connect-timeout": connect } = record(metadata)
  return [
    ...(place === undefined ? [] : [place]),
    ...(connect === undefined ? [] : ["how long a connection may take is the platform's business"]),
    ...(timeout === undefined || Number.isInteger(timeout) ? [] : [`the timeout ${JSON.stringify(timeout)}`]),
  ]
}

function matchesOf({ match, methods }: Conditions, paths: readonly (PathDocument | undefined)[]): MatchDocument[] {
  const withMethods = methods.length > 0 ? methods.map((method) => ({ ...match, method })) : [match]
  return paths.flatMap((path) => withMethods.map((one) => (path === undefined ? one : { ...one, path })))
}

function ruleOf(
  route: Fields,
  name: string,
  matches: MatchDocument[],
  { filters, answers, query, host, retry }: Filtering,
  path: PathChangeDocument | undefined,
  common: Common,
): RuleDocument {
  const cors = { ...common.cors, ...record(record(route.metadata).cors) }
  const ofRoute = Number(record(route.metadata)["response-timeout"] ?? Number.NaN)
  const attemptTimeout = Number.isNaN(ofRoute) ? common.attemptTimeout : timeoutOf(ofRoute)
  const rewrite = {
    ...(host !== undefined && { host }),
    ...(path !== undefined && { path }),
    ...((query.remove?.length ?? 0) + Object.keys(query.add ?? {}).length > 0 && { query }),
  }
  const before: FilterDocument[] = [...(Object.keys(cors).length > 0 ? [corsOf(cors, originOf)] : []), ...filters]
  if (answers.length > 0) return { name, matches, filters: [...before, answers[0]!] }
  return {
    name,
    matches,
    filters: [...before, ...(Object.keys(rewrite).length > 0 ? [{ rewrite }] : [])],
    backends: [{ service: "backend" }],
    ...(attemptTimeout !== undefined && { attemptTimeout }),
    ...(retry && { retry }),
  }
}

/** Milliseconds, or a duration; none where it is below 0. */
function timeoutOf(timeout: unknown): string | undefined {
  if (typeof timeout === "number") return timeout > 0 ? `${timeout}ms` : undefined
  return text(timeout)
}
