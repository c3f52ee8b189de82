/** Short ways to write routes, tables and request heads. */
import { DEFAULT_GATEWAY, type RuleId, routeId, type ServiceId, serviceId } from "#shared/model/names.ts"
import type { Claims, Principals } from "#shared/model/principal.ts"
import type {
  Attachment,
  Backend,
  Gateway,
  Match,
  PathMatch,
  Route,
  ValueMatch,
  ValueTest,
} from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { compile, type Entry, IMPLICIT, match, type RouteTable } from "#shared/routing/table.ts"

export const service = (name: string): ServiceId =>
  name.includes("/") ? (name as ServiceId) : serviceId("default", name)

export const backend = (name: string, weight = 1): Backend => ({ service: service(name), weight, filters: [] })

export interface MatchText {
  /** `=/a` exact, `~regex`, `/a/{b}` template, otherwise a prefix. */
  readonly path?: string | PathMatch
  readonly method?: string
  /** `name` present, `!name` absent, `name=value` exact, `name!=value` not exact. */
  readonly headers?: readonly (string | ValueMatch)[]
  readonly query?: readonly (string | ValueMatch)[]
  readonly cookies?: readonly (string | ValueMatch)[]
  readonly claims?: readonly (string | ValueMatch)[]
  readonly from?: readonly string[]
  readonly addresses?: readonly string[]
  readonly afterMs?: number
  readonly beforeMs?: number
  readonly rpc?: string
  readonly percent?: number
}

export function aPath(text: string | PathMatch): PathMatch {
  if (typeof text !== "string") return text
  if (text.startsWith("=")) return { kind: "exact", value: text.slice(1) }
  if (text.startsWith("~")) return { kind: "regex", value: text.slice(1) }
  return { kind: /[{*]/.test(text) ? "template" : "prefix", value: text }
}

export function aValue(text: string | ValueMatch): ValueMatch {
  if (typeof text !== "string") return text
  const parts = /^(!?)([^!=]+)(?:(!?)=(.*))?$/s.exec(text)
  if (!parts) throw new Error(text)
  const [, absent, name = "", negated, value] = parts
  if (value === undefined) return { name, test: { kind: absent ? "absent" : "present" } }
  return { name, test: { kind: "exact", value }, ...(negated ? { negate: true } : {}) }
}

export const aTest = (name: string, test: ValueTest, negate = false): ValueMatch => ({ name, test, negate })

export function aMatch(text: MatchText = {}): Match {
  return {
    ...(text.path === undefined ? {} : { path: aPath(text.path) }),
    ...(text.method === undefined ? {} : { method: text.method }),
    headers: (text.headers ?? []).map(aValue),
    query: (text.query ?? []).map(aValue),
    cookies: (text.cookies ?? []).map(aValue),
    ...(text.claims === undefined ? {} : { claims: text.claims.map(aValue) }),
    ...(text.from === undefined ? {} : { from: text.from.map(service) }),
    ...(text.addresses && { addresses: text.addresses }),
    ...(text.afterMs === undefined ? {} : { afterMs: text.afterMs }),
    ...(text.beforeMs === undefined ? {} : { beforeMs: text.beforeMs }),
    ...(text.rpc === undefined ? {} : { rpc: text.rpc }),
    ...(text.percent === undefined ? {} : { percent: text.percent }),
  }
}

export interface RouteText {
  readonly name?: string
  readonly hosts?: readonly string[]
  readonly attachments?: readonly Attachment[]
  readonly order?: "specific" | "listed"
  readonly since?: number
  /** For each backend, by name, the matches of its rule. */
  readonly rules: readonly (readonly [to: string, ...matches: readonly (MatchText | Match)[]])[]
}

export function aRoute({
  name = "route",
  hosts = ["*"],
  attachments,
  order = "specific",
  since = 1,
  rules,
}: RouteText): Route {
  return {
    id: routeId("default", name),
    attachments:
      attachments ?? hosts.map((hostname) => ({ to: "gateway", gateway: DEFAULT_GATEWAY, hostname }) as const),
    order,
    since,
    rules: rules.map(([to, ...matches], index) => ({
      id: `default/${name}/${index}` as RuleId,
      matches: matches.length === 0 ? [aMatch()] : matches.map(aMatch),
      filters: [],
      backends: [backend(to)],
      timeouts: {},
      retry: undefined,
    })),
  }
}

export function aSnapshot(routes: readonly Route[], gateways: readonly Gateway[] = []): Snapshot {
  return { format: 1, services: [], gateways, routes }
}

export const aTable = (...routes: readonly RouteText[]): RouteTable => compile(aSnapshot(routes.map(aRoute)))

export interface HeadText {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[]
  readonly caller?: string
  /** Of the end user's verified token. */
  readonly claims?: Claims
  /** The public client's. */
  readonly address?: string
  readonly nowMs?: number
  readonly rpc?: string
  readonly dice?: number
}

export function aHead(text: HeadText = {}): RequestHead {
  const headers = new Headers()
  const pairs = Array.isArray(text.headers) ? text.headers : Object.entries(text.headers ?? {})
  for (const [name, value] of pairs) headers.append(name, value)
  return {
    method: text.method ?? "GET",
    path: text.rpc === undefined ? (text.path ?? "/") : "",
    rawQuery: text.query ?? "",
    host: text.host ?? "shop.test",
    headers,
    caller: text.caller === undefined ? undefined : service(text.caller),
    address: text.address,
    nowMs: text.nowMs,
    rpc: text.rpc,
    dice: text.dice ?? 0,
    ...(text.claims && { principals: principalsWith(text.claims) }),
  }
}

function principalsWith(claims: Claims): Principals {
  const user = { issuer: "https://iss.test", subject: "", audiences: [], presenter: undefined, claims }
  return { caller: undefined, user, key: undefined, address: undefined }
}

export const PUBLIC: Entry = { at: "gateway", gateway: DEFAULT_GATEWAY, port: 443, protocol: "https" }

/** The name of the backend that takes the request, `implicit`, or `404`. */
export function taker(table: RouteTable, head: HeadText | RequestHead, entry: Entry = PUBLIC): string {
  const found = match(table, entry, "rawQuery" in head ? head : aHead(head))
  if (found === undefined) return "404"
  if (found === IMPLICIT) return found
  return found.rule.backends[0]?.service.replace("default/", "") ?? "none"
}

/** A table, then requests and who takes them; each line of a failure names the request. */
export function takers(routes: readonly RouteText[], requests: readonly (readonly [HeadText, string])[]) {
  const table = aTable(...routes)
  const line = (head: HeadText, to: string) => `${JSON.stringify(head)} -> ${to}`
  return {
    actual: requests.map(([head]) => line(head, taker(table, head))),
    expected: requests.map(([head, to]) => line(head, to)),
  }
}
