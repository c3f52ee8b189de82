/** Objectives and alerts: how they stand, and what people do about them. */

import { LIMITS } from "#shared/model/limits.ts"
import type {
  Acknowledged,
  AlertList,
  AlertsRpc,
  NewAcknowledgement,
  NewSilence,
  Silence,
} from "#shared/protocol/alerts.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { type Call, reply } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"
import { cleanMessage } from "./input.ts"
import { type Bounds, limitsOf, visibleIds, within } from "./namespaces.ts"
import { problem } from "./problems.ts"

export async function listAlerts(call: Call<object, object, undefined>): Promise<Response> {
  const { caller } = call
  const { slos, silences, receivers, ...rest } = await alerts(call.env).list()
  return reply<AlertList>({
    ...rest,
    slos: visibleIds(caller, slos, ({ id }) => id),
    // One over all of the mesh keeps back one's own alerts too.
    silences: silences.filter(({ namespace }) => namespace === undefined || within(caller, namespace)),
    receivers: visibleIds(caller, receivers, ({ id }) => id),
  })
}

export async function silenceAlerts(call: Call<object, object, NewSilence>): Promise<Response> {
  const { namespace, slo, forSeconds, reason } = call.body
  const refusal = notTheirs(call.caller, namespace)
  if (refusal) return refusal
  if (slo !== undefined && !(await isKnown(call.env, `${namespace}/${slo}`))) return unknown(`${namespace}/${slo}`)
  const silenced = await alerts(call.env).silence({
    ...(namespace !== undefined && { namespace }),
    ...(slo !== undefined && { slo }),
    by: call.caller.name,
    reason: cleanMessage(reason, LIMITS.alertReasonCharsMax),
    untilMs: Date.now() + forSeconds * 1000,
  })
  if (silenced.outcome === "full") return problem(409, "There are too many silences; end some first.")
  return reply<Silence>(silenced.silence, { status: 201 })
}

export async function unsilence(call: Call<{ id: string }, object, undefined>): Promise<Response> {
  const { id } = call.params
  const ended = await alerts(call.env).unsilence(id, call.caller.namespaces)
  return ended ? new Response(null, { status: 204 }) : problem(404, `There is no silence ${id}.`)
}

export async function acknowledgeAlert(call: Call<object, object, NewAcknowledgement>): Promise<Response> {
  const { namespace, slo, severity, forSeconds, reason } = call.body
  const refusal = notTheirs(call.caller, namespace)
  if (refusal) return refusal
  const id = `${namespace}/${slo}`
  const found = await alerts(call.env).acknowledge({
    slo: id,
    ...(severity !== undefined && { severity }),
    by: call.caller.name,
    reason: cleanMessage(reason, LIMITS.alertReasonCharsMax),
    untilMs: Date.now() + forSeconds * 1000,
  })
  if (found > 0) return reply<Acknowledged>({ alerts: found })
  if (!(await isKnown(call.env, id))) return unknown(id)
  return problem(409, `No ${severity ?? "alert"} of ${id} fires.`)
}

export function alerts(env: ControlEnv): AlertsRpc {
  return env.ALERTS.getByName(MESH) as unknown as AlertsRpc
}

/** Who is limited to namespaces says which one he means. */
function notTheirs(caller: Bounds, namespace: string | undefined): Response | undefined {
  const isTheirs = namespace === undefined ? caller.namespaces === undefined : within(caller, namespace)
  return isTheirs ? undefined : problem(403, limitsOf(caller))
}

async function isKnown(env: ControlEnv, id: string): Promise<boolean> {
  return (await alerts(env).list()).slos.some((slo) => slo.id === id)
}

function unknown(id: string): Response {
  return problem(404, `There is no objective ${id}, or it was not looked at yet.`)
}
