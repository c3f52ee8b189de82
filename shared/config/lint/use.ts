/** What is declared and never used, or used and not there. */
import type { BackendRef, Filter, Rule } from "#shared/model/route.ts"
import { bindingOf, type Endpoint, type Service } from "#shared/model/service.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { advise, type Sites } from "./site.ts"

/** Bindings that services name and no live proxy has; see `Status.unbound`. */
export type Unbound = readonly { readonly service: string; readonly binding: string }[]

export function lintUse({ services, routes }: Snapshot, unbound: Unbound, sites: Sites): void {
  const used = new Set<string>()
  for (const { rules } of routes) {
    for (const { service, subset } of rules.flatMap(targetsOf)) used.add(`${service} ${subset ?? ""}`)
  }
  for (const service of services) lintService(service, used, sites)
  const missing = new Set(unbound.map(({ service, binding }) => `${service} ${binding}`))
  if (missing.size === 0) return
  const known = new Map(services.map((service) => [service.id as string, service]))
  for (const { rules } of routes) for (const rule of rules) lintBound(rule, known, missing, sites)
}

/** A service that no route names is no finding: its callers' bindings lead to it (GAMMA: the implicit route). */
function lintService(service: Service, used: ReadonlySet<string>, sites: Sites): void {
  const { id, subsets } = service
  lintHealth(service, sites)
  for (const name of Object.keys(subsets)) {
    if (used.has(`${id} ${name}`)) continue
    const message = `No route sends requests to the subset ${JSON.stringify(name)}`
    const hint = "send it a share, or remove it"
    sites.atService(id, ["subsets", name], advise("info", "unused-subset", message, hint))
  }
}

/** Of one endpoint alone nothing is left out as long as there is a panic threshold. */
function lintHealth({ id, endpoints, subsets, policy }: Service, sites: Sites): void {
  const clusters = [
    endpoints,
    ...Object.values<Service["subsets"][keyof Service["subsets"]]>(subsets).map((one) => one.endpoints),
  ]
  if (!policy?.health || policy.health.panicPercent === 0 || clusters.some(({ length }) => length > 1)) return
  const message = "The checks are told in the status and keep no request away: there is no other endpoint to send it to"
  const hint = 'list several "endpoints", or refuse requests while it is unhealthy by "panicPercent: 0"'
  sites.atService(id, ["health"], advise("info", "health-without-choice", message, hint))
}

function targetsOf({ backends, filters }: Rule): BackendRef[] {
  const mirrors = (all: readonly Filter[]) =>
    all.flatMap((filter) => (filter.kind === "mirror" ? [filter.mirror.backend] : []))
  return [...backends, ...mirrors(filters), ...backends.flatMap((backend) => mirrors(backend.filters))]
}

/** A backend with one endpoint that can be reached is served by that one. */
function lintBound(
  rule: Rule,
  services: ReadonlyMap<string, Service>,
  missing: ReadonlySet<string>,
  sites: Sites,
): void {
  for (const [index, { service, subset, weight }] of rule.backends.entries()) {
    const found = services.get(service)
    const endpoints: readonly Endpoint[] =
      (subset === undefined ? found?.endpoints : found?.subsets[subset]?.endpoints) ?? []
    const bindings = endpoints.flatMap((endpoint) => bindingOf(endpoint) ?? [])
    const all =
      bindings.length === endpoints.length && bindings.every((binding) => missing.has(`${service} ${binding}`))
    if (weight === 0 || endpoints.length === 0 || !all) continue
    const message = `Requests to ${subset === undefined ? service : `${service}/${subset}`} are answered 503: no proxy has the binding ${bindings.join(", ")}`
    const name = service.replace(/^default\//, "")
    const part = subset === undefined ? "" : ` --subset ${subset}`
    const hint = `weft service add ${name}${part} --worker <worker>, then weft deploy`
    sites.atRule(rule, ["backends", index], advise("warning", "unbound-backend", message, hint))
  }
}
