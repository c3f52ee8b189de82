/**
 * The Gateway API (https://gateway-api.sigs.k8s.io) as a language of this mesh: Gateway, HTTPRoute, GRPCRoute, ReferenceGrant
 * and mesh routes (GAMMA), read from Kubernetes manifests.
 */
import type { Dialect, NativeNames, Translation } from "#shared/config/dialect.ts"
import type { Resource } from "#shared/model/document.ts"
import { type RouteId, routeId } from "#shared/model/names.ts"
import type { Attachment, Route, Rule } from "#shared/model/route.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { attach, type Parents, reserveServices, Taken } from "./attach.ts"
import { nativeDoors, translateGateways } from "./gateways.ts"
import { type Held, heldOf } from "./kinds.ts"
import { labelOf } from "./names.ts"
import { Notes, type Write } from "./notes.ts"
import { read, takes } from "./read.ts"
import { translateRules } from "./rules.ts"
import type { GrpcRouteObject, HttpRouteObject } from "./types.ts"
import { type World, worldOf } from "./world.ts"

export const gatewayApi: Dialect = { takes, read, translate }

type RouteObject = HttpRouteObject | GrpcRouteObject

function translate(resources: readonly Resource[], native: NativeNames): Translation {
  const notes = new Notes()
  const world = worldOf(resources, native, notes)
  const gateways = translateGateways(resources, world, notes)
  const doors = nativeDoors(native)
  for (const { gateway, doors: own } of gateways) doors.set(gateway.id, [...own])

  const parents: Parents = { doors, world, taken: new Taken() }
  const ids = new Set<string>(native.routes)
  const held: Held<RouteObject>[] = [
    ...heldOf<GrpcRouteObject>(resources, "GRPCRoute"),
    ...heldOf<HttpRouteObject>(resources, "HTTPRoute"),
  ]
  const ofGrpc = held.filter(({ object }) => object.kind === "GRPCRoute")
  reserveServices(
    ofGrpc.map(({ resource, object }) => ({ resource, spec: object.spec })),
    parents,
  )
  const routes = inOrder(held).flatMap((one) => translateRoute(one, parents, ids, notes.about(one.resource)))
  return { services: world.services, gateways, routes, notes: notes.all }
}

/** The older route keeps a place that both want; among routes of one age the alphabet decides. */
function inOrder(held: readonly Held<RouteObject>[]): Held<RouteObject>[] {
  const ageOf = ({ object }: Held<RouteObject>) => createdAtMs(object) ?? Number.POSITIVE_INFINITY
  const nameOf = ({ resource }: Held<RouteObject>) => `${resource.namespace}/${resource.name}`
  return [...held].sort((a, b) => {
    const [ageA, ageB] = [ageOf(a), ageOf(b)]
    return a.resource.since - b.resource.since || (ageA === ageB ? (nameOf(a) < nameOf(b) ? -1 : 1) : ageA - ageB)
  })
}

function createdAtMs({ metadata }: RouteObject): number | undefined {
  return metadata.creationTimestamp === undefined ? undefined : Date.parse(metadata.creationTimestamp)
}

type TranslatedRoute = Translation["routes"][number]

/**
 * Usually one route; two where the object has parents of both kinds and a backend that public traffic may not reach, but
 * callers inside the mesh may.
 */
function translateRoute(
  { resource, object }: Held<RouteObject>,
  parents: Parents,
  ids: Set<string>,
  write: Write,
): TranslatedRoute[] {
  const { toGateways, toServices } = attach(resource, object.spec, parents, write)
  if (object.kind === "GRPCRoute") {
    const message =
      "calls are matched as HTTP requests; a gRPC status travels in trailers, which a Worker cannot pass on"
    write(["spec"], "unsupported", "Accepted", "UnsupportedValue", message)
  }
  const id = freeId(resource, object.kind, ids)
  const rulesFor = (needsGrant: boolean): Rule[] =>
    translateRules(contextOf(resource, object, id, parents.world, needsGrant, write), object.spec.rules)
  const forPublic = rulesFor(toGateways.length > 0)
  if (forPublic.length === 0) {
    const message = "None of its rules can be done, so no request comes to it"
    write(["spec", "rules"], "unsupported", "Accepted", "UnsupportedValue", message)
    return []
  }
  const routeOf = (id: RouteId, attachments: readonly Attachment[], rules: readonly Rule[]): TranslatedRoute => {
    const route: Route = { id, attachments, order: "specific", since: resource.since, rules }
    const createdMs = createdAtMs(object)
    return { resource, route, ...(createdMs !== undefined && { createdAtMs: createdMs }) }
  }
  if (toGateways.length + toServices.length === 0) return []
  const forMesh = toServices.length > 0 ? rulesFor(false) : forPublic
  if (toGateways.length === 0 || toServices.length === 0 || canonicalJson(forMesh) === canonicalJson(forPublic)) {
    return [routeOf(id, [...toGateways, ...toServices], toGateways.length > 0 ? forPublic : forMesh)]
  }
  const meshId = freeId({ ...resource, name: `${resource.name}-mesh` }, object.kind, ids)
  return [routeOf(id, toGateways, forPublic), routeOf(meshId, toServices, forMesh)]
}

function contextOf(
  { namespace }: Resource,
  { kind }: RouteObject,
  route: RouteId,
  world: World,
  needsGrant: boolean,
  write: Write,
): Parameters<typeof translateRules>[0] {
  return { kind, route, write, target: (ref) => world.target(ref, { kind, namespace, needsGrant }) }
}

/** Native routes and both kinds of objects have names of their own; in the mesh they share one space. */
function freeId({ namespace, name }: Pick<Resource, "namespace" | "name">, kind: string, ids: Set<string>): RouteId {
  const suffixes = ["", `-${kind.toLowerCase()}`]
  const candidates = suffixes.map((suffix) => routeId(namespace, labelOf(`${name}${suffix}`)))
  let id = candidates.find((candidate) => !ids.has(candidate))
  for (let number = 2; id === undefined; number++) {
    const candidate = routeId(namespace, labelOf(`${name}-${number}`))
    if (!ids.has(candidate)) id = candidate
  }
  ids.add(id)
  return id
}
