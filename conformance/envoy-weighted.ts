/**
 * Cases of Envoy's weighted clusters and of its scheduler. A route configuration becomes a document of the mesh, and the given random
 * number the throw of the dice; the scheduler is the balancer that goes round in turn.
 */
import { compile } from "#shared/config/compile.ts"
import { choose, filtersOf, identify } from "#shared/exchange/decide.ts"
import type { BackendDocument, MeshDocument } from "#shared/model/document.ts"
import { DEFAULT_GATEWAY, nameOf } from "#shared/model/names.ts"
import { decode } from "#shared/model/snapshot-codec.ts"
import { applyHeaderChange } from "#shared/routing/filters.ts"
import { split } from "#shared/routing/split.ts"
import { compile as compileTable } from "#shared/routing/table.ts"
import { type CoreForm, judged } from "./core-form.ts"
import { type SchedulerCase, schedulerFaults, schedulerSkip } from "./envoy-scheduler.ts"

interface WeightedFile {
  readonly tests: readonly {
    readonly test: string
    readonly routeConfig: RouteConfig
    readonly cases: readonly Case[]
  }[]
  readonly invalidConfigs: readonly { readonly test: string; readonly routeConfig: RouteConfig }[]
  readonly scheduler: readonly SchedulerCase[]
}

interface RouteConfig {
  readonly virtual_hosts: readonly (HeaderChanges & {
    readonly name: string
    readonly domains: readonly string[]
    readonly routes: readonly EnvoyRoute[]
  })[]
}

interface EnvoyRoute extends HeaderChanges {
  readonly match: { readonly prefix?: string; readonly path?: string }
  readonly route?: HeaderChanges & { readonly weighted_clusters?: WeightedClusters }
  readonly redirect?: object
}

interface WeightedClusters {
  readonly clusters?: readonly Cluster[]
  readonly header_name?: string
  readonly runtime_key_prefix?: string
}

interface Cluster extends HeaderChanges {
  readonly name?: string
  readonly cluster_header?: string
  readonly weight?: number
  readonly host_rewrite_literal?: string
}

interface HeaderChanges {
  readonly request_headers_to_add?: readonly Added[]
  readonly request_headers_to_remove?: readonly string[]
  readonly response_headers_to_add?: readonly Added[]
  readonly response_headers_to_remove?: readonly string[]
}

interface Added {
  readonly header: { readonly key: string; readonly value: string }
}

interface Case {
  readonly request: {
    readonly host: string
    readonly path: string
    readonly method: string
    readonly headers: Record<string, string>
  }
  readonly random: number
  readonly runtime?: Readonly<Record<string, number>>
  readonly backendResponseHeaders?: Readonly<Record<string, string>>
  readonly expect: {
    readonly cluster?: string | null
    readonly headersAtBackend?: Readonly<Record<string, string>>
    readonly hostAtBackend?: string
    readonly responseHeaders?: Readonly<Record<string, string>>
    readonly absentResponseHeaders?: readonly string[]
    readonly responseHeadersAppendedInOrder?: readonly (readonly [string, string])[]
    readonly headersRemoved?: readonly string[]
  }
}

export const weightedForm: CoreForm = {
  name: "envoy_weighted",
  takes: (_file, content) => "scheduler" in (content as object) && "invalidConfigs" in (content as object),
  run: (content) => {
    const { tests, invalidConfigs, scheduler } = content as WeightedFile
    return [
      ...tests.flatMap(({ test, routeConfig, cases }) =>
        cases.map((one, index) =>
          judged(`${test}/${index}`, () => faultsOf(routeConfig, one), skipOf(routeConfig, one)),
        ),
      ),
      ...invalidConfigs.map(({ test, routeConfig }) =>
        judged(
          test,
          () => (refusalsOf(documentOf(routeConfig, {})) ? [] : ["it is not refused"]),
          skipConfig(routeConfig),
        ),
      ),
      ...scheduler.map((one) => judged(`scheduler/${one.test}`, () => schedulerFaults(one), schedulerSkip(one))),
    ]
  },
}

function skipOf(config: RouteConfig, { request, expect }: Case): string | undefined {
  const names = clustersIn(config).flatMap(({ header_name: name }) => name ?? [])
  if (names.some((name) => name in request.headers)) {
    return "no header hands a throw of the dice in; splits stick to a header's value instead"
  }
  return expect.cluster === undefined ? "the case expects no cluster" : skipConfig(config)
}

function skipConfig(config: RouteConfig): string | undefined {
  const isNamed = clustersIn(config).some(({ clusters }) => clusters?.some((one) => one.cluster_header !== undefined))
  return isNamed ? "no request names its cluster by a header" : undefined
}

function clustersIn(config: RouteConfig): WeightedClusters[] {
  return config.virtual_hosts.flatMap(({ routes }) => routes.flatMap(({ route }) => route?.weighted_clusters ?? []))
}

