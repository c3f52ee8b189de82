/** Filters and matches in resolved form: shorthands written out, defaults filled in, times in milliseconds. */
import type { FilterDocument, HeaderChangeDocument } from "#shared/model/document.ts"
import type { MatchDocument, PathDocument, SingleValueDocument, ValueDocument } from "#shared/model/match-document.ts"
import type { ServiceId } from "#shared/model/names.ts"
import type { PathChange, QueryChange } from "#shared/model/rewrite.ts"
import type { PathChangeDocument, QueryChangeDocument } from "#shared/model/rewrite-document.ts"
import type {
  Filter,
  Header,
  HeaderChange,
  Match,
  PathMatch,
  Redirect,
  ValueMatch,
  ValueTest,
} from "#shared/model/route.ts"
import { parseDuration } from "#shared/std/duration.ts"
import type { Step } from "#shared/std/steps.ts"
import { resolveReference } from "./resolve-backend.ts"
import { findService, type Scope } from "./scope.ts"

/** Gateway API's defaults where it has one. */
const REDIRECT_STATUS = 302
const CORS_MAX_AGE_MS = 5_000
const CORS_METHODS = ["GET", "HEAD", "POST"]

type Path = readonly Step[]

export function resolveMatch(scope: Scope, match: MatchDocument, path: Path): Match {
  const { path: pathMatch, method, headers, query, cookies, claims, from, address, after, before, rpc, percent } = match
  return {
    ...(pathMatch !== undefined && { path: resolvePathMatch(pathMatch) }),
    ...(method !== undefined && { method }),
    headers: valueMatches(headers, (name) => name.toLowerCase()),
    query: valueMatches(query),
    cookies: valueMatches(cookies),
    ...(claims && { claims: valueMatches(claims) }),
    ...(from !== undefined && { from: callers(scope, from, [...path, "from"]) }),
    ...(address !== undefined && { addresses: [...new Set([address].flat())].sort() }),
    ...(after !== undefined && { afterMs: Date.parse(after) }),
    ...(before !== undefined && { beforeMs: Date.parse(before) }),
    ...(rpc !== undefined && { rpc }),
    ...(percent !== undefined && { percent }),
  }
}

/** `/v2/` takes the same requests as `/v2`. */
export function resolvePathMatch(document: PathDocument): PathMatch {
  if (typeof document === "string") return { kind: "prefix", value: withoutTrailingSlash(document) }
  if ("exact" in document) return { kind: "exact", value: document.exact }
  if ("prefix" in document) return { kind: "prefix", value: withoutTrailingSlash(document.prefix) }
  if ("template" in document) return { kind: "template", value: document.template }
  return { kind: "regex", value: document.regex }
}

/** Undefined when the filter refers to something that is not there; that has been reported. */
export function resolveFilter(scope: Scope, filter: FilterDocument, path: Path): Filter | undefined {
  if (filter.requestHeaders) return { kind: "requestHeaders", change: headerChange(filter.requestHeaders) }
  if (filter.responseHeaders) return { kind: "responseHeaders", change: headerChange(filter.responseHeaders) }
  if (filter.rewrite) {
    const { host, path: change, query } = filter.rewrite
    const moved = {
      ...(change !== undefined && { path: pathChange(change) }),
      ...(query && { query: queryChange(query) }),
    }
    return { kind: "rewrite", rewrite: { ...(host && { host }), ...moved } }
  }
  if (filter.redirect) return { kind: "redirect", redirect: redirect(filter.redirect) }
  if (filter.respond) {
    const { status, headers, body } = filter.respond
    return { kind: "respond", respond: { status, headers: headerList(headers), body: body ?? "" } }
  }
  if (filter.mirror) {
    const backend = resolveReference(scope, filter.mirror, [...path, "mirror"])
    const { percent = 100, credentials } = filter.mirror
    return backend && { kind: "mirror", mirror: { backend, percent, ...(credentials && { credentials }) } }
  }
  if (filter.cors) return { kind: "cors", cors: cors(filter.cors) }
  if (filter.fault) return { kind: "fault", fault: fault(filter.fault) }
  return { kind: "limits", limits: { bodyBytesMax: filter.limits!.bodyBytes } }
}

