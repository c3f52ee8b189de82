/** A service of the mesh (the field's "cluster") and the places its requests can be sent to. */
import type { ServiceId, SubsetName } from "./names.ts"
import type { ServicePolicy } from "./policy.ts"
import type { EndpointIdentity } from "./workload-identity.ts"

/** A service: its endpoints, and its subsets (v1, v2, canary), each a service's labelled part with endpoints of its own. */
export interface Service {
  readonly id: ServiceId
  /** Where requests go that name no subset. */
  readonly endpoints: readonly Endpoint[]
  readonly subsets: { readonly [subset in SubsetName]: Subset }
  readonly policy?: ServicePolicy
}

export interface Subset {
  readonly name: SubsetName
  readonly endpoints: readonly Endpoint[]
}

/** One place to send a request to. */
export type Endpoint = Destination & {
  /** Share of the requests against the other endpoints; absent: 1. */
  readonly weight?: number
  /** One of the regions of the service's balancer. */
  readonly region?: string
}

/** `kind` is the technical kind of the destination. */
type Destination =
  /** A service binding of the proxy Worker, by the binding's name in its wrangler config. */
  | { readonly kind: "binding"; readonly binding: string; readonly version?: VersionOverride }
  /** An `https:` (in local development also `http:`) origin; the request's path is appended to the URL's path. */
  | {
      readonly kind: "url"
      readonly url: string
      /** The endpoint is told who calls. */
      readonly identity?: EndpointIdentity
      /** A binding of the proxy that presents a client certificate to it. */
      readonly mtls?: string
    }
  /** A Worker of a dispatch namespace (Workers for Platforms), by the namespace binding's name and the Worker's name. */
  | { readonly kind: "dispatch"; readonly binding: string; readonly worker: string }

/** The place itself, whatever share of the requests it gets: equal texts are one place. */
export function placeOf(endpoint: Endpoint): string {
  if (endpoint.kind === "url") return endpoint.url
  const { binding } = endpoint
  if (endpoint.kind === "dispatch") return `${binding}/${endpoint.worker}`
  return endpoint.version ? `${binding}@${endpoint.version.worker}=${endpoint.version.versionId}` : binding
}

/** All places of a service, those of its subsets included, each once and in an order that only the service decides. */
export function endpointsOfAll({ endpoints, subsets }: Pick<Service, "endpoints" | "subsets">): readonly Endpoint[] {
  const all = [...endpoints, ...Object.values<Subset>(subsets).flatMap((subset) => subset.endpoints)]
  return [...new Map(all.map((endpoint) => [placeOf(endpoint), endpoint])).values()]
}

/** The binding of the proxy that an endpoint is reached by; undefined for a URL that any proxy reaches. */
export function bindingOf(endpoint: Endpoint): string | undefined {
  return endpoint.kind === "url" ? endpoint.mtls : endpoint.binding
}

/** All bindings of the proxy that a service needs. */
export function bindingsOf({ endpoints, subsets }: Pick<Service, "endpoints" | "subsets">): readonly string[] {
  const all = [...endpoints, ...Object.values<Subset>(subsets).flatMap((subset) => subset.endpoints)]
  return [...new Set(all.flatMap((endpoint) => bindingOf(endpoint) ?? []))]
}

/**
 * One version of a Worker with gradual deployments, chosen by the platform's version-override header.
 * Works for fetch only: the platform offers no override for RPC.
 */
export interface VersionOverride {
  readonly worker: string
  readonly versionId: string
}
