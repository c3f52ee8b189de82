/**
 * Whoever may only change some namespaces must not reach beyond them with what he puts there. References are resolved by
 * rules that hold for everybody (`scope.ts`); these are about what belongs to nobody by its name alone: bindings of the proxy,
 * hostnames of shared gateways, names of Kubernetes Services.
 */
import type { Resource, ServiceDocument } from "#shared/model/document.ts"
import { DEFAULT_GATEWAY, DEFAULT_NAMESPACE, namespaceOf } from "#shared/model/names.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Route } from "#shared/model/route.ts"
import { bindingsOf, type Service } from "#shared/model/service.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { TargetDocument } from "#shared/model/target-document.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { quote } from "./complaint.ts"
import { keyText } from "./merge.ts"
import { pathOf } from "./parse.ts"
import { bindingPrefix } from "./resolve-service.ts"
import { gatewayIdIn } from "./scope.ts"

export interface MeshContent {
  readonly resources: readonly Resource[]
  readonly snapshot: Snapshot
}

/** Kinds whose effect ends with their namespace, as long as the checks below hold. A new kind is none until somebody has thought of it. */
const BOUNDED: ReadonlySet<string> = new Set([
  ...["Service", "Gateway", "Route"],
  ...["HTTPRoute", "GRPCRoute", "ReferenceGrant", "CoreService"],
  ...["Authentication", "AccessPolicy"],
  ...["ServiceLevelObjective", "Receiver"],
])

/** Kinds that say which traffic they cover. */
const TARGETING: ReadonlySet<string> = new Set(["Authentication", "AccessPolicy"])

const ASK = "ask somebody whose token is good for the whole mesh"

/** Everything by which the change reaches out of the namespaces. What stood there before the change was granted by somebody else. */
export function trespasses(before: MeshContent, after: MeshContent, namespaces: readonly string[]): Problem[] {
  const changed = changedResources(before.resources, after.resources).filter(({ namespace }) =>
    namespaces.includes(namespace),
  )
  return [
    ...changed.filter(({ kind }) => !BOUNDED.has(kind)).map(unbounded),
    ...changed.flatMap((resource) => foreignAliases(resource, namespaces)),
    ...changed.flatMap(wideTargets),
    ...foreignBindings(before.snapshot, after.snapshot, namespaces),
    ...takenHostnames(before.snapshot, after.snapshot, namespaces),
  ]
}

function changedResources(before: readonly Resource[], after: readonly Resource[]): Resource[] {
  const textOf = ({ spec }: Resource) => canonicalJson(spec)
  const known = new Map(before.map((resource) => [keyText(resource), resource]))
  const kept = new Set(after.map(keyText))
  const touched = after.filter((resource) => {
    const old = known.get(keyText(resource))
    return old === undefined || textOf(old) !== textOf(resource)
  })
  return [...touched, ...before.filter((resource) => !kept.has(keyText(resource)))]
}

function unbounded(resource: Resource): Problem {
  const message = `A ${resource.kind} may have effects beyond its namespace`
  return { path: pathOf(resource), rule: "kind-not-allowed", message, hint: ASK, resource: keyOf(resource) }
}

function foreignAliases(resource: Resource, namespaces: readonly string[]): Problem[] {
  if (resource.kind !== "Service") return []
  const { aliases = [], subsets = {} } = resource.spec as ServiceDocument
  const all = [...aliases, ...Object.values(subsets).flatMap((subset) => subset.aliases ?? [])]
  return all
    .filter((alias) => !namespaces.includes(alias.split("/", 1)[0]!))
    .map((alias) => {
      const message = `The alias ${quote(alias)} names a Service of a namespace that this token may not change`
      return { path: pathOf(resource, ["aliases"]), rule: "alias-not-allowed", message, resource: keyOf(resource) }
    })
}

/** The namespace `default` speaks for the whole mesh and for the gateway that all share: who may change it alone does not. */
function wideTargets(resource: Resource): Problem[] {
  const { mesh, gateways = [] } = (resource.spec ?? {}) as TargetDocument
  const shared = gateways.some((name) => gatewayIdIn(resource.namespace, name) === DEFAULT_GATEWAY)
  if (!TARGETING.has(resource.kind) || !(mesh || shared)) return []
  const message = `This ${resource.kind} covers more than the namespace ${quote(resource.namespace)}`
  return [{ path: pathOf(resource), rule: "target-not-allowed", message, hint: ASK, resource: keyOf(resource) }]
}

