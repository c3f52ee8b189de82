/**
 * From resources to the mesh: names become ids of things that exist, defaults are filled in, and what contradicts itself
 * is a problem. Resources are well-formed here: `parse` has seen each of them before it was stored.
 */
import type { Note, Resource, ServiceDocument } from "#shared/model/document.ts"
import type { GatewayDocument } from "#shared/model/gateway-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type GatewayId, gatewayId, routeId, type ServiceId, serviceId } from "#shared/model/names.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Attachment, Gateway, Route } from "#shared/model/route.ts"
import type { Service } from "#shared/model/service.ts"
import { formatOf, type Snapshot } from "#shared/model/snapshot.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { type Complaint, complain, quote, type Report } from "./complaint.ts"
import { type Dialect, isNative, type Translation } from "./dialect.ts"
import { pathOf, type ResourceKey } from "./parse.ts"
import { checkAlerting } from "./resolve-alerting.ts"
import { checkClaims } from "./resolve-authentication.ts"
import { checkFallback } from "./resolve-breaker.ts"
import { resolveClientAddress } from "./resolve-client-address.ts"
import { resolveRoutes } from "./resolve-routes.ts"
import { byId, resolveSecurity, tooMany } from "./resolve-security.ts"
import { type ResolvedService, resolveService } from "./resolve-service.ts"

export interface Resolved {
  readonly snapshot: Snapshot
  readonly problems: Problem[]
  readonly notes: Note[]
}

/** `broken` are declared but could not be read: references to them are not reported as unknown. */
export function resolve(
  resources: readonly Resource[],
  broken: readonly ResourceKey[] = [],
  dialects: readonly Dialect[] = [],
): Resolved {
  const problems: Problem[] = []
  const reportFor = (resource: ResourceKey & { readonly spec?: unknown }): Report => {
    const { kind, namespace, name } = resource
    return (path, complaint) =>
      problems.push({ path: pathOf(resource, path), ...complaint, resource: { kind, namespace, name } })
  }

  const native = of(resources, "Service").map((resource) => ({
    resource,
    ...resolveService(resource, resource.spec as ServiceDocument, reportFor(resource)),
  }))
  const owners = new Map<string, ServiceId>()
  checkDerivedBindings(native, owners, reportFor)
  const nativeGateways = of(resources, "Gateway").map((resource) => resolveGateway(resource, reportFor(resource)))

  const names = {
    services: new Map<ServiceId, Service | "broken">(native.map(({ service }) => [service.id, service])),
    gateways: new Map<GatewayId, Gateway | "broken">(nativeGateways.map((gateway) => [gateway.id, gateway])),
    hints: { left: LIMITS.problemsMax },
  }
  for (const { kind, namespace, name } of broken) {
    if (kind === "Service") names.services.set(serviceId(namespace, name), "broken")
    if (kind === "Gateway") names.gateways.set(gatewayId(namespace, name), "broken")
  }
  const routeResources = of(resources, "Route")
  const routeIds = new Set(routeResources.map(({ namespace, name }) => routeId(namespace, name)))
  const foreign = translateAll(resources, dialects, names, routeIds)
  checkDerivedBindings(foreign.services, owners, reportFor)
  const services = [...native, ...foreign.services]
  const gateways = [...nativeGateways, ...foreign.gateways.map(({ gateway }) => gateway)]
  const nativeRoutes = resolveRoutes(routeResources, broken, names, reportFor)
  const routes = byAge([...foreign.routes, ...nativeRoutes])
  checkOrders(routes, reportFor)
  for (const { resource, service } of native) {
    const scope = { ...names, namespace: resource.namespace, report: reportFor(resource) }
    checkFallback(scope, service.id, resource.spec as ServiceDocument)
  }
  const { security, problems: insecure } = resolveSecurity(resources.filter(isNative), foreign, names, reportFor)
  // Of one that could not be read nobody knows what it covers.
  if (!broken.some(({ kind }) => kind === "Authentication" || kind === "RequestAuthentication")) {
    checkClaims(routes, security.authentications ?? [], reportFor)
  }
  problems.push(...tooMany("services", services.length, LIMITS.servicesMax))
  problems.push(...tooMany("gateways", gateways.length, LIMITS.gatewaysMax))
  problems.push(...tooMany("routes", routes.length, LIMITS.routesMax))
  problems.push(...insecure)
  const known = { ...names, routes: new Set<string>(routes.map(({ route }) => route.id)) }
  problems.push(...checkAlerting(resources.filter(isNative), known, broken, reportFor))

  const snapshot: Snapshot = {
    format: formatOf(
      security,
      routes.map(({ route }) => route),
    ),
    services: byId(services.map(({ service }) => service)),
    gateways: byId(gateways),
    routes: byId(routes.map(({ route }) => route)),
    ...security,
  }
  return { snapshot, problems, notes: [...foreign.notes] }
}

