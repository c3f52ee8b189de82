/**
 * What changes the mesh: apply, roll back, remove. All three draft the mesh's next content from the head and commit it
 * against that head. Whoever was slower drafts again, unless he said by If-Match which head he means.
 */
import { compile } from "#shared/config/compile.ts"
import { type LintInput, lint, newFindings } from "#shared/config/lint.ts"
import { plan } from "#shared/config/plan.ts"
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Finding, Problem } from "#shared/model/problem.ts"
import { decode, digest } from "#shared/model/snapshot-codec.ts"
import type { Applied, ApplyRequest, Change, Note, Plan, RollbackRequest } from "#shared/protocol/control-api.ts"
import type { RevisionSummary } from "#shared/protocol/route-table.ts"
import { parseLocalOrigins } from "#shared/std/egress.ts"
import { sha256 } from "./auth.ts"
import { type Call, reply } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"
import { changedChecks } from "./health.ts"
import { cleanMessage } from "./input.ts"
import { EMPTY, encodeResources, type MeshAt, readHead, readRevision, routeTable } from "./mesh.ts"
import { problem } from "./problems.ts"

/** The mesh's next content, made from one head. */
interface Draft {
  readonly resources: readonly Resource[]
  readonly text: string
  readonly changes: readonly Change[]
  readonly message: string
  readonly notes?: readonly Note[]
  readonly findings?: readonly Finding[]
  readonly rollbackOf?: number
}

type AnyCall = Call<unknown, unknown, unknown>
type MakeDraft = (head: MeshAt) => Draft | Response | Promise<Draft | Response>
export type ResourceKey = { readonly kind: string; readonly namespace: string; readonly name: string }

/** What an apply would do. */
export async function dryRun(call: Call<object, object, ApplyRequest>): Promise<Response> {
  const head = await readHead(call.env)
  const draft = drafted(call.env, head, call.body)
  if (draft instanceof Response) return draft
  return reply<Plan>({ head: head.revision, changes: draft.changes, ...noted(draft) }, { head: head.revision })
}

export function apply(call: Call<object, object, ApplyRequest>): Promise<Response> {
  return change(call, (head) => drafted(call.env, head, call.body))
}

export function rollBack(call: Call<object, object, RollbackRequest>): Promise<Response> {
  return change(call, async (head) => {
    const target = await readRevision(call.env, call.body.to)
    if (!target) return problem(404, `There is no revision ${call.body.to}.`)
    return restored(call.env, head, target, call.body.message)
  })
}

export function removeResource(call: Call<ResourceKey, object, undefined>): Promise<Response> {
  const { kind, namespace, name } = call.params
  return change(call, (head) => {
    const rest = head.resources.filter((r) => r.kind !== kind || r.namespace !== namespace || r.name !== name)
    if (rest.length === head.resources.length) return problem(404, `There is no ${kind} ${namespace}/${name}.`)
    return compiled(call.env, head, rest, { documents: [], prune: false }, `Remove ${kind} ${namespace}/${name}`)
  })
}

/** The key under which a change is remembered: the same request by the same caller, and nothing else. */
async function idempotencyKey(call: AnyCall): Promise<{ key: string; given: boolean } | Response> {
  const header = call.request.headers.get("idempotency-key")
  if (header === null) return { key: crypto.randomUUID(), given: false }
  if (!/^[\x21-\x7e]+$/.test(header) || header.length > LIMITS.idempotencyKeyCharsMax) {
    return problem(400, `Idempotency-Key must be 1 to ${LIMITS.idempotencyKeyCharsMax} printable ASCII characters.`)
  }
  const { method, url } = call.request
  const parts = [call.caller.name, method, new URL(url).pathname, header, call.text]
  return { key: await sha256(JSON.stringify(parts)), given: true }
}

/** The revision that If-Match names, undefined without one. */
function expectedRevision(request: Request): number | undefined | Response {
  const header = request.headers.get("if-match")
  if (header === null) return undefined
  const [, digits] = /^"(\d{1,15})"$/.exec(header) ?? []
  return digits === undefined ? problem(400, 'If-Match must be one ETag of this API, such as "12".') : Number(digits)
}

async function change(call: AnyCall, make: MakeDraft): Promise<Response> {
  const expected = expectedRevision(call.request)
  if (expected instanceof Response) return expected
  const idempotency = await idempotencyKey(call)
  if (idempotency instanceof Response) return idempotency
  const { key, given } = idempotency
  // Before If-Match: the first request may have moved the head itself, and only its answer got lost.
  const earlier = given ? await routeTable(call.env).committed(key) : undefined
  if (earlier) return repeat(call, earlier)

  for (let attempt = 1; attempt <= LIMITS.applyAttemptsMax; attempt++) {
    const head = await readHead(call.env)
    if (expected !== undefined && expected !== head.revision) return mismatch(head.revision)
    const draft = await make(head)
    if (draft instanceof Response) return draft
    const hash = await digest(draft.text)
    if (draft.changes.length === 0 && (hash === head.digest || head.revision === 0)) {
      return applied(call.env, {
        head: head.revision,
        changes: [],
        ...noted(draft),
        revision: head.revision,
        digest: hash,
      })
    }
    const result = await routeTable(call.env).commit({
      expected: head.revision,
      idempotencyKey: key,
      documents: encodeResources(draft.resources),
      snapshot: draft.text,
      digest: hash,
      author: call.caller.name,
      message: draft.message,
      ...(draft.rollbackOf !== undefined && { rollbackOf: draft.rollbackOf }),
      ...countsOf(draft.changes),
      checks: changedChecks(head.text, draft.text),
    })
    if (result.outcome === "repeated") return repeat(call, result.revision)
    if (result.outcome === "committed") {
      const { revision } = result.revision
      return applied(call.env, { head: head.revision, changes: draft.changes, ...noted(draft), revision, digest: hash })
    }
  }
  const head = await readHead(call.env)
  return problem(409, "Others change the mesh at the same time; try again.", { head: head.revision })
}

