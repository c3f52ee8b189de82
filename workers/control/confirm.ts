/**
 * The second step of a change that takes much away: the first request is answered with what would go and a word that is good
 * for this very change of this very head; only the request that brings it is carried out.
 */
import { largeRemovals } from "#shared/config/removals.ts"
import { isEmptyMesh } from "#shared/model/snapshot.ts"
import { decode, digest } from "#shared/model/snapshot-codec.ts"
import type { Removal } from "#shared/protocol/control-api.ts"
import type { Draft } from "./drafts.ts"
import type { MeshAt } from "./mesh.ts"
import { type Bounds, visible } from "./namespaces.ts"
import { problem } from "./problems.ts"

const WORD_CHARS = 16

/** The word that a request brings; null without one. */
export function wordIn({ headers }: Request): string | null | Response {
  const word = headers.get("weft-confirm")
  if (word === null || /^[0-9a-f]{16}$/.test(word)) return word
  return problem(400, "Weft-Confirm must be the word of an answer that asked for it.")
}

/** The refusal of a change that has to be confirmed and is not; undefined when it may be carried out. */
export async function unconfirmed(
  head: MeshAt,
  draft: Draft,
  caller: Bounds,
  confirmed: string | null,
): Promise<Response | undefined> {
  const removals = largeRemovals(visible(caller, head.resources), draft.changes)
  const empties = draft.isEmpty && isFull(head)
  if (removals.length === 0 && !empties) return undefined
  const word = await wordFor(head, draft)
  if (confirmed === word) return undefined
  const stale = confirmed === null ? "" : "What you confirmed is not this change of this head. "
  const detail = `${stale}${describe(removals, empties)} Repeat the request with the header Weft-Confirm: ${word}`
  return problem(428, detail, { head: head.revision, confirm: { word, removals } })
}

/** Bound to the head, to what goes and to what comes of it. */
async function wordFor(head: MeshAt, { changes, text }: Draft): Promise<string> {
  const steps = changes.map(({ action, kind, namespace, name }) => [action, kind, namespace, name])
  const what = JSON.stringify([head.revision, head.digest, head.summary?.atMs, steps, await digest(text)])
  return (await digest(what)).slice(0, WORD_CHARS)
}

/** A head that this version cannot read is not known to be empty. */
function isFull({ revision, text }: MeshAt): boolean {
  const decoded = decode(text)
  return revision > 0 && !("snapshot" in decoded && isEmptyMesh(decoded.snapshot))
}

function describe(removals: readonly Removal[], empties: boolean): string {
  const parts = removals.map(({ kind, removed, of }) => `${removed} of ${of} of the kind ${kind}`)
  const emptied = empties ? " No service and no route would be left." : ""
  return parts.length === 0 ? emptied.trim() : `This removes ${parts.join(", ")}.${emptied}`
}
