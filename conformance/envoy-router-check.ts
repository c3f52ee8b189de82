/** Cases of Envoy's route table check tool: a route configuration, a request, and what becomes of it. */

import { type CoreForm, judgedCase, testOf, type Verdict } from "./core-form.ts"
import type { CaseResult } from "./engine.ts"
import { durationMs } from "./envoy-changes.ts"
import { headerFault } from "./envoy-matchers.ts"
import { bookOf, type EnvoyAsked, type EnvoyBook, hostName, isOfDomain } from "./envoy-routes.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import { type Asked, PureMesh, type Told } from "./pure-mesh.ts"

interface RouterCheck {
  readonly file: string
  readonly routeConfig: Fields
  readonly tests: readonly RouterCheckCase[]
}

interface RouterCheckCase {
  readonly name: string
  readonly input: Fields
  readonly expect: Fields
  /** The tool must notice that it is not so. */
  readonly mustFail?: boolean
  readonly actual?: Fields
}

export const routerCheckForm: CoreForm = {
  name: "envoy_router_check",
  takes: (_file, content) =>
    Array.isArray(content) && content.length > 0 && content.every((one) => "routeConfig" in one),
  run: (content) =>
    (content as readonly RouterCheck[]).map(({ file, ...rest }) => testOf(nameOf(file), () => casesOf(rest))),
}

function nameOf(file: string): string {
  return file.split("/").at(-1)!
}

function casesOf({ routeConfig, tests }: Omit<RouterCheck, "file">): CaseResult[] {
  let built: (ReturnType<typeof bookOf> & { readonly mesh: PureMesh | readonly string[] }) | undefined
  const build = () => {
    const read = bookOf(routeConfig)
    return { ...read, mesh: PureMesh.of(read.book.document()) }
  }
  return tests.map((one) =>
    judgedCase(one.name, () => {
      built ??= build()
      const { book, unwritten, mesh } = built
      const host = String(one.input.authority)
      const isElsewhere = unwritten.some((domain) => isOfDomain(host, domain))
      const elsewhere = isElsewhere ? ["a domain is a host, *.suffix or *: others have no word here"] : []
      const doubts = [...built.doubts, ...elsewhere]
      if (!(mesh instanceof PureMesh)) return { faults: mesh }
      const verdict = verdictOf(one, mesh, book, routeConfig)
      return { ...verdict, doubts: [...doubts, ...(verdict.doubts ?? [])] }
    }),
  )
}

function verdictOf(
  { input, expect, mustFail, actual }: RouterCheckCase,
  mesh: PureMesh,
  book: EnvoyBook,
  config: Fields,
): Verdict {
  const asked = askedOf(input, config)
  if (typeof asked === "string") return { faults: [], doubts: [asked] }
  const told = mesh.ask(asked)
  const listed = new Headers(asked.headers?.map(([name, value]): [string, string] => [name, value]) ?? [])
  const of: EnvoyAsked = {
    headers: listed,
    host: asked.host,
    runtime: text(input.runtime),
    random: Number(input.random_value ?? 0),
  }
  const shown = shownOf(told, book, asked)
  const doubts = [...book.doubtsOf(told, of), ...unjudged(expect)]
  const faults = faultsIn(expect, shown, told)
  if (!mustFail) return { faults, doubts }
  const missed = faults.length === 0 ? ["what is not so was not noticed"] : []
  return { faults: [...missed, ...faultsIn(withMatchers(actual ?? {}), shown, told)], doubts }
}

/** A text says why it cannot be asked. */
function askedOf(input: Fields, config: Fields): Asked | string {
  const known = [
    "authority",
    "path",
    "method",
    "random_value",
    "ssl",
    "internal",
    "runtime",
    "additional_request_headers",
  ]
  const unknown = Object.keys(input).filter((key) => ![...known, "additional_response_headers"].includes(key))
  if (unknown.length > 0) return `the request has ${unknown.join(", ")}`
  if (input.method === "CONNECT") return "tunnels do not come as far as a Worker"
  const random = Number(input.random_value ?? 0)
  const scales = new Set(list(config.virtual_hosts).flatMap((host) => list(record(host).routes).flatMap(scaleOf)))
  if (scales.size > 1) return "one random number is no throw of the dice for shares on several scales"
  const scale = [...scales][0] ?? 100
  const boundary = list(config.virtual_hosts).some((host) =>
    list(record(host).routes).some((route) => Number(fractionOf(route)?.numerator ?? -1) === random % scale),
  )
  if (boundary && input.runtime !== undefined)
    return "the tool counts the end of a share in: a share of 0 takes nothing here"
  const host = String(input.authority)
  const total = totalWeight(config, host.replace(/:\d+$/, ""))
  return {
    scheme: input.ssl === true ? "https" : "http",
    host: hostName(host),
    target: String(input.path),
    method: text(input.method) ?? "GET",
    headers: pairs(input.additional_request_headers),
    address: "127.0.0.1",
    dice: input.runtime === undefined ? 0.999_999_9 : ((random % scale) + 0.5) / scale,
    split: total === 0 ? 0 : ((random % total) + 0.5) / total,
    backend: () => ({ status: 200, headers: new Headers(pairs(input.additional_response_headers)) }),
  }
}

function pairs(headers: unknown): [string, string][] {
  return list(headers)
    .map(record)
    .map(({ key, value }) => [String(key), String(value)])
}

