/** What the mesh is and was: revisions, their differences, and the resources they hold. */
import { notesOf } from "#shared/config/compile.ts"
import { isNative } from "#shared/config/dialect.ts"
import { keyText } from "#shared/config/merge.ts"
import { plan } from "#shared/config/plan.ts"
import { shown, shownChanges } from "#shared/config/secrets.ts"
import type { Note, Resource } from "#shared/model/document.ts"
import type { Plan, ResourceList, RevisionDetail, RevisionList } from "#shared/protocol/control-api.ts"
import { type Call, reply } from "./endpoint.ts"
import { readHead, readRevision, routeTable } from "./mesh.ts"
import { limitsOf, visible, within } from "./namespaces.ts"
import { problem } from "./problems.ts"

const PAGE = 50

export type RevisionsQuery = { readonly before?: number; readonly limit?: number }
export type DiffQuery = { readonly from: number; readonly to?: number }
export type ResourcesQuery = {
  readonly kind?: string
  readonly namespace?: string
  readonly name?: string
  readonly revision?: number
}

export async function listRevisions(call: Call<object, RevisionsQuery, undefined>): Promise<Response> {
  const { before, limit = PAGE } = call.query
  const table = routeTable(call.env)
  const [revisions, head] = await Promise.all([
    table.history({ limit, ...(before !== undefined && { before }) }),
    table.head(),
  ])
  return reply<RevisionList>({ revisions }, { head: head?.revision ?? 0 })
}

export async function showRevision(call: Call<{ revision: number | "head" }, object, undefined>): Promise<Response> {
  const { revision } = call.params
  const found = revision === "head" ? await readHead(call.env) : await readRevision(call.env, revision)
  if (!found?.summary) {
    return problem(404, revision === "head" ? "There is no revision yet." : `There is no revision ${revision}.`)
  }
  const detail = { ...found.summary, resources: visible(call.caller, found.resources).map(shown) }
  // A numbered revision never changes: only `head` depends on the head.
  return reply<RevisionDetail>(detail, revision === "head" ? { head: found.revision } : {})
}

export async function diff(call: Call<object, DiffQuery, undefined>): Promise<Response> {
  const head = await readHead(call.env)
  const before = await readRevision(call.env, call.query.from)
  const after = call.query.to === undefined ? head : await readRevision(call.env, call.query.to)
  if (!before) return problem(404, `There is no revision ${call.query.from}.`)
  if (!after) return problem(404, `There is no revision ${call.query.to}.`)
  const changes = shownChanges(visible(call.caller, plan(before.resources, after.resources)))
  return reply<Plan>({ head: head.revision, changes }, { head: head.revision })
}

export async function listResources(call: Call<object, ResourcesQuery, undefined>): Promise<Response> {
  const { kind, namespace, name, revision } = call.query
  if (namespace !== undefined && !within(call.caller, namespace)) return problem(403, limitsOf(call.caller))
  const mesh = revision === undefined ? await readHead(call.env) : await readRevision(call.env, revision)
  if (!mesh) return problem(404, `There is no revision ${revision}.`)
  const resources = visible(call.caller, mesh.resources).filter(
    (resource) =>
      (kind === undefined || resource.kind === kind) &&
      (namespace === undefined || resource.namespace === namespace) &&
      (name === undefined || resource.name === name),
  )
  return reply<ResourceList>(
    { revision: mesh.revision, resources: resources.map(shown), ...notesAbout(resources, mesh.resources) },
    revision === undefined ? { head: mesh.revision } : {},
  )
}

/** What became of those of the resources that are written in another system's language. */
function notesAbout(chosen: readonly Resource[], all: readonly Resource[]): { notes?: Note[] } {
  const foreign = new Set(chosen.filter((resource) => !isNative(resource)).map(keyText))
  return foreign.size === 0 ? {} : { notes: notesOf(all).filter((note) => foreign.has(keyText(note))) }
}
