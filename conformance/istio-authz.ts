/**
 * `istio_authz.json`: AuthorizationPolicy and RequestAuthentication. Callers and the destination are services of the mesh; what Istio
 * knows of a caller by its certificate is said by its binding here. Tokens are claims by name, signed by a key of the runner's own.
 */

import { derivedBinding } from "#shared/config/resolve-service.ts"
import { labelOf } from "#shared/dialects/gateway-api/names.ts"
import {
  type CaseRequest,
  type Door,
  type EchoBackend,
  type Expectation,
  type Form,
  type FormCase,
  type FormTest,
  NOTHING_EXPECTED,
} from "./form.ts"
import { list, record, skipped, text } from "./gateway-api.ts"
import { type IstioCase, type IstioObject, type IstioSuite, whyNot } from "./istio-applicable.ts"
import { ingressDoor, ingressOf } from "./istio-ingress.ts"
import { publishedKeys, type TokenBook, tokenBook } from "./istio-tokens.ts"

interface IstioFile {
  readonly tokens?: Readonly<Record<string, unknown>>
  readonly suites: readonly IstioSuite[]
}

export const istioAuthzForm: Form = {
  name: "Istio authorization",
  takes: (_, content) => list(record(content).suites).some((suite) => Array.isArray(record(suite).policies)),
  read(content) {
    const { tokens = {}, suites } = content as IstioFile
    const book = tokenBook(tokens)
    return suites.flatMap((suite) => testsOf(suite, book))
  },
}

const SYSTEM = "istio-system"
const KEYS_URI = `http://jwks.${SYSTEM}.svc.cluster.local:8000/jwks`
/** Who calls where a case does not say. */
const ANYBODY = { namespace: "echo1", serviceAccount: "a" }

/** Cases that are about other labels of the destination are a test of their own. */
function testsOf(suite: IstioSuite, book: TokenBook): FormTest[] {
  const labelsOf = (one: IstioCase) => JSON.stringify(one.destinationLabels ?? suite.destination.labels ?? {})
  const groups = Map.groupBy(suite.cases, labelsOf)
  return [...groups].map(([labels, cases], index) => ({
    ...testOf(suite, cases, JSON.parse(labels) as Record<string, string>, book),
    name: index === 0 ? suite.test : `${suite.test} [${Object.values(JSON.parse(labels)).join(", ")}]`,
  }))
}

function testOf(
  suite: IstioSuite,
  cases: readonly IstioCase[],
  labels: Readonly<Record<string, string>>,
  book: TokenBook,
): FormTest {
  const objects = suite.policies.map((policy) => withAddresses(policy, book))
  const providers = objects.flatMap(({ spec }) => text(record(record(spec).provider).name) ?? [])
  const { namespace, service } = suite.destination
  const callers = [...cases.map(({ from }) => from ?? ANYBODY), ANYBODY]
  const services = new Map<string, string[]>()
  const add = (space: string, name: string) => services.set(space, [...new Set([...(services.get(space) ?? []), name])])
  for (const { namespace: space, serviceAccount } of callers) add(space, serviceAccount)
  add(namespace, service)
  for (const name of ["jwks", ...providers.map(labelOf)]) add(SYSTEM, name)
  return {
    name: suite.test,
    documents: [
      ...[...services].map(([space, names]) => {
        return { namespace: space, services: Object.fromEntries(names.map((name) => [name, {}])) }
      }),
      ...ingressOf(objects),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: service, namespace },
        spec: { selector: labels, ports: [{ port: 80 }] },
      },
      ...objects,
    ],
    backends: [...services].flatMap(([space, names]) => names.map((name) => backendOf(space, name, providers))),
    cases: cases.map((one, index) => caseOf(suite, one, index, book)),
  }
}

