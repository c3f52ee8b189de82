/**
 * `linkerd_proxy_route.json`: units of Linkerd's routes. A part of a route, such as a condition or a host, is put into a whole one:
 * it takes a request where the rule that has it does, and another rule takes all others.
 */
import type { MeshDocument, RouteDocument, RuleDocument } from "#shared/model/document.ts"
import type { MatchDocument, PathDocument, ValueDocument } from "#shared/model/match-document.ts"
import type { RedirectDocument } from "#shared/model/rewrite-document.ts"
import { type CoreForm, judgedCase, testOf, type Verdict } from "./core-form.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import { type Asked, PureMesh, SOMEWHERE } from "./pure-mesh.ts"
import { quoted, unknownIn } from "./translation.ts"

interface LinkerdSuite {
  readonly name: string
  readonly cases: readonly (Fields & { readonly name: string })[]
}

export const linkerdRouteForm: CoreForm = {
  name: "linkerd_proxy_route",
  takes: (_file, content) => list(record(content).suites).some((suite) => /linkerd/.test(String(record(suite).file))),
  run: (content) =>
    (content as { readonly suites: readonly LinkerdSuite[] }).suites.map(({ name, cases }) =>
      testOf(name, () => cases.map((one) => judgedCase(one.name, () => verdictOf(one)))),
    ),
}

/** The rule that has what the case is about. */
const WANTED = "wanted"
const ANY_HOST = "any.example"
const BACKENDS = [{ service: "backend" }]

function verdictOf({ name: _, note: __, request, expect, ...subject }: Fields): Verdict {
  const doubts: string[] = []
  const { order, policy, match, redirect, status, location, error, ...others } = record(expect)
  doubts.push(...unknownIn(others, [], "the expectation"))
  if (order !== undefined) doubts.push("hosts are compared by whom a request goes to; these share none")
  const policies = new Map<string, unknown>()
  const mesh = PureMesh.of(documentOf(subject, policies, doubts))
  if (!(mesh instanceof PureMesh)) return { faults: error === undefined ? mesh : [], doubts }
  if (error !== undefined) return { faults: [`it is not refused: ${String(error)}`], doubts }
  const told = mesh.ask(askedOf(record(request), doubts))
  const faults: string[] = []
  const compare = (what: string, found: unknown, wanted: unknown) => {
    if (wanted !== undefined && found !== wanted)
      faults.push(`${what} is ${String(found)} instead of ${String(wanted)}`)
  }
  compare("policy", policies.get(`${told.route}/${told.rule}`), policy)
  compare("match", told.rule === WANTED, match)
  compare("status", told.status, status)
  compare(
    "location",
    normal(told.headers.get("location")),
    location === undefined ? undefined : normal(String(location)),
  )
  if (redirect === null && told.headers.has("location")) {
    doubts.push("a redirect that changes nothing is answered (Gateway API); `weft check` says that it leads to itself")
  }
  return { faults, doubts }
}

function normal(url: string | null): string | null {
  return url !== null && URL.canParse(url) ? new URL(url).href : url
}

function documentOf(subject: Fields, policies: Map<string, unknown>, doubts: string[]): MeshDocument {
  const { routes, match, host, header, queryParam, query, path, redirect, ...others } = subject
  doubts.push(...unknownIn(others, [], "the case"))
  const services = { backend: SOMEWHERE }
  if (routes !== undefined) {
    const documents = list(routes).map((route, index) => routeOf(record(route), index, policies, doubts))
    return { services, routes: Object.fromEntries(documents.map((document, index) => [`route-${index}`, document])) }
  }
  const conditions: Fields = {
    ...record(match),
    ...(header !== undefined && { headers: [header] }),
    ...((queryParam ?? query) !== undefined && { queryParams: [queryParam ?? query] }),
    ...(path !== undefined && { path }),
  }
  const found = matchOf(conditions, doubts)
  const wanted: RuleDocument = {
    name: WANTED,
    ...(redirect === undefined
      ? { match: found, backends: BACKENDS }
      : { match: { path: "/", ...found }, filters: [{ redirect: redirectOf(record(redirect), doubts) }] }),
  }
  const rules =
    redirect === undefined && host === undefined ? [wanted, { name: "others", backends: BACKENDS }] : [wanted]
  return { services, routes: { only: { hosts: [hostOf(text(host) ?? "*", doubts)], rules } } }
}

