/** From a snapshot as the network brought it to routes that requests can be served by. */
import { AccessTable } from "#shared/identity/access.ts"
import { trustedPeers } from "#shared/identity/client-address.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Gateway } from "#shared/model/route.ts"
import { isEmptyMesh, isUnmeant, type Published, type Snapshot } from "#shared/model/snapshot.ts"
import { decode, digest } from "#shared/model/snapshot-codec.ts"
import type { RefusedRevision } from "#shared/protocol/route-table.ts"
import { limitsApart, servicesApart } from "#shared/rollout/apart.ts"
import { compile } from "#shared/routing/table.ts"
import type { Routes } from "./mesh.ts"

/** Or why the snapshot cannot be served. */
export async function compiled(
  published: Published,
  nowMs: number,
  current?: Routes,
  /** They are a candidate's, beside these. */
  stable?: Routes,
): Promise<Routes | RefusedRevision> {
  const { revision, text, digest: expected } = published
  if ((await digest(text)) !== expected) {
    return { revision, reason: "the content does not have the digest it was published with", damaged: true }
  }
  const decoded = decode(text)
  if ("reason" in decoded) return { revision, reason: decoded.reason }
  const snapshot = stable ? besides(decoded.snapshot, stable, revision) : decoded.snapshot
  if (isUnmeant(snapshot) && !current?.isEmpty) {
    return { revision, reason: "it has no services and no routes, and nobody confirmed that this is meant" }
  }
  try {
    const services = new Map(snapshot.services.map((service) => [service.id, service]))
    return {
      ...{ revision, isEmpty: isEmptyMesh(snapshot), digest: expected, newUntilMs: nowMs + LIMITS.floorToldMs },
      isTraced: snapshot.routes.some(({ rules }) => rules.some(({ tracing }) => tracing !== undefined)),
      ...{ isCandidate: stable !== undefined, candidate: undefined, written: snapshot.routes },
      table: compile(snapshot),
      services,
      apart: stable && servicesApart(stable.services, services),
      authentications: snapshot.authentications,
      access: snapshot.policies && new AccessTable(snapshot.policies),
      trustedPeers: peersOf(snapshot.gateways),
    }
  } catch (error) {
    // The shape was right, and still it cannot be served: a bug, and no reason to stop serving what was served before.
    return { revision, reason: `it cannot be compiled: ${error instanceof Error ? error.message : error}` }
  }
}

function besides(snapshot: Snapshot, { written }: Routes, revision: number): Snapshot {
  return { ...snapshot, routes: limitsApart(written, snapshot.routes, revision) }
}

function peersOf(gateways: readonly Gateway[]): Routes["trustedPeers"] {
  const trusting = gateways.flatMap(({ id, clientAddress }) =>
    clientAddress ? [[id, trustedPeers(clientAddress)] as const] : [],
  )
  return trusting.length > 0 ? new Map(trusting) : undefined
}