/**
 * What all dialects say together. Their services and gateways are added to the names that native routes may use, and the dialects
 * that come after.
 */
function translateAll(
  resources: readonly Resource[],
  dialects: readonly Dialect[],
  names: { services: Map<ServiceId, Service | "broken">; gateways: Map<GatewayId, Gateway | "broken"> },
  routes: ReadonlySet<string>,
): Translation {
  const all = dialects.map((dialect) => {
    const one = dialect.translate(resources, { ...names, routes })
    for (const { service } of one.services) names.services.set(service.id, service)
    for (const { gateway } of one.gateways) names.gateways.set(gateway.id, gateway)
    return one
  })
  return {
    services: all.flatMap((one) => one.services),
    gateways: all.flatMap((one) => one.gateways),
    routes: all.flatMap((one) => one.routes),
    policies: all.flatMap((one) => one.policies ?? []),
    authentications: all.flatMap((one) => one.authentications ?? []),
    notes: all.flatMap((one) => one.notes),
  }
}

function of(resources: readonly Resource[], kind: string): Resource[] {
  return resources.filter((resource) => resource.kind === kind && isNative(resource))
}

/**
 * The older of two routes wins a tie. Where routes of one revision say when they were created, revisions and times are
 * brought onto one scale.
 */
function byAge(routes: Translation["routes"]): Translation["routes"] {
  if (routes.every(({ createdAtMs }) => createdAtMs === undefined)) return routes
  const ageOf = ({ route, createdAtMs = Number.MAX_SAFE_INTEGER }: Translation["routes"][number]) =>
    [route.since, createdAtMs] as const
  const ages = [...new Map(routes.map((one) => [ageOf(one).join(), ageOf(one)])).values()]
  ages.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const ranks = new Map(ages.map((age, index) => [age.join(), index + 1]))
  return routes.map((one) => ({ ...one, route: { ...one.route, since: ranks.get(ageOf(one).join())! } }))
}

function resolveGateway(resource: Resource, report: Report): Gateway {
  const { listeners, clientAddress } = resource.spec as GatewayDocument
  const names = new Map<string, number>()
  const doors = new Map<string, number>()
  for (const [index, { name, hostname, port, protocol }] of listeners.entries()) {
    const door = canonicalJson({ hostname: hostname ?? "*", port, protocol })
    if (names.has(name)) {
      report(
        ["listeners", index, "name"],
        complain("duplicate-listener", `Another listener is called ${quote(name)} already`),
      )
    } else if (doors.has(door)) {
      const twin = listeners[doors.get(door)!]!.name
      report(
        ["listeners", index],
        complain("duplicate-listener", `The listener ${quote(name)} takes the same requests as ${quote(twin)}`),
      )
    }
    names.set(name, index)
    doors.set(door, index)
  }
  const id = gatewayId(resource.namespace, resource.name)
  return { id, listeners, ...(clientAddress && { clientAddress: resolveClientAddress(clientAddress) }) }
}

/** Two services in one binding would be one service: traffic for the one would silently reach the other. */
function checkDerivedBindings(
  services: readonly (ResolvedService & { resource: Resource })[],
  owners: Map<string, ServiceId>,
  reportFor: (resource: ResourceKey) => Report,
): void {
  for (const { resource, service, derived } of services) {
    for (const { binding, path } of derived) {
      const owner = owners.get(binding)
      if (owner !== undefined && owner !== service.id) {
        const message = `Its binding would be ${quote(binding)}, which is that of ${quote(owner)} already`
        reportFor(resource)(path, complain("binding-conflict", message, 'name the binding with "binding"'))
      }
      owners.set(binding, owner ?? service.id)
    }
  }
}

/** The routes of one host are searched together: by one order. */
function checkOrders(
  routes: readonly { resource: Resource; route: Route }[],
  reportFor: (resource: ResourceKey) => Report,
): void {
  const first = new Map<string, Route>()
  for (const { resource, route } of routes) {
    for (const attachment of route.attachments) {
      const place = canonicalJson(attachment)
      const other = first.get(place)
      if (!other) first.set(place, route)
      else if (other.order !== route.order) {
        reportFor(resource)(["order"], orderConflict(route, other, attachment))
        break
      }
    }
  }
}

function orderConflict(route: Route, other: Route, attachment: Attachment): Complaint {
  const place =
    attachment.to === "gateway" ? `the host ${quote(attachment.hostname)}` : `the service ${quote(attachment.service)}`
  const message = `The route is ${quote(route.order)}, but ${quote(other.id)} on ${place} is ${quote(other.order)}`
  return complain("order-conflict", message, "give both the same order")
}
