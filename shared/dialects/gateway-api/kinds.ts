/** The kinds of objects that become resources, and what distinguishes them. */
import type { Resource } from "#shared/model/document.ts"
import type { Metadata } from "./types.ts"

export const GATEWAY_GROUP = "gateway.networking.k8s.io"

export interface ResourceKind {
  readonly group: string
  /**
   * The resource's kind. A Gateway is a gateway of the mesh like a native one; a Service of Kubernetes only gives a backend
   * its name, and stands beside the native Service that says where the backend is.
   */
  readonly resource: string
  /** It stands in no namespace; as a resource it is kept in the default one. */
  readonly clusterWide?: true
}

export const RESOURCE_KINDS: { readonly [kind: string]: ResourceKind | undefined } = {
  Gateway: { group: GATEWAY_GROUP, resource: "Gateway" },
  HTTPRoute: { group: GATEWAY_GROUP, resource: "HTTPRoute" },
  GRPCRoute: { group: GATEWAY_GROUP, resource: "GRPCRoute" },
  ReferenceGrant: { group: GATEWAY_GROUP, resource: "ReferenceGrant" },
  Service: { group: "", resource: "CoreService" },
  Namespace: { group: "", resource: "Namespace", clusterWide: true },
}

/** `gateway.networking.k8s.io/v1` -> its group; the core group is "". */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/")
  return slash < 0 ? "" : apiVersion.slice(0, slash)
}

/** A resource with the object that it was read from. */
export interface Held<T> {
  readonly resource: Resource
  readonly object: T
}

export function heldOf<T extends { kind: string; metadata: Metadata }>(
  resources: readonly Resource[],
  kind: T["kind"],
): Held<T>[] {
  const row = RESOURCE_KINDS[kind]
  return resources.flatMap((resource) => {
    const object = resource.spec as (T & { apiVersion?: string }) | undefined
    return resource.kind === row?.resource && typeof object?.apiVersion === "string" ? [{ resource, object }] : []
  })
}
