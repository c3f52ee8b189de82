/** Where a route is attached: the listeners of gateways, and services, that its parentRefs name and that let it in. */
import { quote } from "#shared/config/complaint.ts"
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type GatewayId, gatewayId, type Namespace } from "#shared/model/names.ts"
import type { Attachment } from "#shared/model/route.ts"
import { ANY_HOST, intersect } from "#shared/routing/hostnames.ts"
import type { Door } from "./gateways.ts"
import { GATEWAY_GROUP } from "./kinds.ts"
import { labelOf } from "./names.ts"
import type { Path, Write } from "./notes.ts"
import type { ParentRef, RouteSpec } from "./types.ts"
import type { World } from "./world.ts"

export type GatewayAttachment = Extract<Attachment, { to: "gateway" }>
export type ServiceAttachment = Extract<Attachment, { to: "service" }>

export interface Attached {
  readonly toGateways: readonly GatewayAttachment[]
  readonly toServices: readonly ServiceAttachment[]
}

export interface Parents {
  readonly doors: ReadonlyMap<GatewayId, readonly Door[]>
  readonly world: World
  /** Routes of the two kinds do not share a host of a listener, nor a service. */
  readonly taken: Taken
}

/** Which kind of route has which place. Routes are offered in their order: the first one there keeps it. */
export class Taken {
  /** By listener, then by kind: a listener that routes of one kind only are on is asked nothing, however many they are. */
  readonly #hosts = new Map<string, Map<string, Set<string>>>()
  readonly #services = new Map<string, { readonly kind: string; readonly port: number | undefined }[]>()

  takeHost(kind: string, { gateway, listener, hostname }: GatewayAttachment): boolean {
    const place = `${gateway}#${listener}`
    const hosts = this.#hosts.get(place) ?? new Map<string, Set<string>>()
    this.#hosts.set(place, hosts)
    for (const [other, taken] of hosts) {
      if (other !== kind && [...taken].some((one) => intersect(one, hostname) !== undefined)) return false
    }
    hosts.set(kind, (hosts.get(kind) ?? new Set<string>()).add(hostname))
    return true
  }

