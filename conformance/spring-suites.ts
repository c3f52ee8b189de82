/** Single predicates and filters of Spring, each as a gateway of one route; what it does not take goes to nobody. */
import { judgedCase, type Verdict } from "./core-form.ts"
import type { CaseResult } from "./engine.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import { type Asked, PureMesh } from "./pure-mesh.ts"
import { expectationFaults } from "./spring-judge.ts"
import { NOW_MS } from "./spring-predicates.ts"
import { gatewayOf } from "./spring-routes.ts"
import { unknownIn } from "./translation.ts"

const FORWARDED =
  "the mesh says itself where a public request is from, and takes no one's word for it but that of proxies that a gateway trusts"

export function suiteCases(factory: string, kind: string, cases: readonly Fields[]): CaseResult[] {
  return cases.map((one) => judgedCase(String(one.name), () => verdictOf(factory, kind, one)))
}

function verdictOf(factory: string, kind: string, one: Fields): Verdict {
  if (kind === "headersFilter") {
    const reason = /Forwarded/.test(factory) ? FORWARDED : `${factory} has no word here`
    return { faults: [], doubts: [reason] }
  }
  const { name: _, note: __, config, request, backendResponse, expect, properties, ...others } = one
  const part = { name: factory, args: config }
  const route =
    kind === "predicate"
      ? { id: "one", predicates: [part] }
      : { id: "one", filters: withProperties(part, record(properties)) }
  const { book, doubts, document } = gatewayOf({}, {}, [{ ...route, uri: "http://backend", dsl: true }], {})
  const mesh = PureMesh.of(document)
  const unknown = [...unknownIn(others, [], "the case")]
  if (!(mesh instanceof PureMesh)) return { faults: mesh, doubts: unknown }
  const given = Object.entries(record(record(backendResponse).headers))
  const headers = new Headers(
    given.flatMap(([name, value]) => list(value).map((one): [string, string] => [name, String(one)])),
  )
  const told = mesh.ask({ ...askedOf(record(request)), backend: () => ({ status: 200, headers }) })
  const { match, ...expected } = record(expect)
  const judged = expectationFaults(expected, told, "one")
  const found = told.rule !== undefined
  const wrong = match === undefined || match === found ? [] : [`match is ${found} instead of ${String(match)}`]
  // A predicate that cannot be said takes everything here.
  const winner = kind === "predicate" ? { route: "gateway", rule: "r0-0" } : told
  const ofRule = book.doubtsOf(winner, { isForwarded: false })
  return { faults: [...wrong, ...judged.faults], doubts: [...unknown, ...doubts, ...ofRule, ...judged.doubts] }
}

/** Properties of the whole gateway stand behind the filter's own arguments. */
function withProperties(part: { name: string; args: unknown }, properties: Fields): unknown[] {
  return [{ name: part.name, args: { ...properties, ...record(part.args) } }]
}

function askedOf(request: Fields): Asked {
  const url = text(request.url)
  const [, scheme = "http", host, target] = /^(https?):\/\/([^/?#]*)(.*)$/.exec(url ?? "") ?? []
  const path = target ?? url ?? text(request.path) ?? "/"
  const query = text(request.query) ?? ""
  const cookies = Object.entries(record(request.cookies)).map(([name, value]) => `${name}=${String(value)}`)
  const headers = Object.entries(record(request.headers)).flatMap(([name, value]) =>
    list(value).map((one) => [name, String(one)] as const),
  )
  return {
    scheme: scheme as "http" | "https",
    host: host ?? text(request.host) ?? "localhost",
    target: `${path.startsWith("/") ? path : `/${path}`}${query === "" ? "" : `?${query}`}`,
    method: text(request.method) ?? "GET",
    nowMs: NOW_MS,
    ...(typeof request.remoteAddress === "string" && { address: request.remoteAddress }),
    headers: [...headers, ...(cookies.length > 0 ? [["cookie", cookies.join("; ")] as const] : [])],
  }
}
