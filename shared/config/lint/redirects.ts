/**
 * Redirects that lead into a redirect again: each is followed as a browser would, with the routing's own matcher, from a
 * request that the rule takes.
 */
import type { Attachment, Gateway, Match, Redirect, Route, Rule, ValueMatch } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { redirectLocation } from "#shared/routing/filters.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { compile, IMPLICIT, type Matched, match as matchIn, type RouteTable } from "#shared/routing/table.ts"
import { canonicalPath } from "#shared/std/path.ts"
import { advise, type Sites } from "./site.ts"

type Door = Extract<Attachment, { to: "gateway" }>

interface At {
  readonly scheme: "http" | "https"
  readonly host: string
  readonly port: number
  readonly path: string
  readonly rawQuery: string
}

/** A browser gives up after 20; whoever needs more than a few has lost count. */
const HOPS_MAX = 10
const DEFAULT_PORT = { http: 80, https: 443 } as const

export function lintRedirects(snapshot: Snapshot, sites: Sites): void {
  const routes = snapshot.routes.filter(({ rules }) => rules.some((rule) => redirectOf(rule)))
  if (routes.length === 0) return
  const table = compile(snapshot)
  const gateways = new Map(snapshot.gateways.map((gateway) => [gateway.id, gateway]))
  for (const route of routes) {
    for (const rule of route.rules) {
      if (redirectOf(rule)) lintRedirect(route, rule, table, gateways, sites)
    }
  }
}

/** One way that loops is enough. */
function lintRedirect(
  route: Route,
  rule: Rule,
  table: RouteTable,
  gateways: ReadonlyMap<string, Gateway>,
  sites: Sites,
): void {
  for (const door of route.attachments) {
    if (door.to !== "gateway") continue
    for (const match of rule.matches) {
      const loop = follow(rule, match, door, gateways.get(door.gateway), table)
      if (!loop) continue
      const filter = rule.filters.findIndex(({ kind }) => kind === "redirect")
      const message = `A browser never arrives: ${loop.join(" -> ")}`
      const hint = loop[0]?.replace(/^https?/, "") === loop[1]?.replace(/^https?/, "") ? TO_HTTPS : ELSEWHERE
      sites.atRule(rule, ["filters", filter], advise("warning", "redirect-loop", message, hint))
      return
    }
  }
}

const TO_HTTPS =
  'attach this rule to a listener of "protocol: http" only, by "gateways", and the rest of the route to the https one'
const ELSEWHERE = "lead to a place that no redirect takes, or narrow the match"

/** The way in a circle; undefined when the redirect arrives, or nobody can say. */
function follow(
  rule: Rule,
  match: Match,
  door: Door,
  gateway: Gateway | undefined,
  table: RouteTable,
): string[] | undefined {
  const headers = witnessHeaders(match)
  const start = startOf(match, door, gateway)
  if (!headers || !start) return undefined
  const way: string[] = []
  let at: At | undefined = start
  while (at && way.length < HOPS_MAX) {
    const url = urlOf(at)
    if (way.includes(url)) return [...way.slice(way.indexOf(url)), url]
    const matched = matchAt(table, door, at, match.method ?? "GET", headers)
    const redirect = matched && redirectOf(matched.rule)
    if (!matched || !redirect || (way.length === 0 && matched.rule !== rule)) return undefined
    way.push(url)
    at = locate(redirect, at, matched)
  }
  return at && way.length >= HOPS_MAX ? way.slice(0, 3).concat("...") : undefined
}

function matchAt(table: RouteTable, door: Door, at: At, method: string, headers: Headers): Matched | undefined {
  const head: RequestHead = {
    method,
    path: at.path,
    rawQuery: at.rawQuery,
    host: at.host,
    headers,
    caller: undefined,
    rpc: undefined,
    dice: 0,
  }
  const matched = matchIn(table, { at: "gateway", gateway: door.gateway, port: at.port, protocol: at.scheme }, head)
  return matched === IMPLICIT ? undefined : matched
}

function locate(redirect: Redirect, at: At, matched: Matched): At | undefined {
  const location = redirectLocation(redirect, at, matched)
  const [, scheme, host = "", port, target = "/"] = /^(https?):\/\/([^/:?]+)(?::(\d+))?(.*)$/.exec(location) ?? []
  if (scheme !== "http" && scheme !== "https") return undefined
  const query = target.indexOf("?")
  const path = canonicalPath(query < 0 ? target : target.slice(0, query))
  if (typeof path !== "string") return undefined
  const rawQuery = query < 0 ? "" : target.slice(query + 1)
  return { scheme, host, port: port === undefined ? DEFAULT_PORT[scheme] : Number(port), path, rawQuery }
}

/** A request that the match takes; undefined where only an expression says which. */
function startOf(match: Match, door: Door, gateway?: Gateway): At | undefined {
  const { path, query, claims, percent, from, addresses, afterMs, beforeMs, rpc } = match
  if (path?.kind === "regex" || (percent ?? afterMs ?? beforeMs ?? rpc) !== undefined) return undefined
  if (from || claims || addresses) return undefined
  const listener = gateway?.listeners.find(({ name }) => name === door.listener) ?? gateway?.listeners[0]
  const scheme = listener?.protocol ?? "http"
  const pairs = query.map(witnessOf)
  if (pairs.includes(undefined)) return undefined
  const present = query.flatMap(({ name }, index) => (typeof pairs[index] === "string" ? [[name, pairs[index]]] : []))
  return {
    scheme,
    host: door.hostname === "*" ? "host.example" : door.hostname.replace("*", "host"),
    port: listener?.port ?? DEFAULT_PORT[scheme],
    path: path?.kind === "template" ? path.value.replace(/\{[^}]*\}|\*+/g, "x") : (path?.value ?? "/"),
    rawQuery: new URLSearchParams(present as [string, string][]).toString(),
  }
}

function witnessHeaders({ headers, cookies }: Match): Headers | undefined {
  const built = new Headers()
  for (const condition of headers) {
    const value = witnessOf(condition)
    if (value === undefined) return undefined
    if (value !== null) built.append(condition.name, value)
  }
  const pairs = cookies.map((condition) => [condition.name, witnessOf(condition)] as const)
  if (pairs.some(([, value]) => value === undefined)) return undefined
  const jar = pairs.flatMap(([name, value]) => (typeof value === "string" ? [`${name}=${value}`] : []))
  if (jar.length > 0) built.append("cookie", jar.join("; "))
  return built
}

/** A value that the condition takes, null for none; undefined where that is not plain to see. */
function witnessOf({ test, negate }: ValueMatch): string | null | undefined {
  const wantsPresence = test.kind === "present" || test.kind === "absent"
  if (wantsPresence) return (test.kind === "present") === (negate !== true) ? "x" : null
  if (negate) return null
  return test.kind === "regex" ? undefined : test.value
}

function redirectOf({ filters }: Rule): Redirect | undefined {
  const filter = filters.find(({ kind }) => kind === "redirect")
  return filter?.kind === "redirect" ? filter.redirect : undefined
}

function urlOf({ scheme, host, port, path, rawQuery }: At): string {
  const authority = port === DEFAULT_PORT[scheme] ? host : `${host}:${port}`
  return `${scheme}://${authority}${path}${rawQuery === "" ? "" : `?${rawQuery}`}`
}
