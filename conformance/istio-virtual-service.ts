/** Istio's VirtualServices as routes of the mesh, and why some say what the mesh has no word for. */
import type {
  BackendDocument,
  FilterDocument,
  HeaderChangeDocument,
  RetryDocument,
  RuleDocument,
} from "#shared/model/document.ts"
import type { PathChangeDocument } from "#shared/model/rewrite-document.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import { type Matching, matchesOf } from "./istio-match.ts"
import { replacedPrefix, replacedRegex, unknownIn } from "./translation.ts"

export interface ReadService {
  readonly rules: readonly RuleDocument[]
  /** Names of the services that it leads to. */
  readonly services: readonly string[]
  readonly doubts: readonly string[]
}

/** They are the mesh's business in every rule, or nobody's. */
const NEUTRAL = ["name", "exportTo"]

export function readVirtualService(spec: Fields): ReadService {
  const doubts: string[] = unknownIn(spec, ["hosts", "gateways", "http", ...NEUTRAL], "the VirtualService")
  const rules = list(spec.http).flatMap((http) => rulesOf(record(http), doubts))
  const services = rules.flatMap(({ backends = [], filters = [] }) => [
    ...backends.map(({ service }) => service),
    ...filters.flatMap(({ mirror }) => mirror?.service ?? []),
  ])
  return { rules, services: [...new Set(services)], doubts }
}

const KNOWN = ["match", "route", "redirect", "directResponse", "rewrite", "timeout", "retries", "fault", "headers"]
const OF_COPIES = ["mirror", "mirrors", "mirrorPercentage"]

/** One rule, or one for each of its matches where what becomes of the path depends on the match. */
function rulesOf(http: Fields, doubts: string[]): RuleDocument[] {
  doubts.push(...unknownIn(http, [...KNOWN, ...OF_COPIES, "corsPolicy", ...NEUTRAL], "a route"))
  const written = list(http.match).map(record)
  const matches = (written.length > 0 ? written : [{}]).flatMap((match) => matchesOf(match, doubts))
  const rewrite = record(http.rewrite)
  const ofMatch = text(rewrite.uri) !== undefined && matches.length > 1
  const groups = ofMatch ? matches.map((one) => [one]) : [matches]
  return groups.map((group) => ruleOf(http, group, doubts))
}

function ruleOf(http: Fields, matching: readonly Matching[], doubts: string[]): RuleDocument {
  const { redirect, directResponse: direct } = http
  const routes = list(http.route).map(record)
  const host = hostSet(record(http.headers))
  const filters: FilterDocument[] = [
    ...headerFilters(record(http.headers), doubts),
    ...rewriteOf(record(http.rewrite), host, matching[0]!, doubts),
    ...faultOf(record(http.fault), doubts),
    ...corsOf(http.corsPolicy, doubts),
    ...mirrorsOf(http, doubts),
    ...(redirect === undefined ? [] : [redirectOf(record(redirect), doubts)]),
    ...(direct === undefined ? [] : [respondOf(record(direct), doubts)]),
  ]
  return {
    matches: matching.map(({ match }) => match),
    filters,
    ...(routes.length > 0 && { backends: routes.map((one) => backendOf(one, routes.length, host, doubts)) }),
    ...(typeof http.timeout === "string" && http.timeout !== "0s" && { timeout: http.timeout }),
    ...retryOf(http.retries, doubts),
  }
}

function rewriteOf(rewrite: Fields, host: string | undefined, matching: Matching, doubts: string[]): FilterDocument[] {
  doubts.push(...unknownIn(rewrite, ["uri", "authority", "uriRegexRewrite"], "the rewrite"))
  const uri = text(rewrite.uri)
  const regex = record(rewrite.uriRegexRewrite)
  const { match, prefix, anyCase } = matching
  let path: PathChangeDocument | undefined
  if (uri !== undefined) path = prefix === undefined ? { full: uri } : replacedPrefix(prefix, uri, match.path, anyCase)
  if (typeof regex.match === "string") path = replacedRegex(regex.match, String(regex.rewrite ?? ""))
  const to = host ?? text(rewrite.authority)
  if (path === undefined && to === undefined) return []
  return [{ rewrite: { ...(to !== undefined && { host: to }), ...(path !== undefined && { path }) } }]
}

function redirectOf(redirect: Fields, doubts: string[]): FilterDocument {
  const known = ["uri", "authority", "port", "derivePort", "scheme", "redirectCode"]
  doubts.push(...unknownIn(redirect, known, "the redirect"))
  const { uri, authority, port, derivePort, scheme, redirectCode } = redirect
  if (scheme !== undefined && derivePort === "FROM_REQUEST_PORT") {
    doubts.push("a redirect to another scheme goes to that scheme's own port, or to one that is written")
  }
  const [path, query] = (text(uri) ?? "").split("?")
  return {
    redirect: {
      ...(typeof scheme === "string" && { scheme: scheme as "http" | "https" }),
      ...(typeof authority === "string" && { host: authority }),
      ...(typeof port === "number" && { port }),
      ...(path !== undefined && path !== "" && { path: { full: path } }),
      ...(query !== undefined && { query }),
      status: Number(redirectCode ?? 301),
    },
  }
}

function respondOf({ status, body, ...others }: Fields, doubts: string[]): FilterDocument {
  doubts.push(...unknownIn(others, [], "the direct response"), ...unknownIn(record(body), ["string"], "its body"))
  return { respond: { status: Number(status), body: text(record(body).string) ?? "" } }
}

