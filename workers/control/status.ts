/** What the mesh is doing: its head, who serves which revision, and which services no proxy can reach. */
import { bindingsOf, type Service } from "#shared/model/service.ts"
import { isUnsure, type Witness } from "#shared/propagation/convergence.ts"
import type { Status } from "#shared/protocol/control-api.ts"
import { ROOT } from "#shared/protocol/convergence.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"
import { type Call, reply } from "./endpoint.ts"
import { healthOf } from "./health.ts"
import { readHead, routeTable, snapshotOf } from "./mesh.ts"
import { type Bounds, visibleIds } from "./namespaces.ts"
import { runningOf } from "./rollouts.ts"
import { askWitnesses, isolatesOf } from "./witnesses.ts"

export async function showStatus(call: Call<object, object, undefined>): Promise<Response> {
  const [head, witnesses, breakers, records, rollout] = await Promise.all([
    readHead(call.env),
    askWitnesses(call.env),
    routeTable(call.env).breakers(),
    routeTable(call.env).health(),
    routeTable(call.env).rollout(),
  ])
  const running = runningOf(rollout)
  const { caller } = call
  const isolates = isolatesOf(witnesses)
  // Its isolates are what one wants to see when nobody can read the head.
  const snapshot = snapshotOf(head)
  const services = visibleIds(caller, snapshot.services, ({ id }) => id)
  const status: Status = {
    head: head.summary,
    ...(running && { rollout: running }),
    services: services.length,
    routes: visibleIds(caller, snapshot.routes, ({ id }) => id).length,
    isolates: isolates.map((isolate) => shownIsolate(caller, isolate)),
    ...(witnesses.some(({ view }) => view && isUnsure(view)) && { unsure: true }),
    relays: relaysOf(witnesses),
    floorsMissed: witnesses.reduce((sum, { view }) => sum + (view?.floorsMissed ?? 0), 0),
    unbound: unbound(services, isolates),
    breakers: visibleIds(caller, breakers, ({ cluster }) => cluster).filter(({ phase }) => phase !== "closed"),
    health: healthOf(services, records, Date.now()),
  }
  return reply<Status>(status, { head: head.revision })
}

function relaysOf(witnesses: readonly Witness[]): Status["relays"] {
  return witnesses
    .filter(({ status }) => status.name !== ROOT)
    .map(({ status: { name, acknowledged, failures }, view }) => ({
      ...{ name, revision: view?.revision ?? acknowledged, failures },
      ...(view ? {} : { silent: true as const }),
    }))
}

/** Names of bindings are names of services, of all namespaces. */
function shownIsolate(caller: Bounds, isolate: IsolateStatus): IsolateStatus {
  if (!caller.namespaces) return isolate
  const { bindings: _, outliers, ...shown } = isolate
  return { ...shown, ...(outliers && { outliers: visibleIds(caller, outliers, ({ cluster }) => cluster) }) }
}

/** The bindings that services name and no isolate has. Isolates that say nothing of their bindings prove nothing. */
export function unbound(services: readonly Service[], isolates: readonly IsolateStatus[]): Status["unbound"] {
  const reporting = isolates.filter((isolate) => isolate.bindings !== undefined)
  if (reporting.length === 0) return []
  const bound = new Set(reporting.flatMap((isolate) => isolate.bindings ?? []))
  return services.flatMap((service) =>
    bindingsOf(service)
      .filter((binding) => !bound.has(binding))
      .map((binding) => ({ service: service.id, binding })),
  )
}
