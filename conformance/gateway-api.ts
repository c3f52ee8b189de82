/** What the three forms of the Gateway API have in common: a test's manifests, and a case's expectations. */
import type { CaseRequest, Distribution, Door, Expectation, ExpectedRedirect, FormCase, FormTest } from "./form.ts"
import { type KubernetesObject, type Pods, podsOf } from "./pods.ts"

export interface GatewayApiTest {
  readonly test: string
  readonly manifests?: readonly KubernetesObject[]
  readonly baseManifests?: readonly KubernetesObject[]
  readonly cases?: readonly GatewayApiCase[]
  readonly statusExpectations?: readonly unknown[]
}

export type Fields = Readonly<Record<string, unknown>>

export interface GatewayApiCase {
  readonly name?: string
  readonly gateway?: string
  readonly client?: unknown
  readonly listeners?: readonly unknown[]
  readonly after?: unknown
  readonly request?: Fields
  readonly backendSetsResponseHeaders?: Fields
  readonly expect?: Fields
  readonly distribution?: Fields
  readonly declaredButNotAssertedUpstream?: unknown
}

/** What one form says of a case beyond the common. */
export interface Particulars {
  /** Several when the case goes through several listeners; a text says why it cannot be run. */
  doors(test: GatewayApiTest, one: GatewayApiCase, objects: readonly KubernetesObject[]): readonly Door[] | string
  request?(one: GatewayApiCase): Partial<CaseRequest>
  statuses?(expect: Fields): readonly number[] | undefined
}

/** Stands for the address of a gateway. */
const ANY_HOST = "gateway.conformance"
/** 408 and 504 both say that the time is over. */
const DISTRIBUTION = { requests: 500, tries: 10, tolerance: 0.05, deviations: 3 }

export function isTestList(content: unknown): content is GatewayApiTest[] {
  const isTest = (one: GatewayApiTest | null) => typeof one?.test === "string" && !("routeConfig" in one)
  return Array.isArray(content) && content.every(isTest)
}

export function readTests(
  tests: readonly GatewayApiTest[],
  particulars: (test: GatewayApiTest) => Particulars,
): FormTest[] {
  const cluster = clusterOf(tests)
  return tests.map((test) => {
    const objects = [
      ...cluster,
      ...(test.baseManifests ?? []).filter((one) => !isCommon(one)),
      ...(test.manifests ?? []),
    ].map(withClass)
    const pods = podsOf(objects)
    const cases = (test.cases ?? []).flatMap((one, index) =>
      casesOf(test, one, index, objects, pods, particulars(test)),
    )
    return {
      name: test.test,
      documents: [...objects, ...pods.documents],
      backends: pods.backends,
      cases:
        cases.length > 0
          ? cases
          : [skipped("no requests", "it judges the status of Kubernetes objects and sends no request")],
    }
  })
}

/** Upstream's base has all its Services and Namespaces in the cluster for all of its tests. */
function clusterOf(tests: readonly GatewayApiTest[]): KubernetesObject[] {
  const common = tests.flatMap(({ baseManifests = [] }) => baseManifests.filter(isCommon))
  return [...new Map(common.map((one) => [`${one.kind}/${one.metadata.namespace}/${one.metadata.name}`, one])).values()]
}

function isCommon({ apiVersion, kind }: KubernetesObject): boolean {
  return apiVersion === "v1" && (kind === "Service" || kind === "Namespace")
}

function casesOf(
  test: GatewayApiTest,
  one: GatewayApiCase,
  index: number,
  objects: readonly KubernetesObject[],
  pods: Pods,
  particulars: Particulars,
): FormCase[] {
  const name = one.name ?? String(index)
  const isSocket = /websocket|"wss?(:|")/i.test(test.test + JSON.stringify(one))
  const request = { ...requestOf(one, isSocket), ...particulars.request?.(one) }
  const unbacked = pods.unbacked.find((path) => request.target.split("?")[0] === path)
  if (unbacked)
    return [skipped(name, "its Service has hand-written EndpointSlices: addresses of pods, which Workers do not have")]
  if (isMisdirection(one))
    return [skipped(name, "TLS ends before a Worker runs, so it cannot see which name a connection was opened for")]
  const removals = removalsOf(one.after, objects)
  if (removals === undefined)
    return [skipped(name, `what is to happen before is not understood: ${JSON.stringify(one.after)}`)]
  const doors = particulars.doors(test, one, objects)
  if (typeof doors === "string") return [skipped(name, doors)]
  const distribution = one.distribution && distributionOf(one.distribution)
  const isJudged = !distribution || distribution.answers || distribution.mirrors
  const stated = expectationOf(one, particulars, isSocket)
  const expect = isJudged ? stated : { ...stated, unknown: [...stated.unknown, "distribution"] }
  return doors.map((door, at) => ({
    name: doors.length > 1 ? `${name} [${at + 1} of ${doors.length} listeners]` : name,
    door,
    removals,
    request,
    expect,
    ...(distribution && { distribution }),
  }))
}

