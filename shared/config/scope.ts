/** What a resource's names are looked up in while it is resolved: all services and gateways of the mesh. */
import {
  DEFAULT_GATEWAY,
  type GatewayId,
  gatewayId,
  nameOf,
  namespaceOf,
  type ServiceId,
  type SubsetName,
  serviceId,
} from "#shared/model/names.ts"
import type { Gateway } from "#shared/model/route.ts"
import type { Service } from "#shared/model/service.ts"
import type { Step } from "#shared/std/steps.ts"
import { type Complaint, complain, hintFrom, quote, type Report } from "./complaint.ts"

/** `broken`: declared, with problems of its own; nothing more can be said about references to it. */
export interface Names {
  readonly services: ReadonlyMap<ServiceId, Service | "broken">
  readonly gateways: ReadonlyMap<GatewayId, Gateway | "broken">
  /** How many more hints may be looked for: each is a search through all names, and only the first problems are told. */
  readonly hints: { left: number }
}

export interface Scope extends Names {
  /** Of the resource at hand: names without one are meant to be in it. */
  readonly namespace: string
  readonly report: Report
}

type Path = readonly Step[]

/** `name` or `namespace/name` as an id, whether it exists or not. */
export function serviceIdIn(namespace: string, reference: string): ServiceId {
  const [first = "", second] = reference.split("/")
  return second === undefined ? serviceId(namespace, first) : serviceId(first, second)
}

/** The same for a gateway. */
export function gatewayIdIn(namespace: string, reference: string): GatewayId {
  const [first = "", second] = reference.split("/")
  return second === undefined ? gatewayId(namespace, first) : gatewayId(first, second)
}

/** The id of a service that exists. */
export function findService(scope: Scope, reference: string, path: Path): ServiceId | undefined {
  const id = serviceIdIn(scope.namespace, reference)
  if (scope.services.has(id)) return id
  scope.report(path, unknownName(scope, "service", reference))
  return undefined
}

/** The name of a subset that the service has. */
export function findSubset(scope: Scope, id: ServiceId, name: string, path: Path): SubsetName | undefined {
  const service = scope.services.get(id)
  if (service === undefined || service === "broken" || Object.hasOwn(service.subsets, name)) return name as SubsetName
  const known = Object.keys(service.subsets)
  const message = `The service ${quote(nameOf(id))} has no subset ${quote(name)}`
  scope.report(path, complain("unknown-subset", message, hintFrom(name, "subsets", known)))
  return undefined
}

/** A gateway's id; `gateway` is undefined for the built-in one and for one that has problems of its own. */
export function findGateway(
  scope: Scope,
  reference: string,
  path: Path,
): { id: GatewayId; gateway: Gateway | undefined } | undefined {
  const id = gatewayIdIn(scope.namespace, reference)
  const gateway = scope.gateways.get(id)
  if (gateway === undefined && id !== DEFAULT_GATEWAY) {
    scope.report(path, unknownName(scope, "gateway", reference))
    return undefined
  }
  if (namespaceOf(id) !== scope.namespace && id !== DEFAULT_GATEWAY) {
    notGranted(scope, "gateway", id, path)
    return undefined
  }
  return { id, gateway: gateway === "broken" ? undefined : gateway }
}

export function notGranted(scope: Scope, noun: string, id: ServiceId | GatewayId, path: Path): void {
  const message = `The ${noun} ${quote(id)} is in another namespace than this (${quote(scope.namespace)})`
  const hint = `declare it in the namespace ${quote(namespaceOf(id))}, or a ${noun} of your own`
  scope.report(path, complain("reference-not-granted", message, hint))
}

/** What is to be said of a name that nothing has. */
export function unknownName(scope: Scope, noun: "service" | "gateway", reference: string): Complaint {
  return complain(`unknown-${noun}`, `No ${noun} is named ${quote(reference)}`, hintFor(scope, noun, reference))
}

function hintFor(scope: Scope, noun: "service" | "gateway", reference: string): string | undefined {
  if (scope.hints.left <= 0) return undefined
  scope.hints.left -= 1
  const ids = [...scope[`${noun}s`].keys()]
  const elsewhere = ids.find((id) => nameOf(id) === reference)
  if (elsewhere) return `did you mean ${quote(elsewhere)}?`
  // As they would be written from here.
  const known = ids.map((id) => (namespaceOf(id) === scope.namespace ? nameOf(id) : id))
  return hintFrom(reference, `${noun}s`, known)
}
