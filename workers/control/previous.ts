/** Where going back leads to, when nobody says where. */
import type { RevisionSummary } from "#shared/protocol/route-table.ts"
import type { ControlEnv } from "./env.ts"
import { type MeshAt, routeTable } from "./mesh.ts"

/** A chain of rollbacks of rollbacks longer than this is looked into no further. */
const STEPS_MAX = 100

/**
 * The revision whose content came before the head's. Going back twice goes further back, never forth again to what was just
 * undone: in an emergency the same request may be sent twice, by two people or by one whose answer got lost.
 *
 *   1  2  3  4 (restores 2)  5      from 5 to 2; then, from 6 (restores 2), to 1
 */
export async function previousOf(env: ControlEnv, head: MeshAt): Promise<number | undefined> {
  if (!head.summary) return undefined
  const written = await originOf(env, head.summary)
  const before = written && (await summaryOf(env, written.revision - 1))
  return before && (await originOf(env, before))?.revision
}

/** The revision in which this one's content was written. */
async function originOf(env: ControlEnv, summary: RevisionSummary): Promise<RevisionSummary | undefined> {
  let origin: RevisionSummary | undefined = summary
  for (let step = 0; origin?.rollbackOf !== undefined && step < STEPS_MAX; step++) {
    origin = await summaryOf(env, origin.rollbackOf)
  }
  return origin?.rollbackOf === undefined ? origin : undefined
}

async function summaryOf(env: ControlEnv, revision: number): Promise<RevisionSummary | undefined> {
  if (revision < 1) return undefined
  const [summary] = await routeTable(env).history({ before: revision + 1, limit: 1 })
  return summary?.revision === revision ? summary : undefined
}
