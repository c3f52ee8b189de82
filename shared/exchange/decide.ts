/**
 * What is decided of one request before anything is sent: whose routes it takes, which rule, which backend, which endpoints.
 * Pure, so that the proxy and `explain` decide by the same functions.
 */
import { type SidecarPeer, serviceFromHost } from "#shared/identity/peer.ts"
import type { GatewayId, ServiceId } from "#shared/model/names.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Backend, BackendRef, Filter } from "#shared/model/route.ts"
import type { Endpoint, Service } from "#shared/model/service.ts"
import { Reader, type RequestHead } from "#shared/routing/head.ts"
import { split } from "#shared/routing/split.ts"
import { stickySplit } from "#shared/routing/sticky.ts"
import { type Entry, IMPLICIT, type Matched, match, type RouteTable } from "#shared/routing/table.ts"
import { ENCODED_SLASH } from "#shared/std/path.ts"
import type { Address } from "./address.ts"

/** How a request came in: by a gateway from anybody, or by a sidecar binding from a service of the mesh. */
export type Entrance =
  /** With a `port`, requests came in at that one, whatever port their Host header names. */
  | { readonly at: "gateway"; readonly gateway: GatewayId; readonly port?: number }
  | { readonly at: "service"; readonly peer: SidecarPeer }

export type Services = ReadonlyMap<ServiceId, Service>

export interface Choice {
  /** Absent when the service has no routes and is simply called. */
  readonly matched: Matched | undefined
  readonly backend: Backend | undefined
  /** The cookie that begins a session with the backend. */
  readonly setCookie: string | undefined
}

/** The port that a request came in at. */
export function portOf(entrance: Entrance, address: Pick<Address, "port">): number {
  return entrance.at === "gateway" ? (entrance.port ?? address.port) : address.port
}

/** Stage `identify`: which routes the request may take, by the door it came through. */
export function identify(
  entrance: Entrance,
  services: Services,
  address: Pick<Address, "scheme" | "host" | "port">,
): Entry | Refusal {
  if (entrance.at === "gateway") {
    return { at: "gateway", gateway: entrance.gateway, port: portOf(entrance, address), protocol: address.scheme }
  }
  const { from, to } = entrance.peer
  const service = to ?? serviceFromHost(address.host, from)
  if (!service) return refuse("service_not_found", "the request's host is not the name of a service")
  if (!services.has(service)) return refuse("service_not_found", `the mesh has no service ${service}`)
  return { at: "service", service, port: address.port }
}

/**
 * Stages `match` and `split`: the rule that takes the request, and its backend for this throw of the dice. A path with an escaped
 * slash has no other canonical form, and is refused where the rule does not say that its servers know what to do with it.
 */
export function choose(
  table: RouteTable,
  entry: Entry,
  head: RequestHead,
  traceId: string,
  dice: number,
): Choice | Refusal {
  const matched = match(table, entry, head)
  if (head.path.includes(ENCODED_SLASH) && !(matched && matched !== IMPLICIT && matched.rule.encodedSlashes)) {
    return SLASH_ESCAPED
  }
  if (!matched) return refuse("route_not_found")
  if (matched === IMPLICIT) {
    // A service that no route is attached to is simply called (GAMMA).
    const backend = entry.at === "service" ? { service: entry.service, weight: 1, filters: NONE } : undefined
    return { matched: undefined, backend, setCookie: undefined }
  }
  const { backends, sticky } = matched.rule
  if (!sticky) return { matched, backend: split(backends, dice), setCookie: undefined }
  return { matched, ...stickySplit(backends, sticky, head, traceId, dice) }
}

/** What a hashing balancer of the backend's service goes by; null where it is missing, or where there is no such balancer. */
export function hashKeyOf(services: Services, backend: BackendRef | undefined, head: RequestHead): string | null {
  const key = backend && services.get(backend.service)?.policy?.balancer?.key
  if (!key) return null
  if (key.by === "caller") return head.caller ?? null
  return key.by === "header" ? head.headers.get(key.name) : new Reader(head).cookie(key.name)
}

/** The rule's filters, then the backend's. */
export function filtersOf({ matched, backend }: Pick<Choice, "matched" | "backend">): readonly Filter[] {
  const ofRule = matched?.rule.filters ?? NONE
  const ofBackend = backend?.filters ?? NONE
  if (ofBackend.length === 0) return ofRule
  return ofRule.length === 0 ? ofBackend : [...ofRule, ...ofBackend]
}

/** Stage `select`, first half: every place that could take the request. */
export function endpointsOf(
  services: Services | undefined,
  backend: Backend | undefined,
): readonly Endpoint[] | Refusal {
  if (!backend || backend.invalid) return refuse("backend_invalid")
  const endpoints = endpointsIn(services, backend)
  return endpoints.length > 0 ? endpoints : refuse("no_healthy_endpoint")
}

export function endpointsIn(services: Services | undefined, { service, subset }: BackendRef): readonly Endpoint[] {
  const found = services?.get(service)
  return (subset === undefined ? found?.endpoints : found?.subsets[subset]?.endpoints) ?? NO_ENDPOINTS
}

const SLASH_ESCAPED = refuse("bad_request", `the path holds the escape ${ENCODED_SLASH}`)
const NONE: readonly Filter[] = []
const NO_ENDPOINTS: readonly Endpoint[] = []
