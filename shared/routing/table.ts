/**
 * The compiled routes of a snapshot, and the question of every request: which rule takes it?
 *
 *   gateway -> listener -> hostname -> candidates by path -> the first whose other conditions hold
 *   service -> consumer or producer routes -> candidates by path or RPC method -> the same
 *
 * Compiling only sorts the routes by where they are attached; the rest is compiled when a host is first asked for, so
 * that an isolate that serves three hosts of five hundred pays for three.
 */
import { DEFAULT_GATEWAY, type GatewayId, type Namespace, namespaceOf, type ServiceId } from "#shared/model/names.ts"
import type { Gateway, Route } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { Bucket } from "./bucket.ts"
import type { Candidate, Matched, Sink } from "./candidate.ts"
import { firstFailing } from "./condition.ts"
import { Reader, type RequestHead } from "./head.ts"
import { Ingress, type Protocol } from "./ingress.ts"
import { RegexPool } from "./regex.ts"
import { capture } from "./template.ts"

export type { Matched } from "./candidate.ts"

export interface RouteTable {
  readonly gateways: ReadonlyMap<GatewayId, Ingress>
  readonly services: ReadonlyMap<ServiceId, ServiceRoutes>
  /** For the ports that some route names: its routes, and those that name none. */
  readonly ports: ReadonlyMap<ServiceId, ReadonlyMap<number, ServiceRoutes>>
}

/** Routes attached to a service. Consumer routes replace the producer's for callers of their namespace. */
export interface ServiceRoutes {
  readonly producer: Bucket | undefined
  readonly consumers: ReadonlyMap<Namespace, Bucket>
}

/** How a request came to the mesh. */
export type Entry =
  | { readonly at: "gateway"; readonly gateway: GatewayId; readonly port: number; readonly protocol: Protocol }
  /** Whose routes hold is told by the namespace of `head.caller`. */
  | { readonly at: "service"; readonly service: ServiceId; readonly port?: number }

/** No route is attached to the service for this caller: the request goes to the service itself. */
export const IMPLICIT = "implicit"

export function compile(snapshot: Snapshot): RouteTable {
  const regexes = new RegexPool()
  const gateways = new Map<GatewayId, Ingress>()
  const services = new Map<ServiceId, MutableServiceRoutes>()
  const ports = portsNamedIn(snapshot)
  for (const gateway of withDefault(snapshot.gateways)) gateways.set(gateway.id, new Ingress(gateway, regexes))
  for (const route of snapshot.routes) {
    for (const attachment of route.attachments) {
      if (attachment.to === "gateway") {
        gateways.get(attachment.gateway)?.attach(attachment, route)
        continue
      }
      for (const [port, routes] of ports.get(attachment.service) ?? []) {
        if (attachment.port === undefined || attachment.port === port) add(routes, attachment.consumers, route, regexes)
      }
      if (attachment.port !== undefined) continue
      const routes = services.get(attachment.service) ?? { producer: undefined, consumers: new Map() }
      services.set(attachment.service, routes)
      add(routes, attachment.consumers, route, regexes)
    }
  }
  return { gateways, services, ports }
}

type MutableServiceRoutes = { producer: Bucket | undefined; consumers: Map<Namespace, Bucket> }

function portsNamedIn({ routes }: Snapshot): Map<ServiceId, Map<number, MutableServiceRoutes>> {
  const ports = new Map<ServiceId, Map<number, MutableServiceRoutes>>()
  for (const { attachments } of routes) {
    for (const attachment of attachments) {
      if (attachment.to !== "service" || attachment.port === undefined) continue
      const ofService = ports.get(attachment.service) ?? new Map<number, MutableServiceRoutes>()
      ports.set(attachment.service, ofService.set(attachment.port, { producer: undefined, consumers: new Map() }))
    }
  }
  return ports
}

function add(routes: MutableServiceRoutes, consumers: Namespace | undefined, route: Route, regexes: RegexPool): void {
  const bucket = (consumers === undefined ? routes.producer : routes.consumers.get(consumers)) ?? new Bucket(regexes)
  if (consumers === undefined) routes.producer = bucket
  else routes.consumers.set(consumers, bucket)
  bucket.add(route)
}

/** The rule that takes the request; undefined when none does (404); `IMPLICIT` for a service without routes. */
export function match(table: RouteTable, entry: Entry, head: RequestHead): Matched | typeof IMPLICIT | undefined {
  const bucket = bucketOf(table, entry, head)
  if (bucket === undefined || bucket === IMPLICIT) return bucket
  const search = new Search(head)
  bucket.visit(head, search)
  const { best } = search
  if (!best?.template) return best?.matched
  const { route, rule, match } = best.matched
  return { route, rule, match, captures: capture(best.template, head.path) ?? {} }
}

/** The routes that a request is for, before its path is looked at. */
export function bucketOf(table: RouteTable, entry: Entry, head: RequestHead): Bucket | typeof IMPLICIT | undefined {
  if (entry.at === "service") return bucketOfService(serviceRoutes(table, entry), head.caller) ?? IMPLICIT
  const ingress = table.gateways.get(entry.gateway)
  const listener = ingress?.listener(entry.port, entry.protocol, head.host)
  return listener && ingress?.place(listener, head.host)?.bucket
}

/** The routes of the service, or of one port of its address. */
export function serviceRoutes(table: RouteTable, entry: Entry & { at: "service" }): ServiceRoutes | undefined {
  const ofPort = entry.port === undefined ? undefined : table.ports.get(entry.service)?.get(entry.port)
  return ofPort ?? table.services.get(entry.service)
}

function bucketOfService(attached: ServiceRoutes | undefined, caller: ServiceId | undefined): Bucket | undefined {
  if (attached && caller !== undefined && attached.consumers.size > 0) {
    const consumer = attached.consumers.get(namespaceOf(caller))
    if (consumer) return consumer
  }
  return attached?.producer
}

/** Keeps the candidate with the least position of those whose conditions hold. */
class Search implements Sink {
  best: Candidate | undefined
  #position = Number.POSITIVE_INFINITY
  readonly #reader: Reader

  constructor(head: RequestHead) {
    this.#reader = new Reader(head)
  }

  wants(position: number): boolean {
    return position < this.#position
  }

  offer(candidates: readonly Candidate[]): void {
    for (const candidate of candidates) {
      if (candidate.position >= this.#position) return
      if (firstFailing(candidate.conditions, this.#reader) === undefined) {
        this.best = candidate
        this.#position = candidate.position
        return
      }
    }
  }
}

function withDefault(gateways: readonly Gateway[]): readonly Gateway[] {
  if (gateways.some((gateway) => gateway.id === DEFAULT_GATEWAY)) return gateways
  return [...gateways, { id: DEFAULT_GATEWAY, listeners: [{ name: "default" }] }]
}