  takeService(kind: string, { service, consumers, port }: ServiceAttachment): boolean {
    const places = entry(this.#services, `${service}#${consumers}`)
    const overlaps = (other: number | undefined) => other === undefined || port === undefined || other === port
    if (places.some((other) => other.kind !== kind && overlaps(other.port))) return false
    places.push({ kind, port })
    return true
  }
}

export function attach(resource: Resource, spec: RouteSpec<unknown>, parents: Parents, write: Write): Attached {
  const toGateways: GatewayAttachment[] = []
  const toServices: ServiceAttachment[] = []
  if (!spec.parentRefs?.length) {
    write(
      ["spec", "parentRefs"],
      "invalid",
      "Accepted",
      "NoMatchingParent",
      "The route names no parent, so no request comes to it",
    )
  }
  for (const [index, ref] of (spec.parentRefs ?? []).entries()) {
    const path = ["spec", "parentRefs", index]
    const { group = GATEWAY_GROUP, kind = "Gateway" } = ref
    if (group === GATEWAY_GROUP && kind === "Gateway") {
      toGateways.push(...attachToGateway(resource, ref, spec.hostnames, parents, path, write))
    } else if (group === "" && kind === "Service") {
      toServices.push(...attachToService(resource, ref, parents, path, write))
    } else {
      const message = `A route is attached to a Gateway or a Service, not to ${quote(`${group}/${kind}`)}`
      write(path, "unsupported", "Accepted", "InvalidKind", message)
    }
  }
  const count = toGateways.length + toServices.length
  if (count <= LIMITS.attachmentsMax) return { toGateways: distinct(toGateways), toServices: distinct(toServices) }
  const message = `Hostnames and listeners make ${count} combinations; at most ${LIMITS.attachmentsMax} are possible`
  write(["spec", "parentRefs"], "unsupported", "Accepted", "UnsupportedValue", message)
  return { toGateways: [], toServices: [] }
}

function attachToGateway(
  resource: Resource,
  ref: ParentRef,
  hostnames: readonly string[] | undefined,
  { doors, taken }: Parents,
  path: Path,
  write: Write,
): GatewayAttachment[] {
  const { kind, namespace } = resource
  const refuse = (reason: string, message: string) => {
    write(path, "invalid", "Accepted", reason, message)
    return []
  }
  const id = gatewayId(ref.namespace ?? namespace, labelOf(ref.name))
  const all = doors.get(id)
  if (!all) return refuse("NoMatchingParent", `There is no Gateway ${quote(id)}`)
  const named = all.filter(
    ({ name, port }) =>
      (ref.sectionName === undefined || ref.sectionName === name) && (ref.port === undefined || ref.port === port),
  )
  if (named.length === 0)
    return refuse("NoMatchingParent", `No listener of the Gateway ${quote(id)} has this name and port`)
  const open = named.filter((door) => door.admits(kind, namespace))
  if (open.length === 0) {
    return refuse(
      "NotAllowedByListeners",
      `No listener of the Gateway ${quote(id)} lets in an ${kind} of ${quote(namespace)}`,
    )
  }
  const usable = open.filter((door) => door.usable)
  if (usable.length === 0) return refuse("NoMatchingParent", "None of the listeners that let it in takes requests")
  const reached = usable.flatMap((door) => through(door, hostnames))
  if (reached.length === 0) {
    return refuse("NoMatchingListenerHostname", `No listener of the Gateway ${quote(id)} serves one of the hostnames`)
  }
  const free = reached.filter((attachment) => taken.takeHost(kind, attachment))
  if (free.length === 0) return refuse("Conflicted", "Routes of another kind have all of these hostnames already")
  const hosts = [...new Set(free.map(({ hostname }) => hostname))].join(", ")
  write(path, "applied", "Accepted", "Accepted", `It takes requests to ${hosts} on ${id}`)
  return free
}

function through({ gateway, listener }: Door, hostnames: readonly string[] | undefined): GatewayAttachment[] {
  const wanted = hostnames?.length ? hostnames : [ANY_HOST]
  return wanted.flatMap((written): GatewayAttachment[] => {
    const hostname = intersect(listener?.hostname ?? ANY_HOST, written)
    if (hostname === undefined) return []
    return [{ to: "gateway", gateway, ...(listener && { listener: listener.name }), hostname }]
  })
}

/** A route in another namespace than the service holds for that namespace's callers only (GAMMA: consumer route). */
function attachToService(
  { kind, namespace }: Resource,
  ref: ParentRef,
  { world, taken }: Parents,
  path: Path,
  write: Write,
): ServiceAttachment[] {
  const of = ref.namespace ?? namespace
  const attachment = serviceAttachment(namespace, ref, world)
  if (!attachment) {
    write(path, "invalid", "Accepted", "NoMatchingParent", `There is no Service ${quote(`${of}/${ref.name}`)}`)
    return []
  }
  if (!taken.takeService(kind, attachment)) {
    write(path, "invalid", "Accepted", "Conflicted", "A route of another kind has this service already")
    return []
  }
  const whose = attachment.consumers ? `the callers of ${namespace}` : "all callers"
  write(path, "applied", "Accepted", "Accepted", `It takes requests of ${whose} to ${attachment.service}`)
  return [attachment]
}

function serviceAttachment(namespace: string, ref: ParentRef, world: World): ServiceAttachment | undefined {
  const of = ref.namespace ?? namespace
  const service = world.service(of, ref.name)
  if (service === undefined) return undefined
  const consumers = of !== namespace && { consumers: namespace as Namespace }
  return { to: "service", service, ...consumers, ...(ref.port !== undefined && { port: ref.port }) }
}

/** A service that routes of both kinds ask for is the GRPCRoutes', whatever their age (GAMMA). */
export function reserveServices(
  routes: readonly { resource: Resource; spec: RouteSpec<unknown> }[],
  parents: Parents,
): void {
  for (const { resource, spec } of routes) {
    for (const ref of spec.parentRefs ?? []) {
      if (ref.group !== "" || ref.kind !== "Service") continue
      const attachment = serviceAttachment(resource.namespace, ref, parents.world)
      if (attachment) parents.taken.takeService(resource.kind, attachment)
    }
  }
}

function distinct<T>(attachments: readonly T[]): T[] {
  return [...new Map(attachments.map((attachment) => [JSON.stringify(attachment), attachment])).values()]
}

function entry<V>(map: Map<string, V[]>, key: string): V[] {
  const found = map.get(key) ?? []
  map.set(key, found)
  return found
}