function drafted(env: ControlEnv, head: MeshAt, request: ApplyRequest): Draft | Response {
  const options = { documents: request.documents, prune: request.prune ?? false }
  const draft = compiled(env, head, head.resources, options, request.message)
  if (draft instanceof Response || draft.resources.length > 0 || head.resources.length === 0) return draft
  // An empty file or a wrong folder looks just like this (rule R17).
  return invalid([
    {
      path: "",
      rule: "empty-mesh",
      message: "the documents declare nothing, and pruning would remove everything from the mesh",
      hint: "remove the last resources one by one if that is what you want",
    },
  ])
}

function compiled(
  env: ControlEnv,
  head: MeshAt,
  from: readonly Resource[],
  options: { documents: ApplyRequest["documents"]; prune: boolean },
  message: string | undefined,
): Draft | Response {
  const localOrigins = parseLocalOrigins(env.WEFT_LOCAL_ORIGINS)
  const result = compile(from, { ...options, revision: head.revision + 1, localOrigins })
  if ("problems" in result) return invalid(result.problems)
  const { resources, snapshot, text, notes } = result
  const changes = plan(head.resources, resources)
  const findings = findingsOf(head, { resources, snapshot }, changes)
  return { resources, text, changes, notes, findings, message: cleanMessage(message, LIMITS.messageCharsMax) }
}

/** What the head had already, and the change does not touch, is not the change's to hear of. */
function findingsOf(head: MeshAt, after: LintInput, changes: readonly Change[]): Finding[] {
  const found = lint(after)
  const decoded = found.length === 0 || head.text === "" ? undefined : decode(head.text)
  const known = decoded && "snapshot" in decoded ? lint({ resources: head.resources, snapshot: decoded.snapshot }) : []
  return newFindings(known, found, changes)
}

/** The target's very content, unless its snapshot is of a format that proxies no longer read: then it is compiled anew. */
function restored(env: ControlEnv, head: MeshAt, target: MeshAt, message: string | undefined): Draft | Response {
  const draft =
    "reason" in decode(target.text)
      ? compiled(env, head, target.resources, { documents: [], prune: false }, message)
      : {
          resources: target.resources,
          text: target.text,
          changes: plan(head.resources, target.resources),
          message: cleanMessage(message, LIMITS.messageCharsMax),
        }
  return draft instanceof Response ? draft : { ...draft, rollbackOf: target.revision }
}

/** The answer that the first request of this key had, but for notes. */
async function repeat(call: AnyCall, earlier: RevisionSummary): Promise<Response> {
  const { revision, digest } = earlier
  const [before = EMPTY, after = EMPTY] = await Promise.all([
    readRevision(call.env, revision - 1),
    readRevision(call.env, revision),
  ])
  const changes = plan(before.resources, after.resources)
  const decoded = decode(after.text)
  const findings = "snapshot" in decoded ? findingsOf(before, { ...after, ...decoded }, changes) : []
  return applied(call.env, { head: revision - 1, changes, ...(findings.length > 0 && { findings }), revision, digest })
}

/** Most changes have nothing to say here. */
function noted({ notes, findings }: Draft): Pick<Plan, "notes" | "findings"> {
  return { ...(notes?.length && { notes }), ...(findings?.length && { findings }) }
}

/** With what lets whoever applied it ask for the revision or a newer one. */
async function applied(env: ControlEnv, value: Omit<Applied, "consistencyToken">): Promise<Response> {
  if (value.revision === 0) return reply<Applied>(value, { head: 0 })
  const consistencyToken = await routeTable(env).consistencyToken(value.revision)
  return reply<Applied>({ ...value, consistencyToken }, { head: value.revision })
}

function mismatch(head: number): Response {
  return problem(412, `The mesh is at revision ${head}.`, { head, headers: { etag: `"${head}"` } })
}

function invalid(problems: readonly Problem[]): Response {
  const detail = problems.length === 1 ? "There is 1 problem." : `There are ${problems.length} problems.`
  return problem(422, detail, { problems })
}

function countsOf(changes: readonly Change[]): { added: number; changed: number; removed: number } {
  const count = (action: Change["action"]) => changes.filter((change) => change.action === action).length
  return { added: count("add"), changed: count("change"), removed: count("remove") }
}