/** The proxy's bindings are told apart by their names alone: those of a namespace begin with it. */
function foreignBindings(before: Snapshot, after: Snapshot, namespaces: readonly string[]): Problem[] {
  const had = new Set(before.services.flatMap((service) => bindingsOf(service).map((name) => `${service.id} ${name}`)))
  return ownedBy(after.services, namespaces).flatMap((service) =>
    bindingsOf(service)
      .filter((name) => !had.has(`${service.id} ${name}`) && !isOwnBinding(name, namespaceOf(service.id)))
      .map((name) => bindingProblem(service, name)),
  )
}

function bindingProblem({ id }: Service, name: string): Problem {
  const namespace = namespaceOf(id)
  const resource = { kind: "Service", namespace, name: id.slice(namespace.length + 1) }
  const message = `The binding ${quote(name)} does not belong to the namespace ${quote(namespace)}`
  const whose = namespace === DEFAULT_NAMESPACE ? "have no __ in them" : `begin with ${bindingPrefix(namespace)}`
  const hint = `bindings of this namespace ${whose}; somebody whose token is good for the whole mesh may name others`
  return { path: pathOf(resource), rule: "binding-not-allowed", message, hint, resource }
}

function isOwnBinding(binding: string, namespace: string): boolean {
  // `team--a` is a namespace too, and its bindings begin like those of `team`.
  const prefix = bindingPrefix(namespace)
  return binding.startsWith(prefix) && !binding.slice(prefix.length).includes("__")
}

/** A hostname of a gateway belongs to the namespace whose route was there first. It may delegate parts of it. */
function takenHostnames(before: Snapshot, after: Snapshot, namespaces: readonly string[]): Problem[] {
  const had = new Set(before.routes.flatMap((route) => hostnamesOf(route).map((place) => `${route.id} ${place.key}`)))
  const others = new Taken()
  for (const route of after.routes) {
    if (!namespaces.includes(namespaceOf(route.id)))
      for (const { gateway, host } of hostnamesOf(route)) others.add(gateway, host)
  }
  return ownedBy(after.routes, namespaces).flatMap((route) =>
    hostnamesOf(route)
      .filter(({ gateway, host, key }) => !had.has(`${route.id} ${key}`) && others.overlaps(gateway, host))
      .map(({ host }) => hostnameProblem(route, host)),
  )
}

function hostnameProblem({ id }: Route, host: string): Problem {
  const namespace = namespaceOf(id)
  const resource = { kind: "Route", namespace, name: id.slice(namespace.length + 1) }
  const message = `Requests for ${quote(host)} are already another namespace's`
  const hint = "its route can delegate a path to yours; or ask somebody whose token is good for the whole mesh"
  return { path: pathOf(resource, ["hosts"]), rule: "hostname-taken", message, hint, resource }
}

function hostnamesOf(route: Route): { readonly gateway: string; readonly host: string; readonly key: string }[] {
  return route.attachments.flatMap((attachment) => {
    if (attachment.to !== "gateway") return []
    const { gateway, hostname: host } = attachment
    return [{ gateway, host, key: `${gateway} ${host}` }]
  })
}

/** Hostnames with all that lies above them, so that an overlap is found without comparing each with each. */
class Taken {
  readonly #hosts = new Set<string>()
  readonly #above = new Set<string>()

  add(gateway: string, host: string): void {
    this.#hosts.add(`${gateway} ${host}`)
    for (const wildcard of wildcardsOver(host)) this.#above.add(`${gateway} ${wildcard}`)
  }

  overlaps(gateway: string, host: string): boolean {
    const isHeld = (name: string) => this.#hosts.has(`${gateway} ${name}`)
    return isHeld(host) || wildcardsOver(host).some(isHeld) || this.#above.has(`${gateway} ${host}`)
  }
}

/** `a.b.example` -> `*.b.example`, `*.example`, `*`. */
function wildcardsOver(host: string): string[] {
  if (host === "*") return []
  const parents = host.replace(/^\*\./, "").split(".").slice(1)
  return [...parents.map((_, index) => `*.${parents.slice(index).join(".")}`), "*"]
}

function ownedBy<T extends Service | Route>(all: readonly T[], namespaces: readonly string[]): readonly T[] {
  return all.filter(({ id }) => namespaces.includes(namespaceOf(id)))
}

function keyOf({ kind, namespace, name }: Resource): NonNullable<Problem["resource"]> {
  return { kind, namespace, name }
}
