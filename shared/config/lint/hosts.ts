/** Hostnames that several routes share, and wildcards that do not show through where one might expect it. */
import type { Match, Route } from "#shared/model/route.ts"
import { ANY_HOST } from "#shared/routing/hostnames.ts"
import { isCatchAll } from "#shared/routing/path-match.ts"
import type { Place } from "./reach.ts"
import { advise, type Sites } from "./site.ts"

export function lintHosts(places: readonly Place[], sites: Sites): void {
  const byHost = new Map(places.flatMap((place) => (place.gateway ? [[hostKey(place.gateway), place] as const] : [])))
  for (const place of places) {
    lintSharedList(place, sites)
    if (place.gateway) lintHidden(place, place.gateway, byHost, sites)
  }
}

/** Written order is an order within one route only. */
function lintSharedList({ routes, gateway }: Place, sites: Sites): void {
  if (routes.length < 2 || routes[0]?.order !== "listed") return
  const [first, ...later] = [...routes].sort(byAge)
  const where = gateway ? `the host ${JSON.stringify(gateway.hostname)}` : "the same service"
  for (const route of later) {
    const message = `${first?.id} is listed for ${where} too, and all its rules are asked before these: the older route comes first, then the name`
    sites.atRoute(route, [], advise("warning", "shared-list", message, "write the rules of one host into one route"))
  }
}

/** Whoever names a host owns all of its paths: the wildcard's rules are not asked there. */
function lintHidden(
  place: Place,
  { listener, hostname }: Required<Place>["gateway"],
  byHost: ReadonlyMap<string, Place>,
  sites: Sites,
): void {
  if (hostname === ANY_HOST || place.routes.some(takesEverything)) return
  const wider = wildcardsOver(hostname)
    .map((pattern) => byHost.get(hostKey({ listener, hostname: pattern })))
    .find((found) => found !== undefined)
  const hidden = wider?.routes.filter((route) => !place.routes.includes(route)) ?? []
  const [route] = place.routes
  if (!wider?.gateway || hidden.length === 0 || !route) return
  const message = `What no rule here takes is answered 404 for ${JSON.stringify(hostname)}: the routes of ${JSON.stringify(wider.gateway.hostname)} (${hidden.map(({ id }) => id).join(", ")}) are not asked for this host`
  const hint = "add a rule without match that sends the rest where it belongs"
  sites.atRoute(route, ["hosts"], advise("info", "hidden-wildcard", message, hint))
}

function takesEverything({ rules }: Route): boolean {
  return rules.some(({ matches }) => matches.some(isUnconditional))
}

function isUnconditional(match: Match): boolean {
  const { path, method, headers, query, cookies, claims = [], from, addresses, afterMs, beforeMs, rpc, percent } = match
  const conditions = headers.length + query.length + cookies.length + claims.length
  const others = [method, from, addresses, afterMs, beforeMs, rpc]
  const free = others.every((one) => one === undefined) && (percent ?? 100) >= 100
  return free && conditions === 0 && (path === undefined || isCatchAll(path))
}

/** The nearest first: `*.b.test`, `*.test`, `*` for `a.b.test`. */
function wildcardsOver(hostname: string): string[] {
  const labels = hostname.replace(/^\*\./, "").split(".")
  const from = hostname.startsWith("*.") ? labels : labels.slice(1)
  const apex = hostname.startsWith("*.") ? from.slice(1) : from
  return [...apex.map((_, index) => `*.${apex.slice(index).join(".")}`), ANY_HOST]
}

function hostKey({ listener, hostname }: Required<Place>["gateway"]): string {
  return `${listener} ${hostname}`
}

function byAge(left: Route, right: Route): number {
  return left.since - right.since || (left.id < right.id ? -1 : 1)
}
