/**
 * `spring_cloud_gateway.json`: requests through gateways that are configured (`routing`), and single predicates and filters (`suites`),
 * each of which is a gateway of one route here.
 */

import { type CoreForm, judgedCase, testOf, type Verdict } from "./core-form.ts"
import type { CaseResult } from "./engine.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import { originOf } from "./istio-virtual-service.ts"
import { type Asked, PureMesh, type Told } from "./pure-mesh.ts"
import { attemptsOf, httpbin } from "./spring-backend.ts"
import { expectationFaults } from "./spring-judge.ts"
import { NOW_MS } from "./spring-predicates.ts"
import { type Gateway, gatewayOf } from "./spring-routes.ts"
import { suiteCases } from "./spring-suites.ts"

interface SpringFile {
  readonly configs: Readonly<Record<string, Fields>>
  readonly suites: readonly (Fields & { readonly factory: string; readonly cases: readonly Fields[] })[]
  readonly routing: readonly RoutingCase[]
}

interface RoutingCase extends Fields {
  readonly file: string
  readonly test: string
  readonly request: Fields
  readonly expect: Fields
}

export const springForm: CoreForm = {
  name: "spring_cloud_gateway",
  takes: (_file, content) => Array.isArray(record(content).routing) && typeof record(content).configs === "object",
  run(content) {
    const { configs, suites, routing } = content as SpringFile
    const byClass = Map.groupBy(routing, ({ file }) =>
      file
        .split("/")
        .at(-1)!
        .replace(/\.java$/, ""),
    )
    return [
      ...suites.map(({ factory, kind, cases }) =>
        testOf(`${String(kind)} ${factory}`, () => suiteCases(factory, String(kind), cases)),
      ),
      ...[...byClass].map(([name, cases]) => testOf(name, () => routingCases(cases, configs))),
    ]
  },
}

const BASE = "application.yml"
const KNOWN = [
  "file",
  "test",
  "request",
  "expect",
  "extraRoutes",
  "profile",
  "settings",
  "note",
  "backendBehaviour",
  "backendResponse",
]

/** Cases of one class mostly share a gateway. */
function routingCases(cases: readonly RoutingCase[], configs: SpringFile["configs"]): CaseResult[] {
  const gateways = new Map<string, { gateway: Gateway; mesh: ReturnType<typeof PureMesh.of> }>()
  return cases.map((one) =>
    judgedCase(one.test, () => {
      const key = JSON.stringify([one.profile, one.extraRoutes, one.settings])
      let built = gateways.get(key)
      if (!built) {
        const profile = configs[String(one.profile)] ?? {}
        const gateway = gatewayOf(configs[BASE] ?? {}, profile, list(one.extraRoutes), record(one.settings))
        built = { gateway, mesh: PureMesh.of(gateway.document) }
        gateways.set(key, built)
      }
      return verdictOf(one, built.gateway, built.mesh)
    }),
  )
}

function verdictOf(one: RoutingCase, { book, ids, doubts }: Gateway, mesh: PureMesh | readonly string[]): Verdict {
  if (!(mesh instanceof PureMesh)) return { faults: mesh }
  const unknown = Object.keys(one).filter((key) => !KNOWN.includes(key))
  const told = mesh.ask(askedOf(one))
  const behaviour = record(one.backendBehaviour)
  const outcome = told.sent ? attemptsOf(told, String(one.request.method ?? "GET"), behaviour) : undefined
  const isBehaved = told.sent !== undefined && Object.keys(behaviour).length > 0
  const shown: Told = isBehaved && outcome ? { ...told, status: outcome.status } : told
  const judged = expectationFaults(one.expect, shown, ids.get(told.rule ?? ""), outcome?.attempts)
  const isRefusedByCors = one.expect.status === 403 && record(one.request.headers).Origin !== undefined
  return {
    faults: judged.faults,
    doubts: [
      ...doubts,
      ...book.doubtsOf(told, { isForwarded: hasForwarded(one.request) }),
      ...judged.doubts,
      ...unknown.map((key) => `nobody here knows what a case with ${key} is`),
      ...(isBehaved && !outcome ? ["nobody here knows how the backend behaves"] : []),
      ...(isRefusedByCors ? ["CORS tells browsers what pages may read: it refuses nobody"] : []),
    ],
  }
}

function askedOf({ request, backendResponse }: RoutingCase): Asked {
  const headers = Object.entries(record(request.headers)).flatMap(([name, value]) =>
    list(value).map((one) => [name, name.toLowerCase() === "origin" ? originOf(String(one)) : String(one)] as const),
  )
  const given = record(record(backendResponse).headers)
  return {
    scheme: "http",
    host: text(request.host) ?? "localhost",
    target: text(request.path) ?? "/",
    method: text(request.method) ?? "GET",
    headers,
    // Spring's tests run on the machine that they ask.
    address: text(request.remoteAddress) ?? "127.0.0.1",
    nowMs: NOW_MS,
    backend: (url) => httpbin(url, given),
  }
}

function hasForwarded({ headers }: Fields): boolean {
  return Object.keys(record(headers)).some((name) => name.toLowerCase() === "x-forwarded-for")
}
