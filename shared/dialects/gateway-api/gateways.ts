/** Gateways: which of their listeners take part, and which routes each of them lets in. */
import { hintFrom, quote } from "#shared/config/complaint.ts"
import type { NativeNames } from "#shared/config/dialect.ts"
import type { Resource } from "#shared/model/document.ts"
import { DEFAULT_GATEWAY, type GatewayId, gatewayId, nameOf, namespaceOf } from "#shared/model/names.ts"
import type { Gateway, Listener } from "#shared/model/route.ts"
import { GATEWAY_GROUP, heldOf } from "./kinds.ts"
import { labelOf } from "./names.ts"
import type { Notes, Path, Write } from "./notes.ts"
import type { GatewayObject, GatewaySpec, ListenerSpec } from "./types.ts"
import type { World } from "./world.ts"

export interface Door {
  readonly gateway: GatewayId
  /** Absent: the gateway has no listeners of its own, and every request comes in. */
  readonly listener?: Listener
  /** The listener's name as it is written. */
  readonly name: string
  readonly port: number | undefined
  /** False of one that conflicts with another, or whose protocol the mesh does not carry. */
  readonly usable: boolean
  admits(kind: string, namespace: string): boolean
}

export interface TranslatedGateway {
  readonly resource: Resource
  readonly gateway: Gateway
  readonly doors: readonly Door[]
}

const ROUTE_KINDS = ["HTTPRoute", "GRPCRoute"]
/** What a mesh of Workers has nothing to do with. */
const IGNORED = ["addresses", "infrastructure", "allowedListeners", "tls", "backendTLS", "defaultScope"] as const

export function translateGateways(resources: readonly Resource[], world: World, notes: Notes): TranslatedGateway[] {
  return heldOf<GatewayObject>(resources, "Gateway").map(({ resource, object }) => {
    const write = notes.about(resource)
    const id = gatewayId(resource.namespace, labelOf(resource.name))
    const doors = doorsOf(object.spec, id, resource.namespace, world, write)
    for (const key of IGNORED) {
      if (object.spec[key] === undefined) continue
      write(["spec", key], "ignored", "Accepted", "UnsupportedValue", "addresses and certificates are the platform's")
    }
    const message = `Requests enter it by a binding to the proxy's entrypoint Gateway with the props { "gateway": "${id}" }, or, with the variable WEFT_GATEWAY="${id}", by the proxy itself`
    const usable = doors.filter((door) => door.usable)
    if (usable.length > 0) write([], "applied", "Accepted", "Accepted", message)
    else write([], "invalid", "Accepted", "ListenersNotValid", "none of its listeners can take requests")
    return { resource, gateway: { id, listeners: usable.map(({ listener }) => listener!) }, doors }
  })
}

/** Gateways that are declared natively, and the one that needs no declaration, let in their own namespace's routes. */
export function nativeDoors(native: NativeNames): Map<GatewayId, Door[]> {
  const doors = new Map<GatewayId, Door[]>()
  for (const [id, gateway] of native.gateways) {
    if (gateway === "broken") continue
    const admits = (_: string, namespace: string) => id === DEFAULT_GATEWAY || namespace === namespaceOf(id)
    doors.set(
      id,
      gateway.listeners.map((listener) => ({
        gateway: id,
        listener,
        name: listener.name,
        port: listener.port,
        usable: true,
        admits,
      })),
    )
  }
  if (!doors.has(DEFAULT_GATEWAY)) {
    doors.set(DEFAULT_GATEWAY, [
      { gateway: DEFAULT_GATEWAY, name: nameOf(DEFAULT_GATEWAY), port: undefined, usable: true, admits: () => true },
    ])
  }
  return doors
}

