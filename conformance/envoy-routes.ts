/** Envoy's route configurations as documents of the mesh. */
import type { BackendDocument, FilterDocument } from "#shared/model/document.ts"
import type { MatchDocument } from "#shared/model/match-document.ts"
import { headerFilters, OF_HEADERS, timeoutOf } from "./envoy-changes.ts"
import { conditionOf } from "./envoy-matchers.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import {
  addCondition,
  Book,
  characterPrefix,
  type Doubt,
  quoted,
  regexDoubt,
  replacedPrefix,
  replacedRegex,
  type Translated,
  unknownIn,
  withPath,
} from "./translation.ts"

export interface EnvoyAsked {
  readonly headers: Headers
  readonly host: string
  /** Names the runtime keys that are on. */
  readonly runtime: string | undefined
  readonly random: number
}

export type EnvoyBook = Book<EnvoyAsked>

/** They say nothing of where a request goes and what it looks like there. */
const OF_STATISTICS = ["virtual_clusters", "stat_prefix", "decorator", "tracing", "metadata"]
export interface EnvoyRoutes {
  readonly book: EnvoyBook
  /** What the configuration as a whole says that has no word here. */
  readonly doubts: readonly string[]
  /** Domains that are no hosts of the mesh: requests to them say nothing. */
  readonly unwritten: readonly string[]
}

export function bookOf(config: Fields): EnvoyRoutes {
  const book: EnvoyBook = new Book()
  const known = ["name", "virtual_hosts", "internal_only_headers", ...OF_HEADERS]
  const unwritten: string[] = []
  for (const host of list(config.virtual_hosts).map(record)) {
    const general = unknownIn(host, ["name", "domains", "routes", ...OF_STATISTICS, ...OF_HEADERS], "the virtual host")
    const domains = list(host.domains).map(String)
    const written = domains.filter((domain) => /^(\*|(\*\.)?[^*:]+)$/.test(domain))
    unwritten.push(...domains.filter((domain) => !written.includes(domain)))
    const routes = list(host.routes).map(record)
    // No request for a tunnel comes as far as the routes.
    const taking = routes.filter(({ match }) => record(match).connect_matcher === undefined)
    const rules = taking.flatMap((route, index) => translated(book, route, `r${index}`, host, config))
    const doubted = rules.map(({ rule, doubts }) => ({ rule, doubts: [...general, ...doubts] }))
    book.route(String(host.name), written.map(hostName), doubted)
  }
  return { book, doubts: unknownIn(config, known, "the configuration"), unwritten }
}

/** Domains may begin or end with an asterisk there, in the middle of a label, and have a port. */
export function isOfDomain(host: string, domain: string): boolean {
  const expression = quoted(domain).replace("\\*", ".+")
  return new RegExp(`^${expression}$`, "i").test(host)
}

/** Some of their hosts have an underscore, which the mesh takes for none: they are read as if they were written properly. */
export function hostName(host: string): string {
  return host.toLowerCase().replaceAll("_", "-")
}

/** One rule; two where a prefix that goes by characters is rewritten. */
function translated(
  book: EnvoyBook,
  route: Fields,
  name: string,
  host: Fields,
  config: Fields,
): Translated<EnvoyAsked>[] {
  const doubts: Doubt<EnvoyAsked>[] = unknownIn(
    route,
    ["name", "match", "route", "redirect", "direct_response", ...OF_STATISTICS, ...OF_HEADERS],
    "the route",
  )
  const action = record(route.route)
  const { paths, match } = matchOf(record(route.match), doubts)
  const headers = [action, route, host, config].flatMap((level) => headerFilters(level, doubts))
  const hidden = list(config.internal_only_headers).map(String)
  const own: FilterDocument[] = hidden.length > 0 ? [{ requestHeaders: { remove: hidden } }] : []
  const common = { filters: [...own, ...headers] }
  const variants =
    paths.length > 1 && pathChangeOf(action, record(route.redirect)) ? paths.map((path) => [path]) : [paths]
  return variants.map((some, index) => {
    const { filters, backends, ...rest } = actionOf(book, route, record(route.match), some[0], doubts)
    return {
      doubts,
      rule: {
        name: index === 0 ? name : `${name}-${index}`,
        matches: some.map((path) => withPath(match, path)),
        filters: [...common.filters, ...filters],
        ...(backends && { backends }),
        ...rest,
      },
    }
  })
}

