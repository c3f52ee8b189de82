/** Where a described request would go, by the head or by an earlier revision. */
import { explain } from "#shared/exchange/explain.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { decode } from "#shared/model/snapshot-codec.ts"
import type { Explained, ExplainRequest } from "#shared/protocol/explain.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"
import { type Call, reply } from "./endpoint.ts"
import { readHead, readRevision } from "./mesh.ts"
import { type Bounds, limitsOf, visibleIds } from "./namespaces.ts"
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
  const by = { revision: mesh.revision, snapshot: decoded.snapshot, nowMs: Date.now(), ...(bindings && { bindings }) }
  const story = explain(by, request)
  const told = call.caller.namespaces ? ownStory(call.caller, story) : story
  return told instanceof Response ? told : reply<Explained>(told, revision === undefined ? { head: mesh.revision } : {})
}

/** A story that leads through other namespaces is not this caller's to hear; of the matches beside it only his own are named. */
function ownStory(caller: Bounds, story: Explained): Explained | Response {
  const rules = (story.shares ?? []).map(({ rule }) => rule)
  const backends = story.branches.map(({ backend }) => backend)
  const led = [story.winner?.route, ...rules, ...backends].filter((id) => id !== undefined)
  if (visibleIds(caller, led, (id) => id).length < led.length) {
    return problem(403, `${limitsOf(caller)} Where this request goes is decided elsewhere.`)
  }
  const others = visibleIds(caller, story.others, ({ route }) => route)
  return { ...story, others, more: story.more + story.others.length - others.length }
}

/** Isolates that say nothing of their bindings prove nothing. */
function bindingsOf(isolates: readonly IsolateStatus[]): ReadonlySet<string> | undefined {
  const told = isolates.flatMap(({ bindings }) => (bindings ? [bindings] : []))
  return told.length === 0 ? undefined : new Set(told.flat())
}
