/** Asks the root and all relays what they know of the isolates. Who does not answer in time is not waited for. */
import { inTime } from "#durable-objects/in-time.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Witness } from "#shared/propagation/convergence.ts"
import { ROOT } from "#shared/protocol/convergence.ts"
import type { RelayView } from "#shared/protocol/relay.ts"
import type { IsolateStatus } from "#shared/protocol/route-table.ts"
import type { ControlEnv } from "./env.ts"
import { routeTable } from "./mesh.ts"

/** The relays, and last the root itself, for the isolates that ask it. */
export async function askWitnesses(env: ControlEnv): Promise<readonly Witness[]> {
  const [relays, root] = await Promise.all([routeTable(env).relays(), routeTable(env).view()])
  const views = await Promise.all(relays.map(({ name }) => viewOf(env, name)))
  const known = relays.map((status, index): Witness => ({ status, view: views[index] }))
  const { revision, sinceMs } = root
  const status = { name: ROOT, acknowledged: revision, acknowledgedAtMs: sinceMs, failures: 0 }
  return [...known, { status, view: root }]
}

/** The isolates, each as it was heard of last; when there are too many, those that serve the newest revision are left out first. */
export function isolatesOf(witnesses: readonly Witness[]): readonly IsolateStatus[] {
  const newest = new Map<string, IsolateStatus>()
  for (const isolate of witnesses.flatMap(({ view }) => view?.isolates ?? [])) {
    const known = newest.get(isolate.isolate)
    if (!known || known.seenAtMs < isolate.seenAtMs) newest.set(isolate.isolate, isolate)
  }
  const all = [...newest.values()]
  return all.length <= LIMITS.isolatesMax ? all : all.sort((a, b) => a.serving - b.serving).slice(0, LIMITS.isolatesMax)
}

async function viewOf(env: ControlEnv, name: string): Promise<RelayView | undefined> {
  try {
    return await inTime(env.RELAY.getByName(name).view() as Promise<RelayView>, LIMITS.relayViewMs, () => undefined)
  } catch {
    return undefined
  }
}