function faultOf(fault: Fields, doubts: string[]): FilterDocument[] {
  doubts.push(...unknownIn(fault, ["delay", "abort"], "the fault"))
  if (fault.delay === undefined && fault.abort === undefined) return []
  const [delay, abort] = [record(fault.delay), record(fault.abort)]
  doubts.push(...unknownIn(delay, ["fixedDelay", "percentage", "percent"], "the delay"))
  doubts.push(...unknownIn(abort, ["httpStatus", "percentage", "percent"], "the abort"))
  const percentOf = (one: Fields) => Number(record(one.percentage).value ?? one.percent ?? 100)
  return [
    {
      fault: {
        ...(fault.delay !== undefined && { delay: { time: String(delay.fixedDelay), percent: percentOf(delay) } }),
        ...(fault.abort !== undefined && { abort: { status: Number(abort.httpStatus), percent: percentOf(abort) } }),
      },
    },
  ]
}

/** Origins in Istio's cases have no scheme, which those of browsers have: they are read as if they had one. */
export function originOf(origin: string): string {
  return origin === "*" || origin.includes("://") ? origin : `https://${origin}`
}

function corsOf(policy: unknown, doubts: string[]): FilterDocument[] {
  if (policy === undefined) return []
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge, ...others } =
    record(policy)
  doubts.push(...unknownIn(others, [], "the CORS policy"))
  const origins = list(allowOrigins).map((one) => text(record(one).exact))
  if (origins.includes(undefined)) doubts.push("an origin is written out, or has one * at its left")
  return [
    {
      cors: {
        origins: origins.map((origin) => originOf(origin ?? "none.example")),
        credentials: allowCredentials === true,
        methods: list(allowMethods).map(String),
        headers: list(allowHeaders).map(String),
        exposeHeaders: list(exposeHeaders).map(String),
        ...(typeof maxAge === "string" && { maxAge }),
      },
    },
  ]
}

function mirrorsOf(http: Fields, doubts: string[]): FilterDocument[] {
  const general = record(http.mirrorPercentage).value
  const one = http.mirror === undefined ? [] : [{ destination: http.mirror, percentage: { value: general ?? 100 } }]
  return [...one, ...list(http.mirrors).map(record)].map(({ destination, percentage }) => ({
    mirror: { ...serviceOf(record(destination), doubts), percent: Number(record(percentage).value ?? 100) },
  }))
}

function backendOf(route: Fields, count: number, host: string | undefined, doubts: string[]): BackendDocument {
  doubts.push(...unknownIn(route, ["destination", "weight", "headers"], "a destination"))
  const headers = record(route.headers)
  const own = host === undefined ? hostSet(headers) : undefined
  const filters = [...headerFilters(headers, doubts), ...(own === undefined ? [] : [{ rewrite: { host: own } }])]
  const weight = Number(route.weight ?? (count > 1 ? 0 : 1))
  return { ...serviceOf(record(route.destination), doubts), weight, filters }
}

/** A port of a Service says nothing here: a service has none. */
function serviceOf(destination: Fields, doubts: string[]): { service: string } {
  doubts.push(...unknownIn(destination, ["host", "port"], "a destination"))
  const [name = "", namespace] = String(destination.host).split(".")
  return { service: namespace === undefined ? name : `${namespace}/${name}` }
}

const HOST = ["host", ":authority"]

/** The host that a change of headers gives the request: here that is a rewrite. */
function hostSet(headers: Fields): string | undefined {
  const set = Object.entries(record(record(headers.request).set))
  return text(set.find(([name]) => HOST.includes(name.toLowerCase()))?.[1])
}

function headerFilters(headers: Fields, doubts: string[]): FilterDocument[] {
  doubts.push(...unknownIn(headers, ["request", "response"], "the headers"))
  const [request, response] = [changeOf(record(headers.request)), changeOf(record(headers.response))]
  return [...(request ? [{ requestHeaders: request }] : []), ...(response ? [{ responseHeaders: response }] : [])]
}

function changeOf({ set, add, remove }: Fields): HeaderChangeDocument | undefined {
  const others = Object.entries(record(set)).filter(([name]) => !HOST.includes(name.toLowerCase()))
  if (others.length === 0 && add === undefined && remove === undefined) return undefined
  return {
    set: Object.fromEntries(others.map(([name, value]) => [name, String(value)])),
    add: Object.fromEntries(Object.entries(record(add)).map(([name, value]) => [name, String(value)])),
    remove: list(remove).map(String),
  }
}

const RETRIED: Readonly<Record<string, NonNullable<RetryDocument["on"]>[number]>> = {
  "5xx": "5xx",
  "gateway-error": "gateway-error",
  reset: "reset",
  "connect-failure": "connect-failure",
  "retriable-4xx": "retriable-4xx",
}

function retryOf(retries: unknown, doubts: string[]): Pick<RuleDocument, "retry" | "attemptTimeout"> {
  if (retries === undefined) return {}
  const { attempts = 0, perTryTimeout, retryOn = "connect-failure", ...others } = record(retries)
  doubts.push(...unknownIn(others, [], "the retries"))
  if (Number(attempts) === 0) return {}
  const on = String(retryOn)
    .split(",")
    .map((one) => (/^\d{3}$/.test(one) ? Number(one) : RETRIED[one]))
  if (on.includes(undefined)) doubts.push(`the retries are on ${String(retryOn)}, some of which has no word here`)
  return {
    retry: { attempts: Number(attempts), on: on.filter((one) => one !== undefined), unsafe: true },
    ...(typeof perTryTimeout === "string" && { attemptTimeout: perTryTimeout }),
  }
}
