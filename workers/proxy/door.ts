/** By which door public traffic enters, and who must not come by it. */
import type { Entrance } from "#shared/exchange/decide.ts"
import { DEFAULT_GATEWAY, type GatewayId } from "#shared/model/names.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"

const WRONG_DOOR = refuse("unauthenticated", 'the binding\'s props name services: it needs "entrypoint": "Sidecar"')

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