function faultsOf(config: RouteConfig, one: Case): string[] {
  const { runtime = {}, random, request, expect } = one
  const weights = weightsFor(config, request.host, runtime)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const dice = total === 0 ? 0 : ((random % total) + 0.5) / total
  if (total === 0) {
    // A document like this is refused; what the split makes of it all the same:
    const backends = weights.map((weight) => ({ service: "default/none" as never, weight, filters: [] }))
    return split(backends, dice) === undefined && expect.cluster === null ? [] : ["a cluster was picked"]
  }
  const document = documentOf(config, runtime)
  const compiled = compile([], { documents: [{ source: "case", content: document }], prune: false, revision: 1 })
  if ("problems" in compiled) return compiled.problems.map(({ path, message }) => `${path}: ${message}`)
  const decoded = decode(compiled.text)
  if ("reason" in decoded) return [decoded.reason]
  const { snapshot } = decoded
  const services = new Map(snapshot.services.map((service) => [service.id, service]))
  const entrance = { at: "gateway", gateway: DEFAULT_GATEWAY } as const
  const entry = identify(entrance, services, { scheme: "https", host: request.host, port: 443 })
  if ("refusal" in entry) return [entry.refusal]
  const { host, path, method } = request
  const headers = new Headers(request.headers)
  const head = { method, path, rawQuery: "", host, headers, caller: undefined, rpc: undefined, dice: 0 }
  const choice = choose(compileTable(snapshot), entry, head, "0".repeat(32), dice)
  if ("refusal" in choice) return [choice.refusal]
  const found = choice.backend ? nameOf(choice.backend.service) : null
  if (found !== expect.cluster) return [`${found} instead of ${expect.cluster}`]
  return headerFaults(filtersOf(choice), headers, one)
}

function headerFaults(filters: ReturnType<typeof filtersOf>, atBackend: Headers, one: Case): string[] {
  const { expect, request } = one
  const inResponse = new Headers(one.backendResponseHeaders)
  for (const name of expect.headersRemoved ?? []) inResponse.set(name, "to be removed")
  let host = request.host
  for (const filter of filters) {
    if (filter.kind === "requestHeaders") applyHeaderChange(atBackend, filter.change)
    if (filter.kind === "responseHeaders") applyHeaderChange(inResponse, filter.change)
    if (filter.kind === "rewrite") host = filter.rewrite.host ?? host
  }
  const faults: string[] = []
  const compare = (what: string, found: string | null, expected: string | null) => {
    if (found !== expected) faults.push(`${what} is ${found} instead of ${expected}`)
  }
  if (expect.hostAtBackend !== undefined) compare("host", host, hostName(expect.hostAtBackend))
  for (const [name, value] of Object.entries(expect.headersAtBackend ?? {})) compare(name, atBackend.get(name), value)
  const wanted = [...Object.entries(expect.responseHeaders ?? {}), ...(expect.responseHeadersAppendedInOrder ?? [])]
  for (const [name, value] of wanted) compare(name, inResponse.get(name), value)
  const absent = [...(expect.absentResponseHeaders ?? []), ...(expect.headersRemoved ?? [])]
  for (const name of absent) compare(name, inResponse.get(name), null)
  return faults
}

function weightsFor(config: RouteConfig, host: string, runtime: Readonly<Record<string, number>>): number[] {
  const found = config.virtual_hosts.find(({ domains }) => domains.includes(host) || domains.includes("*"))
  const weighted = found?.routes[0]?.route?.weighted_clusters
  return weighted?.clusters?.map((cluster) => weightOf(weighted, cluster, runtime)) ?? []
}

function weightOf(
  { runtime_key_prefix: prefix }: WeightedClusters,
  cluster: Cluster,
  runtime: Readonly<Record<string, number>>,
) {
  return runtime[`${prefix}.${cluster.name}`] ?? cluster.weight ?? 0
}

function refusalsOf(document: MeshDocument): boolean {
  return "problems" in compile([], { documents: [{ source: "case", content: document }], prune: false, revision: 1 })
}

function documentOf(config: RouteConfig, runtime: Readonly<Record<string, number>>): MeshDocument {
  const names = clustersIn(config).flatMap(({ clusters }) => clusters?.flatMap(({ name }) => name ?? []) ?? [])
  return {
    services: Object.fromEntries(names.map((name) => [name, { url: `https://${name}.example` }])),
    routes: Object.fromEntries(
      config.virtual_hosts.map((host) => [
        host.name,
        { hosts: [...host.domains], rules: host.routes.map((route) => ruleOf(host, route, runtime)) },
      ]),
    ),
  }
}

function ruleOf(host: HeaderChanges, route: EnvoyRoute, runtime: Readonly<Record<string, number>>) {
  const { prefix, path } = route.match
  const weighted = route.route?.weighted_clusters
  const filters = [route.route ?? {}, route, host].flatMap(filtersIn)
  return {
    ...((path ?? prefix) !== undefined && { match: { path: path === undefined ? prefix! : { exact: path } } }),
    ...(filters.length > 0 && { filters }),
    backends: weighted?.clusters?.map((cluster) => backendOf(cluster, weightOf(weighted, cluster, runtime))) ?? [],
  }
}

function backendOf(cluster: Cluster, weight: number): BackendDocument {
  const { name, host_rewrite_literal: host } = cluster
  const rewrite = host === undefined ? [] : [{ rewrite: { host: hostName(host) } }]
  const filters = [...filtersIn(cluster), ...rewrite]
  return { service: name!, weight, ...(filters.length > 0 && { filters }) }
}

/** The cases have hosts with an underscore, which the mesh takes for none: they are read as if they were written properly. */
function hostName(host: string): string {
  return host.replaceAll("_", "-")
}

function filtersIn(changes: HeaderChanges): NonNullable<BackendDocument["filters"]> {
  const change = (added: readonly Added[] = [], removed: readonly string[] = []) => ({
    ...(added.length > 0 && { add: Object.fromEntries(added.map(({ header: { key, value } }) => [key, value])) }),
    ...(removed.length > 0 && { remove: [...removed] }),
  })
  const requestHeaders = change(changes.request_headers_to_add, changes.request_headers_to_remove)
  const responseHeaders = change(changes.response_headers_to_add, changes.response_headers_to_remove)
  return [
    ...(Object.keys(requestHeaders).length > 0 ? [{ requestHeaders }] : []),
    ...(Object.keys(responseHeaders).length > 0 ? [{ responseHeaders }] : []),
  ]
}
