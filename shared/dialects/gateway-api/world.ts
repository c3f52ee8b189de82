/** What routes refer to: backends by their names in Kubernetes, who may refer to whom, and the labels of namespaces. */
import { quote } from "#shared/config/complaint.ts"
import { isNative, type NativeNames, type Translation } from "#shared/config/dialect.ts"
import { resolveService } from "#shared/config/resolve-service.ts"
import type { Resource, ServiceDocument } from "#shared/model/document.ts"
import { type ServiceId, type SubsetName, serviceId } from "#shared/model/names.ts"
import type { Backend, BackendRef } from "#shared/model/route.ts"
import { GATEWAY_GROUP, type Held, heldOf } from "./kinds.ts"
import { labelOf } from "./names.ts"
import type { Notes, Path } from "./notes.ts"
import type { LabelSelector, NamespaceObject, ObjectRef, ReferenceGrantObject, ServiceObject } from "./types.ts"

/** Retries of routes are limited as the Gateway API has it by default (GEP-3388), which is more generous than the mesh by itself. */
const RETRY_BUDGET = { ratio: 0.2, perSecondMin: 10 }

/** A reference as it can be used, or why it cannot: the condition's reason, and the mesh's word for it. */
export type Target =
  | { readonly ref: BackendRef }
  | {
      readonly ref: BackendRef
      readonly invalid: NonNullable<Backend["invalid"]>
      readonly reason: string
      readonly message: string
    }

export interface Referrer {
  readonly kind: string
  readonly namespace: string
  /** Public traffic comes to another namespace's backend only by its consent; inside the mesh anybody may call it. */
  readonly needsGrant: boolean
}

export interface World {
  readonly services: Translation["services"]
  target(ref: ObjectRef, from: Referrer): Target
  /** The service whose traffic a route asks for. */
  service(namespace: string, name: string): ServiceId | undefined
  inNamespace(namespace: string, selector: LabelSelector): boolean
}

export function worldOf(resources: readonly Resource[], native: NativeNames, notes: Notes): World {
  const objects = new Map(
    heldOf<ServiceObject>(resources, "Service").map((held) => [
      `${held.resource.namespace}/${held.resource.name}`,
      held,
    ]),
  )
  const aliases = aliasesOf(resources, notes)
  const services = impliedServices([...objects.values()], native, aliases, notes)
  const known = new Set<string>([...native.services.keys(), ...services.map(({ service }) => service.id)])
  const grants = heldOf<ReferenceGrantObject>(resources, "ReferenceGrant")
  const labels = labelsOf(resources)

  function find(namespace: string, name: string, port: number | undefined): BackendRef | undefined {
    const alias = aliases.get(`${namespace}/${name}:${port}`) ?? aliases.get(`${namespace}/${name}`)
    if (alias) return alias
    const ports = objects.get(`${namespace}/${name}`)?.object.spec.ports
    if (port !== undefined && ports?.length && !ports.some((one) => one.port === port)) return undefined
    return known.has(`${namespace}/${name}`) ? { service: serviceId(namespace, name) } : undefined
  }

  return {
    services,
    service: (namespace, name) => find(namespace, name, undefined)?.service,
    inNamespace: (namespace, selector) => selects(selector, labels.get(namespace) ?? nameLabel(namespace)),
    target({ group = "", kind = "Service", name, namespace = "", port }, from) {
      const where = namespace === "" ? from.namespace : namespace
      const ref: BackendRef = { service: serviceId(where, labelOf(name)) }
      if (group !== "" || kind !== "Service") {
        const message = `${quote(group === "" ? kind : `${group}/${kind}`)} is no kind of backend; only Service is`
        return { ref, invalid: "kind_not_supported", reason: "InvalidKind", message }
      }
      if (from.needsGrant && where !== from.namespace && !isGranted(grants, from, where, name)) {
        const message = `No ReferenceGrant in ${quote(where)} lets an ${from.kind} of ${quote(from.namespace)} use the Service ${quote(name)}`
        return { ref, invalid: "reference_not_granted", reason: "RefNotPermitted", message }
      }
      const found = find(where, name, port)
      if (found) return { ref: found }
      const message = `No Service ${quote(`${where}/${name}`)}${port === undefined ? "" : ` with the port ${port}`}, and no service of the mesh by that name`
      return { ref, invalid: "service_not_found", reason: "BackendNotFound", message }
    },
  }
}

