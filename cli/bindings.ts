/** How a service of the mesh is called as a binding of the proxy. */

/** `orders` -> `ORDERS`, its subset `v2` -> `ORDERS_V2`, `team-a/orders` -> `TEAM_A__ORDERS`. */
export function bindingName(namespace: string, name: string, subset: string | undefined): string {
  const prefix = namespace === "default" ? "" : `${fold(namespace)}__`
  const suffix = subset === undefined ? "" : `_${fold(subset)}`
  return prefix + fold(name) + suffix
}

function fold(label: string): string {
  return label.toUpperCase().replaceAll("-", "_")
}