type Path = ReturnType<typeof characterPrefix>[number]

function matchOf(fields: Fields, doubts: Doubt<EnvoyAsked>[]): { paths: Path[]; match: MatchDocument } {
  const known = [
    "prefix",
    "path",
    "safe_regex",
    "path_separated_prefix",
    "case_sensitive",
    "runtime_fraction",
    "headers",
  ]
  doubts.push(...unknownIn(fields, [...known, "query_parameters", "grpc"], "the match"))
  const match: MatchDocument = {}
  const headers: NonNullable<MatchDocument["headers"]> = {}
  for (const matcher of list(fields.headers).map(record)) {
    const name = String(matcher.name).toLowerCase()
    const value = conditionOf(matcher, doubts)
    if (
      name === ":method" &&
      typeof matcher.string_match === "object" &&
      typeof record(matcher.string_match).exact === "string"
    ) {
      match.method = String(record(matcher.string_match).exact)
    } else if (name.startsWith(":") && name !== ":authority") doubts.push(`no condition goes by the header ${name}`)
    else addCondition(headers, name === ":authority" ? "host" : name, value)
  }
  if (fields.grpc !== undefined) headers["content-type"] = { prefix: "application/grpc" }
  const query = list(fields.query_parameters).map(
    (one) => [String(record(one).name), conditionOf(record(one), doubts)] as const,
  )
  const fraction =
    fields.runtime_fraction === undefined ? undefined : fractionOf(record(fields.runtime_fraction), doubts)
  return {
    paths: pathsOf(fields, doubts),
    match: {
      ...match,
      ...(Object.keys(headers).length > 0 && { headers }),
      ...(query.length > 0 && { query: Object.fromEntries(query) }),
      ...(fraction !== undefined && { percent: fraction }),
    },
  }
}

function pathsOf(fields: Fields, doubts: Doubt<EnvoyAsked>[]): Path[] {
  const anyCase = fields.case_sensitive === false
  const { prefix, path, path_separated_prefix: separated } = fields
  if (typeof path === "string") return [anyCase ? { regex: `(?i)${quoted(path)}` } : { exact: path }]
  if (typeof separated === "string")
    return [anyCase ? { regex: `(?i)${quoted(separated)}(/.*)?` } : { prefix: separated }]
  if (typeof prefix === "string") return characterPrefix(prefix, anyCase)
  const regex = text(record(fields.safe_regex).regex)
  if (regex === undefined) return [undefined]
  const refused = regexDoubt(regex)
  if (refused === undefined) return [{ regex }]
  doubts.push(refused)
  return [undefined]
}

/** The tool has keys that are on for a case, and all others off. */
function fractionOf(fraction: Fields, doubts: Doubt<EnvoyAsked>[]): number {
  const { numerator = 0, denominator = "HUNDRED" } = record(fraction.default_value)
  const of = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }[String(denominator)] ?? 100
  doubts.push(({ runtime }) =>
    runtime === fraction.runtime_key ? undefined : "a runtime key that is off: shares hold as they are written",
  )
  return (Number(numerator) / of) * 100
}

function pathChangeOf(action: Fields, redirect: Fields): boolean {
  return [action.prefix_rewrite, action.regex_rewrite, redirect.prefix_rewrite, redirect.regex_rewrite].some(
    (one) => one !== undefined && one !== "",
  )
}