export function skipped(name: string, reason: string): FormCase {
  const request: CaseRequest = {
    scheme: "http",
    host: ANY_HOST,
    target: "/",
    method: "GET",
    headers: [],
    webSocket: false,
  }
  const door: Door = { at: "gateway", gateway: "default/default", port: 80 }
  return { name, skip: reason, door, removals: [], request, expect: expectationOf({}, { doors: () => [] }) }
}

function requestOf(one: GatewayApiCase, isSocket: boolean): CaseRequest {
  const { request = {}, backendSetsResponseHeaders } = one
  const scheme = text(request.scheme) ?? "http"
  const headers = Object.entries(record(request.headers)).flatMap(([name, value]) =>
    list(value).map((one) => [name, String(one)] as const),
  )
  // A Host among the headers is what the backend sees; the other one is what is connected to.
  const [, written] = headers.find(([name]) => name.toLowerCase() === "host") ?? []
  const others = headers.filter(([name]) => name.toLowerCase() !== "host")
  const answers = Object.entries(record(backendSetsResponseHeaders)).map(([name, value]) => `${name}:${String(value)}`)
  const isAsked = others.some(([name]) => name.toLowerCase() === "x-echo-set-header")
  if (answers.length > 0 && !isAsked) others.push(["X-Echo-Set-Header", answers.join(",")])
  const target = text(request.path) ?? (isSocket ? "/ws" : "/")
  return {
    scheme: scheme === "https" || scheme === "wss" ? "https" : "http",
    host: written ?? text(request.host) ?? ANY_HOST,
    target: target.startsWith("/") ? target : `/${target}`,
    method: text(request.method) ?? "GET",
    headers: others,
    webSocket: isSocket,
  }
}

/** An expectation that upstream declares but does not compare is not compared here either. */
function expectationOf(one: GatewayApiCase, particulars: Particulars, isSocket = false): Expectation {
  const undeclared = new Set(keysOf(one.declaredButNotAssertedUpstream ?? one.expect?.declaredButNotAssertedUpstream))
  const given = Object.entries(one.expect ?? {}).filter(([key, value]) => !undeclared.has(key) && value !== null)
  const expect: Fields = Object.fromEntries(given)
  const oneOf = Object.entries(record(expect.responseHeadersOneOf)).map(([name, values]) => [
    name,
    list(values).map(String),
  ])
  const exact = Object.entries(record(expect.responseHeaders)).map(([name, value]) => [name, [String(value)]])
  return {
    statuses: isSocket ? [101] : (particulars.statuses?.(expect) ?? statusesOf(expect)),
    ...texts(expect, ["backend", "namespace", "pathAtBackend", "methodAtBackend", "hostAtBackend"]),
    headersAtBackend: record(expect.headersAtBackend) as Record<string, string>,
    absentHeadersAtBackend: list(expect.absentHeadersAtBackend).map(String),
    responseHeaders: Object.fromEntries([...exact, ...oneOf]) as Record<string, string[]>,
    absentResponseHeaders: list(expect.absentResponseHeaders).map(String),
    ignoreWhitespace: expect.ignoreWhitespaceInHeaderValues === true,
    ...(expect.redirect !== undefined && { redirect: redirectOf(record(expect.redirect)) }),
    mirroredTo: list(expect.mirroredTo).map((mirror) => nameOf(mirror)),
    backendsNotReached: list(expect.backendThatMustNotBeReached).map((backend) => nameOf(backend)),
    answeredByProxy: expect.answeredByProxy === true,
    unknown: Object.keys(expect).filter(
      (key) => !KNOWN.has(key) && !(isSocket && /socket|echo|frame|message/i.test(key)),
    ),
  }
}

