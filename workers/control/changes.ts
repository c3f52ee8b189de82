/**
 * What changes the mesh: apply, roll back, remove. All three draft the mesh's next content from the head and commit it
 * against that head. Whoever was slower drafts again, unless he said by If-Match which head he means.
 */
import type { ResourceKey } from "#shared/config/parse.ts"
import { plan } from "#shared/config/plan.ts"
import { concernsAlerting } from "#shared/config/resolve-alerting.ts"
import { shownChanges } from "#shared/config/secrets.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { GuardRequest } from "#shared/model/rollout.ts"
import { decode, digest } from "#shared/model/snapshot-codec.ts"
import { ALERTS } from "#shared/protocol/alerts.ts"
import type { Applied, ApplyRequest, Plan, RollbackRequest } from "#shared/protocol/control-api.ts"
import type { RevisionSummary } from "#shared/protocol/route-table.ts"
import { sha256 } from "./auth.ts"
import { unconfirmed, wordIn } from "./confirm.ts"
import { baseOf, type Draft, drafted, findingsOf, noted, restored, without } from "./drafts.ts"
import { type Call, reply } from "./endpoint.ts"
import { changedChecks } from "./health.ts"
import { EMPTY, encodeResources, type MeshAt, readHead, readRevision, routeTable } from "./mesh.ts"
import { outside, visible } from "./namespaces.ts"
import { previousOf } from "./previous.ts"
import { problem } from "./problems.ts"
import { guardOf, underGuard } from "./rollouts.ts"

type AnyCall = Call<unknown, unknown, unknown>
type MakeDraft = (head: MeshAt) => Draft | Response | Promise<Draft | Response>

/** What an apply would do. */
export async function dryRun(call: Call<object, object, ApplyRequest>): Promise<Response> {
  const head = await readHead(call.env)
  const draft = drafted(baseOf(call, head), call.body)
  if (draft instanceof Response) return draft
  const changes = shownChanges(draft.changes)
  return reply<Plan>({ head: head.revision, changes, ...noted(draft, call.caller) }, { head: head.revision })
}

export function apply(call: Call<object, object, ApplyRequest>): Promise<Response> {
  const { guard } = call.body
  return change(call, (head) => drafted(baseOf(call, head), call.body), { ...(guard && { guard }) })
}

export function rollBack(call: Call<object, object, RollbackRequest>): Promise<Response> {
  const { to, message, force = false } = call.body
  const target = async (head: MeshAt): Promise<Draft | Response> => {
    const revision = to === "previous" ? await previousOf(call.env, head) : to
    if (revision === undefined) return problem(404, `There is no revision before ${head.revision} to go back to.`)
    call.audit.target = `revision ${revision}`
    const found = await readRevision(call.env, revision)
    return found ? restored(baseOf(call, head), found, message) : problem(404, `There is no revision ${revision}.`)
  }
  return change(call, target, { force, overrules: true })
}