function actionOf(
  book: EnvoyBook,
  route: Fields,
  match: Fields,
  path: Path,
  doubts: Doubt<EnvoyAsked>[],
): { filters: FilterDocument[]; backends?: BackendDocument[]; timeout?: string } {
  const { redirect, direct_response: direct } = route
  if (direct !== undefined) return { filters: [respondOf(record(direct), doubts)] }
  if (redirect !== undefined) return { filters: [redirectOf(record(redirect), match, path, doubts)] }
  const action = record(route.route)
  const known = [
    "cluster",
    "weighted_clusters",
    "cluster_header",
    "prefix_rewrite",
    "regex_rewrite",
    "host_rewrite_literal",
  ]
  doubts.push(...unknownIn(action, [...known, "timeout", ...OF_HEADERS], "the route's action"))
  if (action.cluster_header !== undefined) doubts.push("no request names its cluster by a header")
  const host = text(action.host_rewrite_literal)
  const change = rewritten(action, match, path)
  const timeout = timeoutOf(action.timeout)
  return {
    filters:
      host === undefined && change === undefined
        ? []
        : [{ rewrite: { ...(host && { host: hostName(host) }), ...(change !== undefined && { path: change }) } }],
    backends: backendsOf(book, action, doubts),
    ...(timeout && { timeout }),
  }
}

function backendsOf(book: EnvoyBook, action: Fields, doubts: Doubt<EnvoyAsked>[]): BackendDocument[] {
  const weighted = list(record(action.weighted_clusters).clusters).map(record)
  if (weighted.length === 0) return [{ service: book.name(String(action.cluster ?? "by-header")) }]
  doubts.push(
    ...unknownIn(record(action.weighted_clusters), ["clusters", "runtime_key_prefix", "total_weight"], "the split"),
  )
  return weighted.map((cluster) => {
    doubts.push(...unknownIn(cluster, ["name", "weight", "host_rewrite_literal", ...OF_HEADERS], "a weighted cluster"))
    const host = text(cluster.host_rewrite_literal)
    const filters = [...headerFilters(cluster, doubts), ...(host ? [{ rewrite: { host: hostName(host) } }] : [])]
    return { service: book.name(String(cluster.name)), weight: Number(cluster.weight ?? 0), filters }
  })
}

/** What the path becomes: what a prefix or a whole path took is replaced, or what an expression takes. */
function rewritten({ prefix_rewrite: prefix, regex_rewrite: regex }: Fields, match: Fields, path: Path) {
  if (regex !== undefined) {
    const { pattern, substitution } = record(regex)
    return replacedRegex(String(record(pattern).regex), String(substitution ?? ""))
  }
  if (typeof prefix !== "string" || prefix === "") return undefined
  if (typeof match.path_separated_prefix === "string") return { prefix }
  if (typeof match.prefix !== "string") return { full: prefix }
  return replacedPrefix(match.prefix, prefix, path, match.case_sensitive === false)
}

function redirectOf(redirect: Fields, match: Fields, path: Path, doubts: Doubt<EnvoyAsked>[]): FilterDocument {
  const known = [
    "host_redirect",
    "path_redirect",
    "prefix_rewrite",
    "regex_rewrite",
    "https_redirect",
    "scheme_redirect",
  ]
  doubts.push(...unknownIn(redirect, [...known, "port_redirect", "response_code", "strip_query"], "the redirect"))
  const { host_redirect: host, path_redirect: full, port_redirect: port, response_code: code } = redirect
  const scheme = redirect.https_redirect === true ? "https" : (text(redirect.scheme_redirect)?.toLowerCase() ?? "")
  const [newPath = "", ownQuery] = (text(full) ?? "").split("?")
  const query = redirect.strip_query === true ? "" : ownQuery
  const change = newPath === "" ? rewritten(redirect, match, path) : { full: newPath }
  if (text(host)?.includes(":")) doubts.push("a redirect's host has its port beside it")
  return {
    redirect: {
      ...((scheme === "http" || scheme === "https") && { scheme }),
      ...(host ? { host: hostName(String(host).replace(/:\d+$/, "")) } : {}),
      ...(port ? { port: Number(port) } : {}),
      ...(change && { path: change }),
      ...(query !== undefined && { query }),
      status: STATUSES[String(code ?? "MOVED_PERMANENTLY")] ?? 301,
    },
  }
}

const STATUSES: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
}

function respondOf({ status, body, ...others }: Fields, doubts: Doubt<EnvoyAsked>[]): FilterDocument {
  doubts.push(...unknownIn(others, [], "the direct response"))
  doubts.push(...unknownIn(record(body), ["inline_string"], "the body of the direct response"))
  return { respond: { status: Number(status), body: text(record(body).inline_string) ?? "" } }
}
