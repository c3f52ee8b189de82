/** Guarded applies: what a commit under guard asks for, what is under way, and ending it by hand. */
import { plan } from "#shared/config/plan.ts"
import type { Change } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { GuardRequest } from "#shared/model/rollout.ts"
import type { EndRollout, RolloutStatus, RolloutView } from "#shared/protocol/control-api.ts"
import type { Guard, RolloutRecord } from "#shared/protocol/rollout.ts"
import { policyOf } from "#shared/rollout/policy.ts"
import { type Call, reply } from "./endpoint.ts"
import { cleanMessage } from "./input.ts"
import { EMPTY, readRevision, routeTable } from "./mesh.ts"
import { type Bounds, limitsOf, visible } from "./namespaces.ts"
import { problem } from "./problems.ts"

/** How the change is to go out, and what of the mesh it touches. */
export function guardOf(request: GuardRequest, changes: readonly Change[]): Guard {
  const policy = policyOf(request)
  // Routes and services are known by their ids. Anything else, a gateway or a policy, may touch all.
  const isLocal = changes.every(({ kind }) => kind === "Route" || kind === "Service")
  const touches = changes.map(({ namespace, name }) => `${namespace}/${name}`)
  return isLocal && touches.length <= LIMITS.rolloutTouchesMax ? { policy, touches: [...new Set(touches)] } : { policy }
}

/** What stands in the way of another change. */
export function underGuard(revision: number): Response {
  const detail = `Revision ${revision} is under guard, and how it fares could not be told from another change.`
  const hint =
    "Wait until it is over, or end it: `weft rollout promote` or `weft rollout undo`. A rollback ends it too."
  return problem(409, `${detail} ${hint}`, { head: revision })
}

export async function showRollout(call: Call<object, object, undefined>): Promise<Response> {
  const record = await routeTable(call.env).rollout()
  return reply<RolloutView>(record ? { rollout: statusOf(record) } : {})
}

export async function endRollout(call: Call<object, object, EndRollout>): Promise<Response> {
  const { revision, action, message } = call.body
  const table = routeTable(call.env)
  const record: RolloutRecord | undefined = await table.rollout()
  const wanted = revision ?? record?.revision
  if (record?.phase !== "running" || record.revision !== wanted) {
    return problem(404, wanted === undefined ? "Nothing is under guard." : `Revision ${wanted} is not under guard.`)
  }
  call.audit.target = `revision ${wanted}`
  const refusal = await beyond(call.env, call.caller, record)
  if (refusal) return refusal
  const said = cleanMessage(message, LIMITS.messageCharsMax)
  const reason = `by ${call.caller.name}${said === "" ? "" : `: ${said}`}`
  const phase = action === "promote" ? "promoted" : "undone"
  const ended: RolloutRecord | undefined = await table.settle({ revision: wanted, phase, reason })
  if (!ended) return problem(404, `Revision ${wanted} is not under guard any more.`)
  call.audit.revision = ended.undoneBy ?? wanted
  return reply<RolloutView>({ rollout: statusOf(ended) })
}

/** What is under way, and how it stands; undefined when nothing is. */
export function runningOf(record: RolloutRecord | undefined): RolloutStatus | undefined {
  return record?.phase === "running" ? statusOf(record) : undefined
}

function statusOf({ touches: _touches, digest: _digest, ...status }: RolloutRecord): RolloutStatus {
  return status
}

/** Whose namespaces are limited ends what he could have begun. */
async function beyond(env: Call<object, object, unknown>["env"], caller: Bounds, record: RolloutRecord) {
  if (!caller.namespaces) return undefined
  const [before = EMPTY, after = EMPTY] = await Promise.all([
    readRevision(env, record.stable),
    readRevision(env, record.revision),
  ])
  const changes = plan(before.resources, after.resources)
  return visible(caller, changes).length < changes.length ? problem(403, limitsOf(caller)) : undefined
}
