/** The doors by which requests enter, and who must not come by the public one. */
import type { Entrance } from "#shared/exchange/decide.ts"
import { peerFromProps } from "#shared/identity/peer.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { DEFAULT_GATEWAY, type GatewayId } from "#shared/model/names.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"

const WRONG_DOOR = refuse("unauthenticated", 'the binding\'s props name services: it needs "entrypoint": "Sidecar"')

/** By caller, then by whom it calls. The runtime makes a binding's props anew for each request. */
const sidecars = new Map<unknown, Map<unknown, Entrance>>()

/** The door of a binding with a sidecar's props; undefined when they do not say who is calling. */
export function sidecarDoor(props: unknown): Entrance | undefined {
  if (typeof props !== "object" || props === null) return undefined
  const { from, to } = props as { from?: unknown; to?: unknown }
  return sidecars.get(from)?.get(to) ?? newSidecar(props, from, to)
}

function newSidecar(props: object, from: unknown, to: unknown): Entrance | undefined {
  const peer = peerFromProps(props)
  if (!peer) return undefined
  const door: Entrance = { at: "service", peer }
  const ofCaller = bounded(sidecars).get(from) ?? new Map<unknown, Entrance>()
  sidecars.set(from, bounded(ofCaller).set(to, door))
  return door
}

/** No mesh has so many services at once: what was kept is of old deploys. */
function bounded<T>(kept: Map<unknown, T>): Map<unknown, T> {
  if (kept.size >= LIMITS.servicesMax) kept.clear()
  return kept
}

/** `gateway`: `<namespace>/<name>[:<port>]`; without, the built-in one. */
export function publicDoor(gateway: string | undefined): Entrance {
  const [id, port] = (gateway ?? DEFAULT_GATEWAY).split(":") as [GatewayId, string?]
  return { at: "gateway", gateway: id, ...(port !== undefined && { port: Number(port) }) }
}

/**
 * Public traffic has no props. A binding with a sidecar's props forgot its entrypoint: taken for the public, its requests could go
 * round in circles through a route for all hosts.
 */
export function lostAtPublicDoor(props: unknown): Refusal | undefined {
  if (typeof props !== "object" || props === null) return undefined
  return "from" in props || "to" in props ? WRONG_DOOR : undefined
}
