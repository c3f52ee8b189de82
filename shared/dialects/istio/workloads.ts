/**
 * Which services and gateways an object is about. A service stands for the pods behind it: its labels are what the Service of its name
 * selects, where there is one, else `app` and `app.kubernetes.io/name` with its own name. Gateways have the labels that Istio
 * gives to its own; the built-in one stands in the root namespace.
 */
import { quote } from "#shared/config/complaint.ts"
import type { NativeNames } from "#shared/config/dialect.ts"
import { GATEWAY_GROUP, heldOf } from "#shared/dialects/gateway-api/kinds.ts"
import { labelOf } from "#shared/dialects/gateway-api/names.ts"
import type { Write } from "#shared/dialects/gateway-api/notes.ts"
import type { ServiceObject } from "#shared/dialects/gateway-api/types.ts"
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import {
  DEFAULT_GATEWAY,
  type GatewayId,
  type Namespace,
  nameOf,
  namespaceOf,
  type ServiceId,
} from "#shared/model/names.ts"
import type { Target } from "#shared/model/target.ts"
import type { Selecting, TargetRef } from "./types.ts"

/** Objects of this namespace are about the whole mesh. */
export const ROOT_NAMESPACE = "istio-system"

type Labels = Readonly<Record<string, string>>
type Path = readonly (string | number)[]

/** As many targets as their lists need. */
export interface Selected {
  readonly wholly: readonly Target[]
  /** Services of which some of the labels are known. */
  readonly partly: readonly Target[]
}

export class Workloads {
  readonly #services: readonly (readonly [ServiceId, Labels])[]
  readonly #gateways: readonly (readonly [GatewayId, Labels])[]

  constructor(resources: readonly Resource[], { services, gateways }: NativeNames) {
    const objects = heldOf<ServiceObject>(resources, "Service")
    const selectors = new Map(
      objects.map(({ resource, object }) => [`${resource.namespace}/${labelOf(resource.name)}`, object.spec.selector]),
    )
    this.#services = [...services.keys()].map((id) => [id, selectors.get(id) ?? ownLabels(nameOf(id))] as const)
    this.#gateways = [...new Set([DEFAULT_GATEWAY, ...gateways.keys()])].map((id) => [id, gatewayLabels(id)] as const)
  }

  /** None where nothing is selected. */
  selected(namespace: string, spec: Selecting, write: Write): Selected {
    const refs = spec.targetRefs ?? (spec.targetRef ? [spec.targetRef] : [])
    if (refs.length > 0) {
      const keys = spec.targetRefs
        ? refs.map((_, index): Path => ["spec", "targetRefs", index])
        : [["spec", "targetRef"]]
      const found = refs.map((ref, index) => this.#referred(namespace, ref, keys[index]!, write))
      return {
        wholly: places(
          found.flatMap((one) => one.services),
          found.flatMap((one) => one.gateways),
        ),
        partly: [],
      }
    }
    const labels = spec.selector?.matchLabels ?? {}
    if (Object.keys(labels).length === 0) return { wholly: this.#allOf(namespace), partly: [] }
    return this.#labelled(namespace, labels, write)
  }

  #labelled(namespace: string, labels: Labels, write: Write): Selected {
    const isNear = (id: ServiceId | GatewayId) => namespace === ROOT_NAMESPACE || homeOf(id) === namespace
    const choose = <T extends ServiceId | GatewayId>(all: readonly (readonly [T, Labels])[], test: typeof isWithin) =>
      all.filter(([id, own]) => isNear(id) && test(labels, own)).map(([id]) => id)
    const wholly = places(choose(this.#services, isWithin), choose(this.#gateways, isWithin))
    const some = choose(this.#services, mayHave)
    if (some.length > 0) {
      const message = `Whether the pods of ${quote(some.join('", "'))} have all of these labels cannot be known here: what refuses holds for all of them, and what allows lets nobody in`
      write(["spec", "selector"], "unsupported", "Accepted", "UnsupportedValue", message)
    } else if (wholly.length === 0) {
      const message = "No service and no gateway has these labels: it holds nowhere"
      write(["spec", "selector"], "invalid", "Accepted", "NoMatchingWorkload", message)
    }
    return { wholly, partly: places(some, []) }
  }

  #allOf(namespace: string): Target[] {
    if (namespace === ROOT_NAMESPACE) return [{ of: "mesh" }]
    const gateways = this.#gateways.map(([id]) => id).filter((id) => homeOf(id) === namespace)
    return [{ of: "namespace", namespace: namespace as Namespace }, ...places([], gateways)]
  }

  #referred(
    namespace: string,
    { group = "", kind, name, namespace: other }: TargetRef,
    path: Path,
    write: Write,
  ): { services: ServiceId[]; gateways: GatewayId[] } {
    const id = `${namespace}/${labelOf(name)}`
    const isOwn = other === undefined || other === namespace
    if (isOwn && group === "" && kind === "Service") {
      const services = this.#services.filter(([one]) => one === id).map(([one]) => one)
      if (services.length > 0) return { services, gateways: [] }
    }
    if (isOwn && group === GATEWAY_GROUP && kind === "Gateway") {
      const gateways = this.#gateways.filter(([one]) => one === id).map(([one]) => one)
      if (gateways.length > 0) return { services: [], gateways }
    }
    if (group === GATEWAY_GROUP && kind === "GatewayClass" && namespace === ROOT_NAMESPACE) {
      return { services: [], gateways: this.#gateways.map(([one]) => one) }
    }
    const what = `${group === "" ? kind : `${group}/${kind}`} ${other ?? namespace}/${name}`
    write(path, "invalid", "Accepted", "TargetNotFound", `There is no ${quote(what)} that this could be about`)
    return { services: [], gateways: [] }
  }
}

function ownLabels(name: string): Labels {
  return { app: name, "app.kubernetes.io/name": name, "service.istio.io/canonical-name": name }
}

function gatewayLabels(id: GatewayId): Labels {
  const name = nameOf(id)
  return {
    istio: "ingressgateway",
    app: "istio-ingressgateway",
    "gateway.networking.k8s.io/gateway-name": name,
    "istio.io/gateway-name": name,
  }
}

function homeOf(id: ServiceId | GatewayId): string {
  return (id as string) === DEFAULT_GATEWAY ? ROOT_NAMESPACE : namespaceOf(id)
}

function isWithin(wanted: Labels, labels: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
}

/** Some of the labels are there, of the others nothing is known. */
function mayHave(wanted: Labels, labels: Labels): boolean {
  const known = Object.entries(wanted).filter(([key]) => Object.hasOwn(labels, key))
  const isPart = known.length > 0 && known.length < Object.keys(wanted).length
  return isPart && known.every(([key, value]) => labels[key] === value)
}

/** As many targets as their lists need. */
function places(services: readonly ServiceId[], gateways: readonly GatewayId[]): Target[] {
  const max = LIMITS.targetsMax
  const distinct = <T extends string>(ids: readonly T[]) => [...new Set(ids)].sort()
  const [all, doors] = [distinct(services), distinct(gateways)]
  const count = Math.ceil(Math.max(all.length, doors.length) / max)
  return Array.from({ length: count }, (_, index): Target => {
    const part = <T>(ids: readonly T[]) => ids.slice(index * max, (index + 1) * max)
    return { of: "places", services: part(all), gateways: part(doors) }
  })
}
