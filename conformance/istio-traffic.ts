/** `istio_virtualservice_traffic.json`: VirtualServices, for calls inside the mesh and behind an ingress gateway. */
import { derivedBinding } from "#shared/config/resolve-service.ts"
import { labelOf } from "#shared/dialects/gateway-api/names.ts"
import {
  type CaseRequest,
  type Door,
  type Expectation,
  type Form,
  type FormCase,
  type FormTest,
  NOTHING_EXPECTED,
} from "./form.ts"
import { distributionOf, type Fields, list, record, skipped, text, texts } from "./gateway-api.ts"
import type { IstioObject } from "./istio-applicable.ts"
import { publishedKeys, type TokenBook, tokenBook } from "./istio-tokens.ts"
import { originOf, readVirtualService } from "./istio-virtual-service.ts"

interface TrafficSuite {
  readonly test: string
  readonly via?: string
  readonly manifests: readonly IstioObject[]
  readonly cases: readonly TrafficCase[]
}

interface TrafficCase {
  readonly name: string
  readonly request: Fields
  readonly expect: Fields
  readonly distribution?: Fields
}

/** Beside the file, with the tokens that its cases name. */
const TOKENS_FILE = "istio_authz.json"
/** Who calls, and a service that all destinations are beside. */
const CALLER = "a"

export const istioTrafficForm: Form = {
  name: "Istio VirtualServices",
  takes: (_, content) => list(record(content).suites).some((suite) => Array.isArray(record(suite).manifests)),
  async read(content, beside) {
    const { suites } = content as { readonly suites: readonly TrafficSuite[] }
    const tokens = record(record(await beside(TOKENS_FILE)).tokens)
    const book = tokenBook(tokens)
    return suites.map((suite) => readable(suite, () => testOf(suite, book)))
  },
}

/** A suite in a form that nobody here has seen keeps the others from nothing. */
function readable(suite: TrafficSuite, read: () => FormTest): FormTest {
  try {
    return read()
  } catch (error) {
    const reason = `it cannot be read: ${error instanceof Error ? error.message : String(error)}`
    const cases = list(suite.cases).map((one, index) => skipped(text(record(one).name) ?? String(index), reason))
    return { name: suite.test, documents: [], backends: [], cases }
  }
}

function testOf(suite: TrafficSuite, book: TokenBook): FormTest {
  const read = suite.manifests
    .filter(({ kind }) => kind === "VirtualService")
    .map((one) => ({ ...one, ...readVirtualService(record(one.spec)) }))
  const others = suite.manifests.filter(({ kind }) => !["VirtualService", "Gateway"].includes(kind))
  const gateways = suite.manifests.filter(({ kind }) => kind === "Gateway").map(gatewayOf)
  const unknown = others.filter(({ apiVersion }) => !apiVersion.startsWith("security.istio.io/"))
  const doubts = [
    ...read.flatMap((one) => one.doubts),
    ...gateways.flatMap((one) => one.doubts),
    ...unknown.map(({ kind }) => `a ${kind} is not read`),
  ]
  const names = [...new Set([CALLER, "b", ...read.flatMap(({ services }) => services)])]
  const inside = names.filter((name) => !name.includes("/"))
  return {
    name: suite.test,
    documents: [
      {
        services: Object.fromEntries(inside.map((name) => [name, {}])),
        gateways: Object.fromEntries(gateways.map(({ name, document }) => [name, document])),
        routes: Object.fromEntries(
          read.map(({ metadata, spec, rules }) => [labelOf(metadata.name), attached(record(spec), rules)]),
        ),
      },
      ...others.map((one) => withKeys(one, book)),
    ],
    backends: inside.map((name) => ({ binding: derivedBinding("default", name), backend: name, namespace: "default" })),
    cases: suite.cases.map((one) => caseOf(suite, one, [...new Set(doubts)], gateways[0], book)),
  }
}

/** A VirtualService without gateways is for calls to the services that its hosts name. */
function attached({ hosts, gateways }: Fields, rules: readonly object[]): object {
  const outside = list(gateways)
    .map(String)
    .filter((name) => name !== "mesh")
  const named = list(hosts).map(String)
  if (outside.length > 0) return { hosts: named, gateways: outside.map(labelOf), order: "listed", rules }
  return { services: named.map((host) => host.split(".")[0]!), order: "listed", rules }
}

interface ReadGateway {
  readonly name: string
  readonly document: object
  readonly port: number
  readonly doubts: readonly string[]
}

