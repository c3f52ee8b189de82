/** Where a described request would go, by the head or by an earlier revision. */
import { explain } from "#shared/exchange/explain.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { decode } from "#shared/model/snapshot-codec.ts"
import type { Explained, ExplainRequest } from "#shared/protocol/explain.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"
import { type Call, reply } from "./endpoint.ts"
import { readHead, readRevision } from "./mesh.ts"
import { problem } from "./problems.ts"
import { askWitnesses, isolatesOf } from "./witnesses.ts"

const EMPTY: Snapshot = { format: 1, services: [], gateways: [], routes: [] }

export async function explainRequest(call: Call<object, object, ExplainRequest>): Promise<Response> {
  const { request, revision } = call.body
  const [mesh, witnesses] = await Promise.all([
    revision === undefined ? readHead(call.env) : readRevision(call.env, revision),
    askWitnesses(call.env),
  ])
  if (!mesh) return problem(404, `There is no revision ${revision}.`)
  const decoded = mesh.text === "" ? { snapshot: EMPTY } : decode(mesh.text)
  if ("reason" in decoded) {
    return problem(409, `Revision ${mesh.revision} cannot be read by this version: its snapshot is ${decoded.reason}.`)
  }
  const bindings = bindingsOf(isolatesOf(witnesses))
  const by = { revision: mesh.revision, snapshot: decoded.snapshot, ...(bindings && { bindings }) }
  return reply<Explained>(explain(by, request), revision === undefined ? { head: mesh.revision } : {})
}

/** Isolates that say nothing of their bindings prove nothing. */
function bindingsOf(isolates: readonly IsolateStatus[]): ReadonlySet<string> | undefined {
  const told = isolates.flatMap(({ bindings }) => (bindings ? [bindings] : []))
  return told.length === 0 ? undefined : new Set(told.flat())
}
