/** What requests a rule takes. */
import { checkRegex } from "#shared/config/admit-regex.ts"
import { hintFrom, quote } from "#shared/config/complaint.ts"
import type { Match, PathMatch, ValueMatch } from "#shared/model/route.ts"
import { canonicalPath } from "#shared/std/path.ts"
import { isRefused, type Refused } from "./filters.ts"
import type { Path } from "./notes.ts"
import type { GrpcMatch, GrpcRule, HttpMatch, HttpRule, NamedMatch } from "./types.ts"

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
const VALUE_TYPES = ["Exact", "RegularExpression"]
const PATH_TYPES = ["Exact", "PathPrefix", "RegularExpression"]
const EVERYTHING: HttpMatch = {}

export function httpMatches({ matches = [] }: HttpRule, path: Path): Match[] | Refused {
  return all(matches.length === 0 ? [EVERYTHING] : matches, path, httpMatch)
}

/** A gRPC call is a POST to `/<service>/<method>`. */
export function grpcMatches({ matches = [] }: GrpcRule, path: Path): Match[] | Refused {
  return all(matches.length === 0 ? [{}] : matches, path, grpcMatch)
}

function all<M>(
  matches: readonly M[],
  path: Path,
  translate: (match: M, path: Path) => Match | Refused,
): Match[] | Refused {
  const translated: Match[] = []
  for (const [index, match] of matches.entries()) {
    const one = translate(match, [...path, "matches", index])
    if (isRefused(one)) return one
    translated.push(one)
  }
  return translated
}

function httpMatch({ path: pathSpec = {}, headers, queryParams, method }: HttpMatch, path: Path): Match | Refused {
  const taken = pathMatch(pathSpec, [...path, "path"])
  if (isRefused(taken)) return taken
  if (method !== undefined && !METHODS.includes(method)) {
    const at = [...path, "method"]
    return { refused: `there is no method ${quote(method)}; ${hintFrom(method, "methods", METHODS)}`, path: at }
  }
  const ofHeaders = valueMatches(headers, (name) => name.toLowerCase(), [...path, "headers"])
  if (isRefused(ofHeaders)) return ofHeaders
  const ofQuery = valueMatches(queryParams, (name) => name, [...path, "queryParams"])
  if (isRefused(ofQuery)) return ofQuery
  return { path: taken, ...(method !== undefined && { method }), headers: ofHeaders, query: ofQuery, cookies: [] }
}

function grpcMatch({ method: spec, headers }: GrpcMatch, path: Path): Match | Refused {
  const ofHeaders = valueMatches(headers, (name) => name.toLowerCase(), [...path, "headers"])
  if (isRefused(ofHeaders)) return ofHeaders
  const taken: PathMatch | Refused = spec ? grpcPath(spec, [...path, "method"]) : { kind: "prefix", value: "/" }
  if (isRefused(taken)) return taken
  return { path: taken, method: "POST", headers: ofHeaders, query: [], cookies: [] }
}

function grpcPath(
  { type = "Exact", service, method }: NonNullable<GrpcMatch["method"]>,
  path: Path,
): PathMatch | Refused {
  if (type === "Exact") {
    if (service !== undefined && method !== undefined) return { kind: "exact", value: `/${service}/${method}` }
    if (service !== undefined) return { kind: "prefix", value: `/${service}` }
    return { kind: "template", value: `/*/${method}` }
  }
  if (type !== "RegularExpression") return unknownType(type, VALUE_TYPES, path)
  const pattern = `/(?:${service ?? "[^/]+"})/(?:${method ?? "[^/]+"})`
  const complaint = checkRegex(pattern)
  return complaint ? { refused: complaint.message, path } : { kind: "regex", value: pattern }
}

function pathMatch(
  { type = "PathPrefix", value = "/" }: NonNullable<HttpMatch["path"]>,
  path: Path,
): PathMatch | Refused {
  if (!PATH_TYPES.includes(type)) return unknownType(type, PATH_TYPES, path)
  if (type === "RegularExpression") {
    const complaint = checkRegex(value)
    return complaint ? { refused: complaint.message, path } : { kind: "regex", value }
  }
  // Requests are matched in their canonical form: a value in any other form could never match.
  const canonical = canonicalPath(value)
  if (typeof canonical !== "string") return { refused: `${quote(value)} takes no request: ${canonical.problem}`, path }
  if (type === "Exact") return { kind: "exact", value: canonical }
  return { kind: "prefix", value: canonical.length > 1 ? canonical.replace(/\/$/, "") : canonical }
}

/** Of entries with equivalent names the first one counts, and the others are ignored (Gateway API). */
function valueMatches(
  entries: readonly NamedMatch[] = [],
  fold: (name: string) => string,
  path: Path,
): ValueMatch[] | Refused {
  const matches = new Map<string, ValueMatch>()
  for (const [index, { type = "Exact", name: written, value }] of entries.entries()) {
    const name = fold(written)
    if (!VALUE_TYPES.includes(type)) return unknownType(type, VALUE_TYPES, [...path, index])
    const complaint = type === "RegularExpression" ? checkRegex(value) : undefined
    if (complaint) return { refused: complaint.message, path: [...path, index] }
    if (!matches.has(name)) matches.set(name, { name, test: { kind: type === "Exact" ? "exact" : "regex", value } })
  }
  return [...matches.values()]
}

function unknownType(type: string, known: readonly string[], path: Path): Refused {
  return {
    refused: `there is no type of match ${quote(type)}; ${hintFrom(type, "types", known)}`,
    path: [...path, "type"],
  }
}
