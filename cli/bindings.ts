/** How a service of the mesh is called as a binding of the proxy. */
import { derivedBinding } from "#shared/config/resolve-service.ts"

/** `orders` -> `ORDERS`, its subset `v2` -> `ORDERS_V2`, `team-a/orders` -> `TEAM_A__ORDERS`. */
export function bindingName(namespace: string, name: string, subset: string | undefined): string {
  const base = derivedBinding(namespace, name)
  return subset === undefined ? base : `${base}_${derivedBinding("default", subset)}`
}
