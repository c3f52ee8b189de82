/** Routes that no request comes to: without hosts and service of their own, and delegated to by nobody. */
import { routeIdIn } from "#shared/config/delegate.ts"
import { isNative } from "#shared/config/dialect.ts"
import { isAttached } from "#shared/config/resolve-routes.ts"
import type { Resource, RouteDocument } from "#shared/model/document.ts"
import { routeId } from "#shared/model/names.ts"
import { advise, type Sites } from "./site.ts"

export function lintOrphans(resources: readonly Resource[], sites: Sites): void {
  const routes = resources.filter((resource) => resource.kind === "Route" && isNative(resource))
  const delegated = new Set(
    routes.flatMap(({ namespace, spec }) =>
      (spec as RouteDocument).rules.flatMap(({ delegate }) => (delegate ? [routeIdIn(namespace, delegate)] : [])),
    ),
  )
  for (const resource of routes) {
    const id = routeId(resource.namespace, resource.name)
    if (isAttached(resource) || delegated.has(id)) continue
    const message = "No request comes to this route: it has neither hosts nor a service, and no rule delegates to it"
    const hint = `add "hosts" or "service", or "delegate: ${id}" to a rule of the route that owns the host`
    sites.atResource(resource, [], advise("warning", "unattached-route", message, hint))
  }
}
