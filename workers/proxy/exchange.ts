/** One request through the mesh with all that is decided about it on the way, and the stages that HTTP and RPC share. */
import { type SidecarPeer, serviceFromHost } from "#shared/identity/peer.ts"
import type { GatewayId } from "#shared/model/names.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Backend, BackendRef } from "#shared/model/route.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { split } from "#shared/routing/split.ts"
import { stickySplit } from "#shared/routing/sticky.ts"
import { type Entry, type Matched, match } from "#shared/routing/table.ts"
import { enterTrace, type TraceContext } from "#shared/telemetry/trace-context.ts"
import type { Mesh, Routes } from "./mesh.ts"

/** How a request came in: by a gateway from anybody, or by a sidecar binding from a service of the mesh. */
export type Entrance =
  | { readonly at: "gateway"; readonly gateway: GatewayId }
  | { readonly at: "service"; readonly peer: SidecarPeer }

export interface Exchange {
  readonly entrance: Entrance
  readonly startedAtMs: number
  readonly trace: TraceContext
  /** Mesh hops of the request's chain, this one included. */
  readonly hops: number
  /** The one set of routes that this exchange goes by, from its first stage to its last. */
  routes: Routes | undefined
  /** The rule that took the request; absent when the service has no routes and is simply called. */
  matched: Matched | undefined
  backend: Backend | undefined
  /** The cookie that begins a session with the backend. */
  setCookie: string | undefined
  attempts: number
}

export function begin(
  entrance: Entrance,
  carried: { readonly traceparent: string | null; readonly hops: number },
  mesh: Mesh,
): Exchange {
  return {
    entrance,
    startedAtMs: mesh.nowMs(),
    trace: enterTrace(carried.traceparent, mesh.randomHex),
    hops: carried.hops + 1,
    routes: undefined,
    matched: undefined,
    backend: undefined,
    setCookie: undefined,
    attempts: 0,
  }
}

interface Address {
  readonly host: string
  readonly port: number
  readonly scheme: "http" | "https"
}

/** Stage `identify`: which routes the request may take, by the door it came through. */
export function identify({ entrance }: Exchange, routes: Routes, address: Address): Entry | Refusal {
  if (entrance.at === "gateway") {
    return { at: "gateway", gateway: entrance.gateway, port: address.port, protocol: address.scheme }
  }
  const { from, to } = entrance.peer
  const service = to ?? serviceFromHost(address.host, from)
  return service && routes.services.has(service) ? { at: "service", service, port: address.port } : refuse("service_not_found")
}

/** Stages `match` and `split`: the rule that takes the request, and its backend for this throw of the dice. */
export function choose(
  exchange: Exchange,
  routes: Routes,
  entry: Entry,
  head: RequestHead,
  dice: number,
): Refusal | undefined {
  const matched = match(routes.table, entry, head)
  if (!matched) return refuse("route_not_found")
  if (matched === "implicit") {
    // A service that no route is attached to is simply called (GAMMA).
    if (entry.at === "service") exchange.backend = { service: entry.service, weight: 1, filters: [] }
    return undefined
  }
  exchange.matched = matched
  const { backends, sticky } = matched.rule
  if (sticky) Object.assign(exchange, stickySplit(backends, sticky, head, exchange.trace.traceId, dice))
  else exchange.backend = split(backends, dice)
  return undefined
}

/** Stage `select`, first half: every place that could take the request. */
export function endpointsOf({ backend, routes }: Exchange): readonly Endpoint[] | Refusal {
  if (!backend || backend.invalid) return refuse("backend_invalid")
  const endpoints = endpointsIn(routes, backend)
  return endpoints.length > 0 ? endpoints : refuse("no_healthy_endpoint")
}

export function endpointsIn(routes: Routes | undefined, { service, subset }: BackendRef): readonly Endpoint[] {
  const found = routes?.services.get(service)
  return (subset === undefined ? found?.endpoints : found?.subsets[subset]?.endpoints) ?? NO_ENDPOINTS
}

const NO_ENDPOINTS: readonly Endpoint[] = []
