/**
 * Which of two matches comes first on a host whose order is `specific`. The Gateway API's order (HTTPRoute
 * precedence): exact path, longest prefix, method, number of header conditions, number of query conditions, older
 * route, route's name, written order. What it leaves open is decided here:
 *
 *   path      exact > longest prefix > template > regex > any. A match without path, and one with the prefix "/", which
 *             says the same, ranks last: were "/" a prefix like others, no template and no regex could ever
 *             win beside a catch-all.
 *   template  the first segment in which two differ decides: literal, then one segment, then the rest
 *   regex     no regex is more specific than another; the other criteria decide
 *   RPC       a call's method name is to it what the path is to a request: exact name > most literal characters of a
 *             glob > any. A match with an RPC method takes nothing else, so the two never compete.
 *   headers   cookies, claims, callers and clients' addresses count as header conditions
 *   percent   a match for a share of requests comes before the same match for all, or it would take none; so does one for a time
 */
import type { RouteId } from "#shared/model/names.ts"
import type { Match, Route } from "#shared/model/route.ts"
import { isCatchAll, withoutTrailingSlash } from "./path-match.ts"
import { admitTemplate } from "./template.ts"

export interface Rank {
  readonly kind: number
  /** Characters of the prefix, or literal characters of the RPC glob. */
  readonly literalChars: number
  /** Of a template: a digit a segment; the larger text is more specific. */
  readonly shape: string
  readonly method: number
  readonly headers: number
  readonly query: number
  readonly percent: number
}

/** A match with its place: what its route's age and name and the written order say. */
export interface Placed {
  readonly rank: Rank
  readonly since: number
  readonly routeId: RouteId
  /** Place of the match in its route, counted over all its rules. */
  readonly written: number
}

const KIND = { exact: 4, prefix: 3, template: 2, regex: 1, any: 0 } as const
const SHAPE = { literal: "3", one: "2", rest: "1" } as const

interface Criterion {
  readonly name: string
  /** Negative when the left one comes first. */
  readonly compare: (left: Placed, right: Placed) => number
}

const LISTING: readonly Criterion[] = [
  { name: "age of the route", compare: (left, right) => left.since - right.since },
  { name: "name of the route", compare: (left, right) => compareText(left.routeId, right.routeId) },
  { name: "written order", compare: (left, right) => left.written - right.written },
]

/** In the order in which they decide. */
const CRITERIA: { readonly [order in Route["order"]]: readonly Criterion[] } = {
  specific: [
    { name: "kind of path match", compare: (left, right) => right.rank.kind - left.rank.kind },
    { name: "length of the path match", compare: (left, right) => right.rank.literalChars - left.rank.literalChars },
    { name: "shape of the path template", compare: (left, right) => compareText(right.rank.shape, left.rank.shape) },
    { name: "method", compare: (left, right) => right.rank.method - left.rank.method },
    { name: "number of header conditions", compare: (left, right) => right.rank.headers - left.rank.headers },
    { name: "number of query conditions", compare: (left, right) => right.rank.query - left.rank.query },
    { name: "share of requests or time", compare: (left, right) => right.rank.percent - left.rank.percent },
    ...LISTING,
  ],
  listed: LISTING,
}

/** For sorting: the match that comes first is less. A total order over the matches of one table. */
export function comparePlaced(left: Placed, right: Placed, order: Route["order"]): number {
  for (const criterion of CRITERIA[order]) {
    const difference = criterion.compare(left, right)
    if (difference !== 0) return difference
  }
  return 0
}

/** The criterion by which two matches differ, in words. */
export function decidedBy(left: Placed, right: Placed, order: Route["order"]): string | undefined {
  return CRITERIA[order].find((criterion) => criterion.compare(left, right) !== 0)?.name
}

export function rankOf(match: Match): Rank {
  const { method, headers, cookies, claims = [], from, addresses, query, percent, afterMs, beforeMs } = match
  const others = [from, addresses].filter((one) => one !== undefined)
  return {
    ...rankOfPath(match),
    method: method === undefined ? 0 : 1,
    headers: headers.length + cookies.length + claims.length + others.length,
    query: query.length,
    percent: (percent ?? afterMs ?? beforeMs) === undefined ? 0 : 1,
  }
}

function rankOfPath(match: Match): Pick<Rank, "kind" | "literalChars" | "shape"> {
  const { path, rpc } = match
  if (rpc !== undefined) {
    if (!rpc.includes("*")) return { kind: KIND.exact, literalChars: 0, shape: "" }
    return { kind: KIND.prefix, literalChars: rpc.replaceAll("*", "").length, shape: "" }
  }
  if (path === undefined || isCatchAll(path)) return { kind: KIND.any, literalChars: 0, shape: "" }
  const literalChars = path.kind === "prefix" ? withoutTrailingSlash(path.value).length : 0
  return { kind: KIND[path.kind], literalChars, shape: path.kind === "template" ? shapeOf(path.value) : "" }
}

function shapeOf(template: string): string {
  const admitted = admitTemplate(template)
  return "template" in admitted ? admitted.template.map((segment) => SHAPE[segment.kind]).join("") : ""
}

/** By code units: `localeCompare` would differ between runtimes. */
function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
