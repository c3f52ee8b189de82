/** Services: where each of them, and each of their subsets, is reached. */
import type { EndpointDocument, ServiceDocument, SubsetDocument } from "#shared/model/document.ts"
import { DEFAULT_NAMESPACE, type SubsetName, serviceId } from "#shared/model/names.ts"
import type { Endpoint, Service, Subset } from "#shared/model/service.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import type { Step } from "#shared/std/steps.ts"
import { reservedBinding } from "./checks.ts"
import { complain, type Report } from "./complaint.ts"
import type { ResourceKey } from "./parse.ts"
import { canonicalUrl } from "./url.ts"

/** A binding that nobody wrote down, with what it stands for. */
export interface DerivedBinding {
  readonly binding: string
  readonly path: readonly Step[]
}

export interface ResolvedService {
  readonly service: Service
  readonly derived: readonly DerivedBinding[]
}

export function resolveService(resource: ResourceKey, document: ServiceDocument, report: Report): ResolvedService {
  const derived: DerivedBinding[] = []
  const base = derivedBinding(resource.namespace, resource.name)

  function endpointsOf(place: SubsetDocument, binding: string, path: readonly Step[]): Endpoint[] {
    const endpoints = (place.endpoints ?? [place]).map((endpoint, index) => {
      const at = place.endpoints ? [...path, "endpoints", index] : path
      if (endpoint.binding !== undefined || endpoint.url !== undefined) return endpointOf(endpoint, binding)
      derived.push({ binding, path: at })
      const reserved = reservedBinding(binding)
      if (reserved) report(at, { ...reserved, hint: 'name the binding with "binding"' })
      return endpointOf(endpoint, binding)
    })
    reportDuplicates(endpoints, [...path, "endpoints"], report)
    return endpoints
  }

  const endpoints = endpointsOf(document, base, [])
  const subsets: Record<string, Subset> = {}
  for (const [name, subset] of Object.entries(document.subsets ?? {})) {
    const binding = `${base}_${upper(name)}`
    subsets[name] = { name: name as SubsetName, endpoints: endpointsOf(subset, binding, ["subsets", name]) }
  }
  return { service: { id: serviceId(resource.namespace, resource.name), endpoints, subsets }, derived }
}

/** `orders` -> `ORDERS`; in the namespace `team-a` -> `TEAM_A__ORDERS`. */
export function derivedBinding(namespace: string, name: string): string {
  return namespace === DEFAULT_NAMESPACE ? upper(name) : `${upper(namespace)}__${upper(name)}`
}

function upper(name: string): string {
  return name.toUpperCase().replaceAll("-", "_")
}

function endpointOf(document: EndpointDocument, derived: string): Endpoint {
  if (document.url !== undefined) return { kind: "url", url: canonicalUrl(document.url) }
  const binding = document.binding ?? derived
  if (document.worker !== undefined) return { kind: "dispatch", binding, worker: document.worker }
  if (!document.version) return { kind: "binding", binding }
  const { worker, id } = document.version
  return { kind: "binding", binding, version: { worker, versionId: id } }
}

function reportDuplicates(endpoints: readonly Endpoint[], path: readonly Step[], report: Report): void {
  const seen = new Map<string, number>()
  for (const [index, endpoint] of endpoints.entries()) {
    const first = seen.get(canonicalJson(endpoint))
    if (first !== undefined) {
      report([...path, index], complain("duplicate-endpoint", `This is the same place as endpoint ${first}`))
    }
    seen.set(canonicalJson(endpoint), index)
  }
}