function fractionOf(route: unknown): Fields | undefined {
  const { runtime_fraction: fraction } = record(record(route).match)
  return fraction === undefined ? undefined : record(record(fraction).default_value)
}

function scaleOf(route: unknown): number[] {
  const fraction = fractionOf(route)
  return fraction ? [{ TEN_THOUSAND: 10_000, MILLION: 1_000_000 }[String(fraction.denominator)] ?? 100] : []
}

/** Of the first split of the host: the tool has one random number, and so has the mesh one throw for it. */
function totalWeight(config: Fields, host: string): number {
  const hosts = list(config.virtual_hosts).map(record)
  const found =
    hosts.find(({ domains }) => list(domains).includes(host)) ??
    hosts.find(({ domains }) => list(domains).includes("*"))
  const splits = list(found?.routes).map((route) =>
    list(record(record(record(route).route).weighted_clusters).clusters),
  )
  const weights = (splits.find((clusters) => clusters.length > 0) ?? []).map((one) => Number(record(one).weight ?? 0))
  return weights.reduce((sum, weight) => sum + weight, 0)
}

/** What the tool shows of a request, in its words. */
function shownOf(told: Told, book: EnvoyBook, asked: Asked): Fields {
  const { sent, service, route, headers, status, timeouts } = told
  const isOwn = sent === undefined && told.refusal === undefined
  const direct = isOwn && !headers.has("location") ? `${asked.scheme}://${asked.host}${asked.target}` : undefined
  return {
    cluster_name: sent ? book.theirs(service) : "",
    virtual_host_name: sent ? book.theirs(route) : "",
    path_rewrite: sent?.target ?? "",
    host_rewrite: sent?.host ?? "",
    path_redirect: isOwn ? (headers.get("location") ?? direct) : "",
    code_redirect: isOwn ? status : undefined,
    timeoutMs: timeouts?.requestMs ?? 0,
  }
}

const SHOWN = ["cluster_name", "virtual_host_name", "path_rewrite", "host_rewrite", "path_redirect", "code_redirect"]
const MATCHERS = ["request_header_matches", "response_header_matches"]

/** The name of a virtual cluster is one of statistics; a case with nothing else in it says nothing. */
function unjudged(expect: Fields): string[] {
  const judged = [...SHOWN, ...MATCHERS, "timeout"]
  const unknown = Object.keys(expect).filter((key) => !judged.includes(key) && key !== "virtual_cluster_name")
  const reasons = unknown.map((key) => `nobody here can judge: ${key}`)
  const { virtual_cluster_name: name } = expect
  const isNamed = name !== undefined && name !== "" && name !== "other"
  const isAll = Object.keys(expect).every((key) => key === "virtual_cluster_name")
  if (isNamed || isAll)
    reasons.push("virtual clusters name requests for statistics: here every rule has its own, by its name")
  return reasons
}

function faultsIn(expect: Fields, shown: Fields, told: Told): string[] {
  const faults: string[] = []
  for (const key of SHOWN) {
    const wanted = expect[key]
    if (wanted === undefined) continue
    const [found, meant] = [comparable(key, shown[key]), comparable(key, wanted)]
    if (found !== meant) faults.push(`${key} is ${JSON.stringify(found)} instead of ${JSON.stringify(meant)}`)
  }
  if (expect.timeout !== undefined && durationMs(expect.timeout) !== shown.timeoutMs) {
    faults.push(`timeout is ${String(shown.timeoutMs)} ms instead of ${JSON.stringify(expect.timeout)}`)
  }
  const requests = list(expect.request_header_matches).map((one) => hostsIn(record(one)))
  const responses = list(expect.response_header_matches).map(record)
  const found = [
    ...requests.map((matcher) => headerFault(matcher, requestHeader(told, String(matcher.name)))),
    ...responses.map((matcher) => headerFault(matcher, responseHeader(told, String(matcher.name)))),
  ]
  faults.push(...found.filter((fault) => fault !== undefined))
  return faults
}

/** The port that a scheme implies may stand in a URL or not, and so may the slash of an empty path. */
function comparable(key: string, value: unknown): unknown {
  if (key === "path_redirect" && URL.canParse(String(value))) return new URL(String(value)).href
  return key === "host_rewrite" ? hostName(String(value)) : value
}

function hostsIn(matcher: Fields): Fields {
  const exact = text(record(matcher.string_match).exact)
  return matcher.name === ":authority" && exact !== undefined
    ? { ...matcher, string_match: { exact: hostName(exact) } }
    : matcher
}

function requestHeader({ sent }: Told, name: string): string | null {
  if (name === ":authority") return sent?.host ?? null
  if (name === ":path") return sent?.target ?? null
  if (name === ":method") return sent?.method ?? null
  return name.startsWith(":") ? null : (sent?.headers.get(name) ?? null)
}

/** The mesh also says in which charset its own text is; the cases are about the type. */
function responseHeader({ headers }: Told, name: string): string | null {
  return headers.get(name)?.replace(/;\s*charset=utf-8/i, "") ?? null
}

/** What the tool found, told like what it expects. */
function withMatchers({ response_headers: headers, ...rest }: Fields): Fields {
  const matchers = Object.entries(record(headers)).map(([name, value]) =>
    value === null ? { name, present_match: false } : { name, string_match: { exact: value } },
  )
  return { ...rest, response_header_matches: matchers }
}