function doorsOf(spec: GatewaySpec, gateway: GatewayId, namespace: string, world: World, write: Write): Door[] {
  const conflicts = conflictsOf(spec.listeners)
  return spec.listeners.map((listener, index): Door => {
    const path = ["spec", "listeners", index]
    const protocol = protocolOf(listener, path, write)
    const conflict = conflicts.get(listener)
    if (conflict) {
      const message = `It takes the same requests as another listener on port ${listener.port}: neither does`
      write(path, "invalid", "Conflicted", conflict, message)
    }
    if (listener.tls !== undefined && protocol !== undefined) {
      const message = "TLS ends before a Worker runs, with the platform's certificates"
      write([...path, "tls"], "ignored", "ResolvedRefs", "UnsupportedValue", message)
    }
    const { name, hostname, port } = listener
    const admits = protocol ? admission(listener, namespace, world, path, write) : () => false
    const usable = protocol !== undefined && conflict === undefined
    const translated: Listener = {
      name: labelOf(name),
      port,
      ...(protocol && { protocol }),
      ...(hostname !== undefined && { hostname }),
    }
    return { gateway, listener: translated, name, port, usable, admits }
  })
}

function protocolOf({ protocol, tls }: ListenerSpec, path: Path, write: Write): "http" | "https" | undefined {
  if (protocol === "HTTP") return "http"
  const passes = typeof tls === "object" && tls !== null && (tls as { mode?: unknown }).mode === "Passthrough"
  if (protocol === "HTTPS" && !passes) return "https"
  const message = ["TLS", "TCP", "UDP", "HTTPS"].includes(protocol)
    ? "a Worker sees requests, not connections"
    : `there is no protocol ${quote(protocol)}; ${hintFrom(protocol, "protocols", ["HTTP", "HTTPS"])}`
  write([...path, "protocol"], "unsupported", "Accepted", "UnsupportedProtocol", message)
  return undefined
}

/** Listeners must differ in port, protocol or hostname, and a port carries either plain HTTP or TLS. Of a conflict nobody wins. */
function conflictsOf(
  listeners: readonly ListenerSpec[],
): ReadonlyMap<ListenerSpec, "HostnameConflict" | "ProtocolConflict"> {
  const conflicts = new Map<ListenerSpec, "HostnameConflict" | "ProtocolConflict">()
  const carriesTls = ({ protocol }: ListenerSpec) => protocol === "HTTPS" || protocol === "TLS"
  for (const listener of listeners) {
    const others = listeners.filter(
      (other) => other !== listener && other.port === listener.port && other.protocol !== "UDP",
    )
    if (others.some((other) => carriesTls(other) !== carriesTls(listener))) conflicts.set(listener, "ProtocolConflict")
    const isTwin = (other: ListenerSpec) =>
      other.protocol === listener.protocol &&
      (other.hostname ?? "").toLowerCase() === (listener.hostname ?? "").toLowerCase()
    if (others.some(isTwin)) conflicts.set(listener, "HostnameConflict")
  }
  return conflicts
}

function admission(
  { allowedRoutes = {} }: ListenerSpec,
  own: string,
  world: World,
  path: Path,
  write: Write,
): Door["admits"] {
  const { from = "Same", selector = {} } = allowedRoutes.namespaces ?? {}
  const kinds = kindsOf(allowedRoutes.kinds, path, write)
  const known = ["Same", "All", "Selector", "None"]
  if (!known.includes(from)) {
    const message = `there is no ${quote(from)}; ${hintFrom(from, "values", known)}; no route is let in`
    write([...path, "allowedRoutes", "namespaces", "from"], "unsupported", "Accepted", "UnsupportedValue", message)
  }
  return (kind, namespace) => {
    if (!kinds.includes(kind)) return false
    if (from === "All") return true
    if (from === "Selector") return world.inNamespace(namespace, selector)
    return from === "Same" && namespace === own
  }
}

function kindsOf(allowed: { group?: string; kind: string }[] | undefined, path: Path, write: Write): readonly string[] {
  if (allowed === undefined || allowed.length === 0) return ROUTE_KINDS
  return allowed.flatMap(({ group = GATEWAY_GROUP, kind }, index) => {
    if (group === GATEWAY_GROUP && ROUTE_KINDS.includes(kind)) return [kind]
    const message = `${quote(kind)} is no kind of route that this listener can take`
    write([...path, "allowedRoutes", "kinds", index], "invalid", "ResolvedRefs", "InvalidRouteKinds", message)
    return []
  })
}