const KNOWN = new Set([
  "status",
  "statusAlsoAccepted",
  "grpcStatus",
  "grpcCode",
  "code",
  "backend",
  "namespace",
  "pathAtBackend",
  "methodAtBackend",
  "hostAtBackend",
  "headersAtBackend",
  "absentHeadersAtBackend",
  "responseHeaders",
  "responseHeadersOneOf",
  "absentResponseHeaders",
  "ignoreWhitespaceInHeaderValues",
  "redirect",
  "mirroredTo",
  "backendThatMustNotBeReached",
  "answeredByProxy",
  "declaredButNotAssertedUpstream",
])

function statusesOf(expect: Fields): number[] {
  const stated = [...list(expect.status), ...list(expect.statusAlsoAccepted)].map(Number)
  return stated.length > 0 ? stated : [200]
}

function redirectOf(redirect: Fields): ExpectedRedirect {
  const part = (key: string) => (redirect[key] === undefined || redirect[key] === null ? null : String(redirect[key]))
  return { scheme: part("scheme"), host: part("host"), port: part("port"), path: part("path") }
}

export function distributionOf(fields: Fields): Distribution {
  const mirrors = fields.ofMirroredRequests
  const lists = Object.values(fields).filter((value) => typeof value === "object" && value !== mirrors)
  const weights = fields.weights ?? lists[0]
  return {
    requests: Number(fields.totalRequests ?? DISTRIBUTION.requests),
    tries: Number(fields.maxTries ?? fields.tries ?? DISTRIBUTION.tries),
    ...(weights !== undefined && {
      answers: { shares: sharesOf(weights), tolerance: Number(fields.tolerance ?? DISTRIBUTION.tolerance) },
    }),
    ...(mirrors !== undefined && {
      mirrors: {
        shares: Object.fromEntries(list(mirrors).map((one) => [nameOf(one), Number(record(one).percent ?? 100) / 100])),
        deviations: Number(fields.acceptWithinStandardDeviations ?? DISTRIBUTION.deviations),
      },
    }),
  }
}

/** `{ a: 0.7, b: 0.3 }`, `{ a: 70, b: 30 }` or `[{ backend: "a", weight: 70 }, …]` as shares of one. */
function sharesOf(weights: unknown): Record<string, number> {
  const entries = Array.isArray(weights)
    ? weights.map(
        (one) => [nameOf(one), Number(record(one).weight ?? record(one).share ?? record(one).percent)] as const,
      )
    : Object.entries(record(weights)).map(([name, weight]) => [name, Number(weight)] as const)
  const sum = entries.reduce((total, [, weight]) => total + weight, 0)
  return Object.fromEntries(entries.map(([name, weight]) => [name, weight / (sum || 1)]))
}

/** A connection that was opened for one name and carries a request to another. */
function isMisdirection({ request = {}, expect = {} }: GatewayApiCase): boolean {
  const host = text(request.host)?.replace(/:\d+$/, "")
  return request.sni !== undefined && request.sni !== host && list(expect.status).includes(421)
}

/** What is gone before the case: nothing, or the objects that the text or the list names. Undefined when that is not clear. */
function removalsOf(after: unknown, objects: readonly KubernetesObject[]): FormCase["removals"] | undefined {
  if (after === undefined || after === null) return []
  const said = JSON.stringify(after)
  if (!/delet|remov/i.test(said)) return undefined
  const ofKind = objects.filter(({ kind }) => kind !== "Namespace" && said.toLowerCase().includes(kind.toLowerCase()))
  const named = ofKind.filter(({ metadata }) => said.includes(metadata.name))
  const gone = named.length > 0 ? named : ofKind
  if (gone.length === 0) return undefined
  return gone.map(({ kind, metadata }) => {
    const resource = kind === "Service" ? "CoreService" : kind
    return { kind: resource, namespace: metadata.namespace ?? "default", name: metadata.name }
  })
}

function withClass(object: KubernetesObject): KubernetesObject {
  return JSON.parse(JSON.stringify(object).replaceAll("{GATEWAY_CLASS_NAME}", "weft")) as KubernetesObject
}

export function texts<K extends string>(fields: Fields, keys: readonly K[]): { [key in K]?: string } {
  const given = keys.flatMap((key) => (typeof fields[key] === "string" ? [[key, fields[key]]] : []))
  return Object.fromEntries(given) as { [key in K]?: string }
}

function nameOf(value: unknown): string {
  return typeof value === "string" ? value : String(record(value).backend ?? record(value).name)
}

function keysOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : typeof value === "string" ? [value] : Object.keys(record(value))
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined
}

export function record(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
}