function callers(scope: Scope, from: string | readonly string[], path: Path): ServiceId[] {
  if (typeof from === "string") return [findService(scope, from, path)].filter((id) => id !== undefined)
  const ids = from.map((one, index) => findService(scope, one, [...path, index]))
  return [...new Set(ids.filter((id) => id !== undefined))].sort()
}

function valueMatches(
  values: { [name: string]: ValueDocument } | undefined,
  fold = (name: string) => name,
): ValueMatch[] {
  return Object.entries(values ?? {}).flatMap(([name, document]) => {
    const all = typeof document === "object" && "all" in document ? document.all : [document]
    return all.map((one) => valueMatch(fold(name), one, false))
  })
}

function valueMatch(name: string, document: SingleValueDocument, negate: boolean): ValueMatch {
  if (typeof document !== "string" && "not" in document) return valueMatch(name, document.not, !negate)
  return { name, test: valueTest(document), ...(negate && { negate }) }
}

function valueTest(document: Exclude<SingleValueDocument, { not: SingleValueDocument }>): ValueTest {
  if (typeof document === "string") return { kind: "exact", value: document }
  if ("exact" in document) return { kind: "exact", value: document.exact }
  if ("prefix" in document) return { kind: "prefix", value: document.prefix }
  if ("suffix" in document) return { kind: "suffix", value: document.suffix }
  if ("contains" in document) return { kind: "contains", value: document.contains }
  if ("regex" in document) return { kind: "regex", value: document.regex }
  return { kind: document.present ? "present" : "absent" }
}

function headerChange({ set, add, remove, default: defaults }: HeaderChangeDocument): HeaderChange {
  return {
    ...{ set: headerList(set), add: headerList(add), remove: (remove ?? []).map((name) => name.toLowerCase()) },
    ...(defaults && { default: headerList(defaults) }),
  }
}

function queryChange({ set = {}, add = {}, remove = [] }: QueryChangeDocument): QueryChange {
  const listed = (values: { [name: string]: string }) =>
    Object.entries(values).map(([name, value]) => ({ name, value }))
  return { set: listed(set), add: listed(add), remove }
}

function headerList(headers: { [name: string]: string } = {}): Header[] {
  return Object.entries(headers).map(([name, value]) => ({ name: name.toLowerCase(), value }))
}

function redirect(document: NonNullable<FilterDocument["redirect"]>): Redirect {
  const { scheme, host, port, path, query, status } = document
  return {
    ...(scheme && { scheme }),
    ...(host && { host }),
    ...(port !== undefined && { port }),
    ...(path !== undefined && { path: pathChange(path) }),
    ...(query !== undefined && { query }),
    status: (status ?? REDIRECT_STATUS) as Redirect["status"],
  }
}

function cors(document: NonNullable<FilterDocument["cors"]>): Extract<Filter, { kind: "cors" }>["cors"] {
  const { origins, credentials, methods, headers, exposeHeaders, maxAge } = document
  const maxAgeMs = maxAge === undefined ? CORS_MAX_AGE_MS : parseDuration(maxAge)!
  return {
    origins,
    credentials: credentials ?? false,
    methods: methods ?? CORS_METHODS,
    headers: headers ?? [],
    exposeHeaders: exposeHeaders ?? [],
    maxAgeSeconds: Math.floor(maxAgeMs / 1_000),
  }
}

function fault({ delay, abort }: NonNullable<FilterDocument["fault"]>): Extract<Filter, { kind: "fault" }>["fault"] {
  return {
    ...(delay && { delay: { ms: parseDuration(delay.time)!, percent: delay.percent ?? 100 } }),
    ...(abort && { abort: { status: abort.status, percent: abort.percent ?? 100 } }),
  }
}

function pathChange(document: PathChangeDocument): PathChange {
  if (typeof document === "string") return { kind: "full", value: document }
  if ("full" in document) return { kind: "full", value: document.full }
  if ("prefix" in document) return { kind: "prefix", value: document.prefix }
  if ("template" in document) return { kind: "template", value: document.template }
  return { kind: "regex", pattern: document.regex.pattern, value: document.regex.replacement }
}

function withoutTrailingSlash(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith("/") ? prefix.slice(0, -1) : prefix
}
