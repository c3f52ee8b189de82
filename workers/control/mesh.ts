/** Reads the mesh as it is at a revision: the documents and the snapshot compiled from them. */
import type { Resource } from "#shared/model/document.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { decode } from "#shared/model/snapshot-codec.ts"
import { MESH, type RevisionContent, type RevisionSummary } from "#shared/protocol/route-table.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import type { ControlEnv } from "./env.ts"

/** A revision with its content; number 0 is the empty mesh before the first. */
export interface MeshAt {
  readonly revision: number
  readonly summary: RevisionSummary | undefined
  readonly digest: string
  readonly resources: readonly Resource[]
  /** The snapshot's canonical text, empty at revision 0. */
  readonly text: string
}

export const EMPTY: MeshAt = { revision: 0, summary: undefined, digest: "", resources: [], text: "" }

/** The head read last: a revision's content never changes, so only its number has to be asked for. */
let newest: MeshAt = EMPTY

/** A stub is good for one request only, so that it is made anew each time. */
export function routeTable(env: ControlEnv) {
  return env.ROUTE_TABLE.getByName(MESH)
}

export async function readHead(env: ControlEnv): Promise<MeshAt> {
  const summary = await routeTable(env).head()
  if (!summary) return EMPTY
  // Of the summary, what became of it under guard is all that changes.
  if (isSame(newest.summary, summary)) return { ...newest, summary }
  const read = await readRevision(env, summary.revision)
  if (!read) throw new Error(`revision ${summary.revision} has no content`)
  newest = read
  return read
}

/** Undefined when there is no such revision. */
export async function readRevision(env: ControlEnv, revision: number): Promise<MeshAt | undefined> {
  if (revision === 0) return EMPTY
  const content = await routeTable(env).revision(revision)
  return content && open(content)
}

const NOTHING: Snapshot = { format: 1, services: [], gateways: [], routes: [] }

/** What a mesh's snapshot says: nothing before the first revision, and nothing where no proxy of this version could read it. */
export function snapshotOf({ text }: Pick<MeshAt, "text">): Snapshot {
  const decoded = decode(text)
  return "snapshot" in decoded ? decoded.snapshot : NOTHING
}

/** What documents are stored as. */
export function encodeResources(resources: readonly Resource[]): string {
  return canonicalJson({ resources })
}

/** The text is our own, written by `encodeResources`: it needs no checks. */
function open(content: RevisionContent): MeshAt {
  const { documents, snapshot, ...summary } = content
  const { resources } = JSON.parse(documents) as { resources: Resource[] }
  return { revision: summary.revision, summary, digest: summary.digest, resources, text: snapshot }
}

/** Number and digest alone could repeat in a mesh that was set up anew. */
function isSame(a: RevisionSummary | undefined, b: RevisionSummary): boolean {
  return a !== undefined && a.revision === b.revision && a.digest === b.digest && a.atMs === b.atMs
}