function backendOf(namespace: string, name: string, providers: readonly string[]): EchoBackend {
  const backend = { binding: derivedBinding(namespace, name), backend: name, namespace }
  if (namespace !== SYSTEM) return backend
  if (name === "jwks") return { ...backend, entrypoint: "Keys", props: { keys: publishedKeys() } }
  return providers.map(labelOf).includes(name) ? { ...backend, entrypoint: "Authorizer" } : backend
}

function caseOf(suite: IstioSuite, one: IstioCase, index: number, book: TokenBook): FormCase {
  const { request, expect } = one
  const from = one.from ?? ANYBODY
  const method = text(request.method) ?? "GET"
  const path = text(request.path) ?? "/"
  const who = text(request.host) ?? `${from.namespace}/${from.serviceAccount}`
  const name = text(one.name) ?? `${index + 1}: ${who} ${text(request.portName) ?? ""} ${method} ${path}`.trim()
  const reason = whyNot(suite, one, book)
  if (reason !== undefined) return skipped(name, reason)
  const { namespace, service } = suite.destination
  const door: Door =
    request.host === undefined || one.from
      ? { at: "service", from: `${from.namespace}/${from.serviceAccount}`, to: `${namespace}/${service}` }
      : ingressDoor(suite.policies)
  return { name, door, removals: [], request: requestOf(suite, one, door, book), expect: expectationOf(expect, book) }
}

function requestOf({ destination }: IstioSuite, { request }: IstioCase, door: Door, book: TokenBook): CaseRequest {
  const isCall = text(request.scheme) === "grpc"
  const headers = Object.entries(record(request.headers)).flatMap(([name, value]) =>
    list(value).map((one) => [name, book.fill(String(one))] as const),
  )
  const port = typeof request.port === "number" ? `:${request.port}` : ""
  const host = door.at === "gateway" ? String(request.host) : `${destination.service}.${destination.namespace}${port}`
  return {
    scheme: "http",
    host: text(request.host) ?? host,
    target: book.fill(text(request.path) ?? "/"),
    method: text(request.method) ?? (isCall ? "POST" : "GET"),
    headers: [...(isCall ? [["content-type", "application/grpc"] as const] : []), ...headers],
    webSocket: false,
  }
}

/** A status of gRPC, as a proxy answers it over HTTP. */
const STATUSES: Readonly<Record<string, number>> = { OK: 200, PermissionDenied: 403, Unauthenticated: 401 }
const KNOWN = new Set(["status", "grpcStatus", "headersAtBackend", "absentHeadersAtBackend"])

function expectationOf(expect: Readonly<Record<string, unknown>>, book: TokenBook): Expectation {
  const { status, grpcStatus } = expect
  const statuses = [...list(status).map(Number), ...list(grpcStatus).map((one) => STATUSES[String(one)] ?? Number.NaN)]
  const headers = Object.entries(record(expect.headersAtBackend)).map(([name, value]) => [
    name,
    book.fill(String(value)),
  ])
  return {
    ...NOTHING_EXPECTED,
    statuses,
    headersAtBackend: Object.fromEntries(headers) as Record<string, string>,
    absentHeadersAtBackend: list(expect.absentHeadersAtBackend).map(String),
    unknown: Object.keys(expect).filter((key) => !KNOWN.has(key)),
  }
}

/** Pods have addresses and providers names of their own: something stands in their place. */
function withAddresses(policy: IstioObject, book: TokenBook): IstioObject {
  let next = 0
  const addresses = new Map<string, string>()
  const addressOf = (pod: string) => {
    if (!addresses.has(pod)) addresses.set(pod, `192.0.2.${++next}`)
    return addresses.get(pod)!
  }
  const filled = JSON.stringify(policy)
    .replace(/<address of ([^>]+)>/g, (_, pod: string) => addressOf(pod))
    .replaceAll("<jwks uri>", KEYS_URI)
    .replace(/<ext-authz provider>/g, "ext-authz")
  return JSON.parse(book.fill(filled)) as IstioObject
}
