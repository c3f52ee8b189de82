/** Services: where each of them, and each of their subsets, is reached. */
import type { ServiceDocument, SubsetDocument } from "#shared/model/document.ts"
import type { IdentityDocument, ListedEndpointDocument } from "#shared/model/endpoint-document.ts"
import { DEFAULT_NAMESPACE, type SubsetName, serviceId } from "#shared/model/names.ts"
import { type Endpoint, placeOf, type Service, type Subset } from "#shared/model/service.ts"
import type { EndpointIdentity } from "#shared/model/workload-identity.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import type { Step } from "#shared/std/steps.ts"
import { reservedBinding } from "./checks.ts"
import { complain, type Report } from "./complaint.ts"
import type { ResourceKey } from "./parse.ts"
import { resolveProtection } from "./resolve-breaker.ts"
import { resolveHealth } from "./resolve-health.ts"
import { resolveUpstream } from "./resolve-upstream.ts"
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
  const written: { endpoint: Endpoint; path: readonly Step[] }[] = []
  const base = derivedBinding(resource.namespace, resource.name)

  function endpointsOf(place: SubsetDocument, binding: string, path: readonly Step[]): Endpoint[] {
    const endpoints = (place.endpoints ?? [place]).map((endpoint, index) => {
      const at = place.endpoints ? [...path, "endpoints", index] : path
      const resolved = endpointOf(endpoint, binding)
      written.push({ endpoint: resolved, path: at })
      if (endpoint.binding !== undefined || endpoint.url !== undefined) return resolved
      derived.push({ binding, path: at })
      const reserved = reservedBinding(binding)
      if (reserved) report(at, { ...reserved, hint: 'name the binding with "binding"' })
      return resolved
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
  const health = resolveHealth(document, written, report)
  const policy = {
    ...resolveUpstream(document, written, report),
    ...resolveProtection(resource.namespace, document, report),
    ...(health && { health }),
  }
  const id = serviceId(resource.namespace, resource.name)
  return { service: { id, endpoints, subsets, ...(Object.keys(policy).length > 0 && { policy }) }, derived }
}

/** `orders` -> `ORDERS`; in the namespace `team-a` -> `TEAM_A__ORDERS`. */
export function derivedBinding(namespace: string, name: string): string {
  return `${bindingPrefix(namespace)}${upper(name)}`
}

/** What the derived bindings of a namespace begin with: nothing in the default one. */
export function bindingPrefix(namespace: string): string {
  return namespace === DEFAULT_NAMESPACE ? "" : `${upper(namespace)}__`
}

function upper(name: string): string {
  return name.toUpperCase().replaceAll("-", "_")
}

function endpointOf(document: ListedEndpointDocument, derived: string): Endpoint {
  const { weight, region } = document
  const shared = { ...(weight !== undefined && { weight }), ...(region !== undefined && { region }) }
  if (document.url !== undefined) return { ...outside(document.url, document), ...shared }
  const binding = document.binding ?? derived
  if (document.worker !== undefined) return { kind: "dispatch", binding, worker: document.worker, ...shared }
  if (!document.version) return { kind: "binding", binding, ...shared }
  const { worker, id } = document.version
  return { kind: "binding", binding, version: { worker, versionId: id }, ...shared }
}

function outside(url: string, { identity, mtls }: ListedEndpointDocument): Endpoint {
  const told = identity && { identity: identityOf(identity, url) }
  return { kind: "url", url: canonicalUrl(url), ...told, ...(mtls !== undefined && { mtls }) }
}

function identityOf(
  { audience, header = HEADER.identity, whenUnavailable = "deny" }: IdentityDocument,
  url: string,
): EndpointIdentity {
  return { audience: audience ?? new URL(url).origin, header: header.toLowerCase(), whenUnavailable }
}

function reportDuplicates(endpoints: readonly Endpoint[], path: readonly Step[], report: Report): void {
  const seen = new Map<string, number>()
  for (const [index, endpoint] of endpoints.entries()) {
    const place = placeOf(endpoint)
    const first = seen.get(place)
    if (first !== undefined) {
      report([...path, index], complain("duplicate-endpoint", `This is the same place as endpoint ${first}`))
    }
    seen.set(place, index)
  }
}
