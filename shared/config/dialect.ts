/**
 * Another system's language for the same things. Its objects are resources beside the native ones, in the same
 * apply; what they mean is worked out over all resources together, when the mesh is resolved.
 */
import type { AccessPolicy } from "#shared/model/access-policy.ts"
import type { Authentication } from "#shared/model/authentication.ts"
import type { Note, Resource } from "#shared/model/document.ts"
import type { GatewayId, ServiceId } from "#shared/model/names.ts"
import type { Gateway, Route } from "#shared/model/route.ts"
import type { Service } from "#shared/model/service.ts"
import type { Found } from "./issues.ts"
import type { Draft, ResourceKey } from "./parse.ts"
import type { ResolvedService } from "./resolve-service.ts"

export interface Dialect {
  /** Whether a document is written in it. */
  takes(content: unknown): boolean
  /** From a document of clean data. */
  read(content: unknown): Reading
  /** Objects that contradict one another are no problems: they are accepted, take effect as far as they can, and are noted. */
  translate(resources: readonly Resource[], native: NativeNames): Translation
}

export interface Reading {
  readonly resources: Draft[]
  readonly found: (Found & { readonly resource?: ResourceKey })[]
  readonly broken: ResourceKey[]
  /** What was read but is no resource. */
  readonly notes: Note[]
}

export interface NativeNames {
  readonly services: ReadonlyMap<ServiceId, Service | "broken">
  readonly gateways: ReadonlyMap<GatewayId, Gateway | "broken">
  /** Ids of routes. */
  readonly routes: ReadonlySet<string>
}

export interface Translation {
  /** Services that the objects name and nobody has declared natively. */
  readonly services: readonly (ResolvedService & { readonly resource: Resource })[]
  readonly gateways: readonly { readonly resource: Resource; readonly gateway: Gateway }[]
  /** `createdAtMs` says which of two routes of one revision is older. */
  readonly routes: readonly { readonly resource: Resource; readonly route: Route; readonly createdAtMs?: number }[]
  readonly policies?: readonly AccessPolicy[]
  readonly authentications?: readonly Authentication[]
  readonly notes: readonly Note[]
}

/** Whether a resource is written natively: kinds such as `Gateway` are those of several languages. */
export function isNative({ spec }: Pick<Resource, "spec">): boolean {
  return typeof spec !== "object" || spec === null || !("apiVersion" in spec)
}