function routeOf(route: Fields, index: number, policies: Map<string, unknown>, doubts: string[]): RouteDocument {
  doubts.push(...unknownIn(route, ["hosts", "rules"], "the route"))
  const hosts = list(route.hosts).map((host) => hostOf(String(host), doubts))
  const rules = list(route.rules).map((rule, at): RuleDocument => {
    const { matches, policy, ...others } = record(rule)
    doubts.push(...unknownIn(others, [], "the rule"))
    policies.set(`route-${index}/r${at}`, policy)
    const found = list(matches).map((one) => matchOf(record(one), doubts))
    return { name: `r${at}`, ...(found.length > 0 && { matches: found }), backends: BACKENDS }
  })
  return { hosts: hosts.length > 0 ? hosts : ["*"], rules }
}

/** Here a host has one form, in lower case and without the dot of the root, which requests are brought into. */
function hostOf(host: string, doubts: string[]): string {
  if (host.endsWith(".")) doubts.push("a host has one form, without the dot at its end: no pattern tells the two apart")
  return host.toLowerCase().replace(/\.$/, "")
}

function matchOf(fields: Fields, doubts: string[]): MatchDocument {
  const { path, headers, queryParams, method, rpc, service, ...others } = fields
  doubts.push(...unknownIn(others, [], "the match"))
  const call = rpc ?? (service === undefined ? undefined : { service, method })
  const found = call === undefined ? path && pathOf(record(path), doubts) : callPath(record(call), doubts)
  return {
    ...(found !== undefined && { path: found as PathDocument }),
    ...(typeof method === "string" && call === undefined && { method }),
    ...(headers !== undefined && { headers: valuesOf(headers, doubts) }),
    ...(queryParams !== undefined && { query: valuesOf(queryParams, doubts) }),
  }
}

function pathOf(path: Fields, doubts: string[]): PathDocument | undefined {
  doubts.push(...unknownIn(path, ["exact", "prefix", "regex"], "the path"))
  const { exact, prefix, regex } = path
  if (typeof exact === "string") return { exact }
  if (typeof prefix === "string") return { prefix }
  return typeof regex === "string" ? { regex } : undefined
}

/** A call of gRPC is a request to `/package.Service/Method`. */
function callPath(call: Fields, doubts: string[]): PathDocument | undefined {
  doubts.push(...unknownIn(call, ["service", "method"], "the call"))
  const [service, method] = [text(call.service), text(call.method)]
  if (service !== undefined && method !== undefined) return { exact: `/${service}/${method}` }
  if (service !== undefined) return { template: `/${service}/*` }
  return method === undefined ? undefined : { regex: `/[^/]+/${quoted(method)}` }
}

function valuesOf(conditions: unknown, doubts: string[]): { [name: string]: ValueDocument } {
  return Object.fromEntries(
    list(conditions).map((one) => {
      const { name, exact, regex, ...others } = record(one)
      doubts.push(...unknownIn(others, [], "a condition"))
      return [String(name), typeof exact === "string" ? { exact } : { regex: String(regex) }]
    }),
  )
}

function redirectOf(redirect: Fields, doubts: string[]): RedirectDocument {
  doubts.push(...unknownIn(redirect, ["scheme", "host", "port", "path", "status"], "the redirect"))
  const { scheme, host, port, status = 301 } = redirect
  const { replaceFullPath: full, replacePrefixMatch: prefix, ...others } = record(redirect.path)
  doubts.push(...unknownIn(others, [], "the redirect's path"))
  const [path, query = ""] = (text(full) ?? "").split("?")
  return {
    ...(typeof scheme === "string" && { scheme: scheme as "http" | "https" }),
    ...(typeof host === "string" && { host }),
    ...(typeof port === "number" && { port }),
    // A whole path is one with its query there.
    ...(typeof full === "string" && { path: { full: path! }, query }),
    ...(typeof prefix === "string" && { path: { prefix } }),
    status: Number(status),
  }
}

function askedOf(request: Fields, doubts: string[]): Asked {
  doubts.push(...unknownIn(request, ["url", "method", "headers"], "the request"))
  const url = text(request.url) ?? "/"
  const [, scheme = "http", host = ANY_HOST, target = url] = /^(https?):\/\/([^/?#]*)(.*)$/.exec(url) ?? []
  const headers = Object.entries(record(request.headers)).flatMap(([name, value]) =>
    list(value).map((one) => [name, String(one)] as const),
  )
  return {
    scheme: scheme as "http" | "https",
    host,
    target: target.startsWith("/") ? target : `/${target}`,
    method: text(request.method) ?? "GET",
    headers,
  }
}
