/** All native routes of a mesh: those that requests come to, with the rules of those that they delegate to. */
import type { Resource, RouteDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type RouteId, routeId } from "#shared/model/names.ts"
import type { Route } from "#shared/model/route.ts"
import type { Report } from "./complaint.ts"
import type { Delegates } from "./delegate.ts"
import type { ResourceKey } from "./parse.ts"
import { resolveRoute } from "./resolve-route.ts"
import type { Names } from "./scope.ts"

export interface ResolvedRoute {
  readonly resource: Resource
  readonly route: Route
}

export function resolveRoutes(
  resources: readonly Resource[],
  broken: readonly ResourceKey[],
  names: Names,
  reportFor: (resource: ResourceKey) => Report,
): ResolvedRoute[] {
  const delegates: Delegates = {
    routes: new Map<RouteId, Resource | "broken">([
      ...resources.map((resource) => [routeId(resource.namespace, resource.name), resource] as const),
      ...broken.filter(isRoute).map(({ namespace, name }) => [routeId(namespace, name), "broken"] as const),
    ]),
    reportFor: onlyOnce(reportFor),
    budget: { left: LIMITS.delegatedRulesMax },
    reached: new Set(),
  }
  const resolveOne = (resource: Resource): ResolvedRoute => {
    const scope = { ...names, namespace: resource.namespace, report: delegates.reportFor(resource), delegates }
    return { resource, route: resolveRoute(resource, resource.spec as RouteDocument, scope) }
  }
  const attached = resources.filter(isAttached).map(resolveOne)
  // What nobody delegates to is not part of the mesh, and yet its author wants to know what is wrong in it.
  for (const resource of resources) {
    const id = routeId(resource.namespace, resource.name)
    if (!isAttached(resource) && !delegates.reached.has(id)) resolveOne(resource)
  }
  return attached
}

/** Whether requests come to a route by itself. */
export function isAttached({ spec }: Pick<Resource, "spec">): boolean {
  const { hosts, service, services } = spec as RouteDocument
  return (hosts ?? service ?? services) !== undefined
}

function isRoute({ kind }: ResourceKey): boolean {
  return kind === "Route"
}

/** A route that is delegated to from several places is read several times. */
function onlyOnce(reportFor: (resource: ResourceKey) => Report): (resource: ResourceKey) => Report {
  const told = new Set<string>()
  return (resource) => {
    const report = reportFor(resource)
    return (path, complaint) => {
      const key = JSON.stringify([resource.kind, resource.namespace, resource.name, path, complaint])
      if (!told.has(key)) report(path, complaint)
      told.add(key)
    }
  }
}
