/** What a mesh is at one revision, as the data plane reads it: resolved, immutable, canonical JSON on the wire. */
import type { AccessPolicy } from "./access-policy.ts"
import type { Authentication } from "./authentication.ts"
import type { Gateway, Route } from "./route.ts"
import type { Service } from "./service.ts"

/** Rises when a proxy of an older format could misread a snapshot; a proxy refuses (NACKs) formats it does not know. */
export const SNAPSHOT_FORMATS = [1, 2] as const
export type SnapshotFormat = (typeof SNAPSHOT_FORMATS)[number]

/** What a proxy of format 1 would pass over in silence. */
export interface Security {
  /** Absent: none. */
  readonly authentications?: readonly Authentication[]
  /** Absent: none. */
  readonly policies?: readonly AccessPolicy[]
}

/** The least format that says all of it, so that a mesh without what came later is still served by older proxies. */
export function formatOf({ authentications, policies }: Security, routes: readonly Route[]): SnapshotFormat {
  return authentications || policies || routes.some(hasLaterConditions) ? 2 : 1
}

/** What a proxy that passes over them would take more requests by. */
function hasLaterConditions({ rules }: Route): boolean {
  return rules.some(({ matches }) =>
    matches.some(({ addresses, afterMs, beforeMs }) => (addresses ?? afterMs ?? beforeMs) !== undefined),
  )
}

/** The model of a whole mesh. Lists are sorted by id, so that equal meshes have equal bytes. */
export interface Snapshot extends Security {
  readonly format: SnapshotFormat
  readonly services: readonly Service[]
  readonly gateways: readonly Gateway[]
  readonly routes: readonly Route[]
  /** Without services and routes, and somebody confirmed that this is meant: what serves requests takes an empty mesh up only then. */
  readonly meantEmpty?: true
}

export function isEmptyMesh({ services, routes }: Pick<Snapshot, "services" | "routes">): boolean {
  return services.length === 0 && routes.length === 0
}

/** A mesh that would serve nobody, and nobody said that this is meant. */
export function isUnmeant(snapshot: Snapshot): boolean {
  return isEmptyMesh(snapshot) && !snapshot.meantEmpty
}

/** A snapshot with its place in history. `digest` is the SHA-256 of `text`, in lower-case hex. */
export interface Published {
  readonly revision: number
  readonly digest: string
  /** The snapshot's canonical JSON. */
  readonly text: string
}