function gatewayOf({ metadata, spec }: IstioObject): ReadGateway {
  const servers = list(record(spec).servers).map(record)
  const listeners = servers.flatMap((server, index) =>
    list(server.hosts).map((host, at) => {
      const { number, protocol } = record(server.port)
      const hostname = String(host).replace(/^.*\//, "")
      return {
        name: `s${index}-${at}`,
        port: Number(number),
        protocol: protocol === "HTTPS" ? "https" : "http",
        ...(hostname !== "*" && { hostname }),
      }
    }),
  )
  const known = ["port", "hosts", "name"]
  const doubts = servers.flatMap((server) =>
    Object.keys(server)
      .filter((key) => !known.includes(key))
      .map((key) => `a server of the Gateway has ${key}`),
  )
  return { name: labelOf(metadata.name), document: { listeners }, port: listeners[0]?.port ?? 80, doubts }
}

function withKeys(object: IstioObject, book: TokenBook): IstioObject {
  const keys = JSON.stringify(JSON.stringify({ keys: publishedKeys() }))
  return JSON.parse(book.fill(JSON.stringify(object).replaceAll('"<jwks>"', keys))) as IstioObject
}

function caseOf(
  suite: TrafficSuite,
  one: TrafficCase,
  doubts: readonly string[],
  gateway: ReadGateway | undefined,
  book: TokenBook,
): FormCase {
  const { request, expect } = one
  const reason = doubts[0] ?? whyNot(request, book)
  if (reason !== undefined)
    return skipped(one.name, [...doubts.slice(0, 3), ...(doubts.length === 0 ? [reason] : [])].join("; "))
  const door: Door =
    suite.via === undefined || gateway === undefined
      ? { at: "service", from: `default/${CALLER}`, to: `default/${String(request.host).split(/[.:]/)[0]}` }
      : { at: "gateway", gateway: `default/${gateway.name}`, port: gateway.port }
  return {
    name: one.name,
    door,
    removals: [],
    request: requestOf(request, book),
    expect: expectationOf(request, expect),
    ...(one.distribution && { distribution: distributionOf(one.distribution) }),
  }
}

function whyNot(request: Fields, book: TokenBook): string | undefined {
  const known = ["scheme", "host", "port", "method", "path", "headers", "followRedirect"]
  const unknown = Object.keys(request).find((key) => !known.includes(key))
  if (unknown !== undefined) return `nobody here knows what a request with ${unknown} is`
  if (!["http", "https"].includes(String(request.scheme ?? "http"))) return "the mesh carries HTTP and RPC"
  const written = JSON.stringify(request.headers ?? {})
  return book.fill(written) === written && /<Token\w+>/.test(written)
    ? `its token stands in ${TOKENS_FILE}, which is not there`
    : undefined
}

function requestOf(request: Fields, book: TokenBook): CaseRequest {
  const host = text(request.host) ?? "b"
  const port = Number(request.port ?? 80)
  const headers = Object.entries(record(request.headers)).flatMap(([name, value]) =>
    list(value).map((one) => [name, written(name, book.fill(String(one)))] as const),
  )
  return {
    scheme: request.scheme === "https" ? "https" : "http",
    // Who calls another port than the scheme's own writes it into the URL.
    host: host.includes(":") || port === 80 || port === 443 ? host : `${host}:${port}`,
    // What follows a "#" stays with the browser.
    target: (text(request.path) ?? "/").replace(/#.*$/s, ""),
    method: text(request.method) ?? "GET",
    headers,
    webSocket: false,
    ...(request.followRedirect === true && { follow: true }),
  }
}

function written(name: string, value: string): string {
  return name.toLowerCase() === "origin" ? originOf(value) : value
}

const KNOWN = [
  "status",
  "backend",
  "pathAtBackend",
  "methodAtBackend",
  "hostAtBackend",
  "headersAtBackend",
  "absentHeadersAtBackend",
  "responseHeaders",
  "absentResponseHeaders",
]

function expectationOf(request: Fields, expect: Fields): Expectation {
  const responses = Object.entries(record(expect.responseHeaders))
  const location = responses.find(([name]) => name.toLowerCase() === "location")?.[1]
  const isPreflight =
    request.method === "OPTIONS" && record(request.headers)["Access-Control-Request-Method"] !== undefined
  const shown = responses
    .filter(([name]) => name.toLowerCase() !== "location")
    .map(([name, value]) => {
      const isOrigin = name.toLowerCase() === "access-control-allow-origin"
      return [name, [isOrigin ? originOf(String(value)) : String(value)]]
    })
  return {
    ...NOTHING_EXPECTED,
    // A preflight is as good without content.
    statuses: [...list(expect.status).map(Number), ...(isPreflight ? [204] : [])],
    ...texts(expect, ["backend", "pathAtBackend", "methodAtBackend", "hostAtBackend"]),
    headersAtBackend: record(expect.headersAtBackend) as Record<string, string>,
    absentHeadersAtBackend: list(expect.absentHeadersAtBackend).map(String),
    responseHeaders: Object.fromEntries(shown) as Record<string, string[]>,
    absentResponseHeaders: list(expect.absentResponseHeaders).map(String),
    ...(location !== undefined && { redirect: partsOf(String(location)) }),
    unknown: Object.keys(expect).filter((key) => !KNOWN.includes(key)),
  }
}

/** A URL says the same with and without the port that its scheme implies. */
function partsOf(location: string): NonNullable<Expectation["redirect"]> {
  if (!URL.canParse(location)) return { scheme: null, host: null, port: null, path: location }
  const { protocol, hostname, port, pathname, search } = new URL(location)
  return { scheme: protocol.slice(0, -1), host: hostname, port: port === "" ? null : port, path: pathname + search }
}