/** Names that native services say they also have: `team-a/orders`, or `team-a/orders:8081` for one port only. */
function aliasesOf(resources: readonly Resource[], notes: Notes): ReadonlyMap<string, BackendRef> {
  const aliases = new Map<string, BackendRef>()
  // Of two that claim one name the first one in the order of the alphabet has it, and the other is told.
  const claim = (alias: string, ref: BackendRef, resource: Resource, path: Path) => {
    const owner = aliases.get(alias)
    if (!owner) aliases.set(alias, ref)
    else if (owner.service !== ref.service || owner.subset !== ref.subset) {
      const message = `${quote(alias)} leads to ${quote(owner.service)} already`
      notes.about(resource)([...path, "aliases"], "invalid", "Accepted", "Conflicted", message)
    }
  }
  for (const resource of resources) {
    if (resource.kind !== "Service" || !isNative(resource)) continue
    const document = resource.spec as ServiceDocument
    const service = serviceId(resource.namespace, resource.name)
    for (const alias of document.aliases ?? []) claim(alias, { service }, resource, [])
    for (const [subset, { aliases: names = [] }] of Object.entries(document.subsets ?? {})) {
      for (const alias of names) claim(alias, { service, subset: subset as SubsetName }, resource, ["subsets", subset])
    }
  }
  return aliases
}

/** A Service that nobody declares natively is reached through the binding that has its name. */
function impliedServices(
  objects: readonly Held<ServiceObject>[],
  native: NativeNames,
  aliases: ReadonlyMap<string, BackendRef>,
  notes: Notes,
): Translation["services"] {
  return objects.flatMap(({ resource, object }) => {
    const write = notes.about(resource)
    const id = serviceId(resource.namespace, labelOf(resource.name))
    if (object.spec.selector) {
      const message = "where requests go is said by a binding, not by the labels of pods"
      write(["spec", "selector"], "ignored", "Accepted", "UnsupportedValue", message)
    }
    const alias = aliases.get(`${resource.namespace}/${resource.name}`)
    if (native.services.has(id) || alias) {
      write([], "applied", "Accepted", "Accepted", `its name leads to the service ${quote(alias?.service ?? id)}`)
      return []
    }
    if (object.spec.type === "ExternalName") {
      const message = 'a name outside the mesh is declared as a service with a "url"'
      write(["spec", "externalName"], "unsupported", "Accepted", "UnsupportedValue", message)
      return []
    }
    const complaints: string[] = []
    const key = { kind: resource.kind, namespace: resource.namespace, name: labelOf(resource.name) }
    const resolved = resolveService(key, {}, (_, { message }) => complaints.push(message))
    if (complaints.length > 0) {
      write([], "invalid", "Accepted", "Invalid", complaints.join("; "))
      return []
    }
    const bindings = resolved.derived.map(({ binding }) => binding).join(", ")
    write([], "applied", "Accepted", "Accepted", `it is reached through the proxy's binding ${bindings}`)
    const service = { ...resolved.service, policy: { ...resolved.service.policy, retryBudget: RETRY_BUDGET } }
    return [{ resource, ...resolved, service }]
  })
}

function isGranted(grants: readonly Held<ReferenceGrantObject>[], from: Referrer, to: string, name: string): boolean {
  return grants.some(
    ({ resource, object: { spec } }) =>
      resource.namespace === to &&
      spec.from.some(
        (one) => one.group === GATEWAY_GROUP && one.kind === from.kind && one.namespace === from.namespace,
      ) &&
      spec.to.some(
        (one) =>
          one.group === "" &&
          one.kind === "Service" &&
          (one.name === undefined || one.name === "" || one.name === name),
      ),
  )
}

type Labels = Readonly<Record<string, string>>

/** Kubernetes labels every namespace with its own name. */
function nameLabel(namespace: string): Labels {
  return { "kubernetes.io/metadata.name": namespace }
}

function labelsOf(resources: readonly Resource[]): ReadonlyMap<string, Labels> {
  return new Map(
    heldOf<NamespaceObject>(resources, "Namespace").map(({ object: { metadata } }) => [
      metadata.name,
      { ...metadata.labels, ...nameLabel(metadata.name) },
    ]),
  )
}

/** An empty selector takes everything; an operator that is not known takes nothing. */
function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  const value = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined)
  return (
    Object.entries(matchLabels).every(([key, wanted]) => value(key) === wanted) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const found = value(key)
      if (operator === "In") return found !== undefined && values.includes(found)
      if (operator === "NotIn") return found === undefined || !values.includes(found)
      if (operator === "Exists") return found !== undefined
      return operator === "DoesNotExist" && found === undefined
    })
  )
}
