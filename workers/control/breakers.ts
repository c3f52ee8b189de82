/** Breakers: which of them are open, and forcing one by hand for a while. */
import { serviceId } from "#shared/model/names.ts"
import { type BreakerStatus, clusterOf } from "#shared/protocol/breaker.ts"
import type { BreakerList, ForceBreaker } from "#shared/protocol/control-api.ts"
import { FORCED_ONLY } from "#shared/resilience/breaker.ts"
import { type Call, reply } from "./endpoint.ts"
import { readHead, routeTable, snapshotOf } from "./mesh.ts"
import { limitsOf, visibleIds, within } from "./namespaces.ts"
import { problem } from "./problems.ts"

export async function listBreakers(call: Call<object, object, undefined>): Promise<Response> {
  const breakers = await routeTable(call.env).breakers()
  return reply<BreakerList>({ breakers: visibleIds(call.caller, breakers, ({ cluster }) => cluster) })
}

export async function forceBreaker(call: Call<object, object, ForceBreaker>): Promise<Response> {
  const { namespace, service: name, subset, phase, forSeconds } = call.body
  if (!within(call.caller, namespace)) return problem(403, limitsOf(call.caller))
  const head = await readHead(call.env)
  const id = serviceId(namespace, name)
  const service = snapshotOf(head).services.find((one) => one.id === id)
  if (!service) return problem(404, `There is no service ${id}.`)
  if (subset !== undefined && !Object.hasOwn(service.subsets, subset)) {
    return problem(404, `The service ${id} has no subset ${subset}.`)
  }
  const cluster = clusterOf({ service: id, ...(subset !== undefined && { subset }) })
  const status: BreakerStatus = await call.env.BREAKER.getByName(cluster).force({
    cluster,
    policy: service.policy?.breaker ?? FORCED_ONLY,
    revision: head.revision,
    phase,
    forMs: forSeconds * 1000,
    by: call.caller.name,
  })
  return reply(status)
}