export async function removeResource(call: Call<ResourceKey, object, undefined>): Promise<Response> {
  const { kind, namespace, name } = call.params
  // Before anything else: whether it is there is not for everybody to know.
  const refusal = outside(call.caller, [call.params], () => ({ path: "" }))
  if (refusal) return refusal
  return change(call, (head) => {
    const draft = without(baseOf(call, head), call.params)
    return draft ?? problem(404, `There is no ${kind} ${namespace}/${name}.`)
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

interface Manner {
  /** Without a second step. */
  readonly force?: boolean
  /** It ends a guarded apply that is under way. */
  readonly overrules?: boolean
  /** It goes out in stages. */
  readonly guard?: GuardRequest
}

async function change(call: AnyCall, make: MakeDraft, manner: Manner = {}): Promise<Response> {
  const { force = false, overrules = false, guard } = manner
  const expected = expectedRevision(call.request)
  if (expected instanceof Response) return expected
  const word = wordIn(call.request)
  if (word instanceof Response) return word
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
      call.audit.idle = true
      return applied(call, {
        head: head.revision,
        changes: [],
        ...restoring(draft),
        ...noted(draft, call.caller),
        revision: head.revision,
        digest: hash,
      })
    }
    const refusal = force ? undefined : await unconfirmed(head, draft, call.caller, word)
    if (refusal) return refusal
    const result = await routeTable(call.env).commit({
      expected: head.revision,
      idempotencyKey: key,
      documents: encodeResources(draft.resources),
      snapshot: draft.text,
      digest: hash,
      author: call.caller.name,
      message: draft.message,
      ...restoring(draft),
      ...countsOf(draft.changes),
      checks: [...checksOf(head, draft), ...(concernsAlerting(draft.changes) ? [ALERTS] : [])],
      overrules,
      ...(guard && { guard: guardOf(guard, draft.changes) }),
    })
    if (result.outcome === "guarded") return underGuard(result.revision)
    if (result.outcome === "repeated") return repeat(call, result.revision)
    if (result.outcome === "committed") {
      const { revision } = result.revision
      const { changes } = draft
      const from = { head: head.revision, changes, ...restoring(draft), ...noted(draft, call.caller) }
      const guarded = result.revision.guard === "running" ? { guarded: true as const } : {}
      return applied(call, { ...from, ...guarded, revision, digest: hash })
    }
  }
  const head = await readHead(call.env)
  return problem(409, "Others change the mesh at the same time; try again.", { head: head.revision })
}

/** The answer that the first request of this key had, but for notes. */
async function repeat(call: AnyCall, earlier: RevisionSummary): Promise<Response> {
  const { revision, digest, rollbackOf } = earlier
  const [before = EMPTY, after = EMPTY] = await Promise.all([
    readRevision(call.env, revision - 1),
    readRevision(call.env, revision),
  ])
  const changes = plan(before.resources, after.resources)
  const decoded = decode(after.text)
  // What was restored has no findings: nobody looked at it then either.
  const isNew = rollbackOf === undefined && "snapshot" in decoded
  const findings = isNew ? findingsOf(before, { ...after, ...decoded }, changes) : []
  const from = { head: revision - 1, changes, ...restoring(earlier), ...noted({ findings }, call.caller) }
  const guarded = earlier.guard === "running" ? { guarded: true as const } : {}
  return applied(call, { ...from, ...guarded, revision, digest })
}

/** Whom a change concerns of those who check the health of services. A head that makes no sense is no reason not to leave it. */
function checksOf(head: MeshAt, draft: Draft): string[] {
  try {
    return changedChecks(head.text, draft.text)
  } catch {
    return changedChecks("", draft.text)
  }
}

function restoring({ rollbackOf }: Pick<RevisionSummary, "rollbackOf">): Pick<Applied, "rollbackOf"> {
  return rollbackOf === undefined ? {} : { rollbackOf }
}

type Outcome = Omit<Applied, "consistencyToken">

/** With what lets whoever applied it ask for the revision or a newer one; it is done, also when that cannot be had. */
async function applied(call: AnyCall, { changes, ...value }: Outcome): Promise<Response> {
  const { revision } = value
  call.audit.revision = revision
  const shown = { ...value, changes: shownChanges(visible(call.caller, changes)) }
  const token =
    revision === 0
      ? undefined
      : await routeTable(call.env)
          .consistencyToken(revision)
          .catch(() => undefined)
  return reply<Applied>({ ...shown, ...(token !== undefined && { consistencyToken: token }) }, { head: revision })
}

function mismatch(head: number): Response {
  return problem(412, `The mesh is at revision ${head}.`, { head, headers: { etag: `"${head}"` } })
}

function countsOf(changes: Applied["changes"]): { added: number; changed: number; removed: number } {
  const count = (action: Applied["changes"][number]["action"]) =>
    changes.filter((change) => change.action === action).length
  return { added: count("add"), changed: count("change"), removed: count("remove") }
}
