/**
 * Watches one candidate: an alarm has it look at what was counted, say to the root how far the candidate may go, and end when that is
 * over. What it decides is in storage before the root hears of it; should the object be gone for long, the root undoes by itself.
 *
 *   woken ──► alarm ──► counts of all shards ──► step ──► stored ──► told to the root ──► over? the object is empty again
 *               ▲                                                          │
 *               └────────────────────── a second later ────────────────────┘
 *
 * Made with itty-durable, whose model fits here and nowhere else (docs/decisions/0029-guarded-apply.md): its state is two plain fields.
 */
import { createDurable } from "itty-durable/itty-durable.js"
import { LIMITS } from "#shared/model/limits.ts"
import type { RelayRpc } from "#shared/protocol/relay.ts"
import type { RolloutRecord } from "#shared/protocol/rollout.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import type { Comparison } from "#shared/protocol/telemetry.ts"
import { begin, comparedSinceMs, type Look, type Rollout, shareOf, step } from "#shared/rollout/rollout.ts"
import { inTime } from "./in-time.ts"
import { groupsOf } from "./rollout-groups.ts"
import { askShards } from "./telemetry-shards.ts"

interface Env {
  readonly ROUTE_TABLE: DurableObjectNamespace
  readonly RELAY?: DurableObjectNamespace
  readonly TELEMETRY: DurableObjectNamespace
}

/** What itty-durable gives, as far as it is used here: its own types say too little. */
interface Durable {
  readonly state: { readonly env: Env; readonly storage: DurableObjectStorage }
  loadFromStorage(): Promise<void>
  persist(): Promise<void>
}
const Base = createDurable() as unknown as new (state: DurableObjectState, env: Env) => Durable

export class RolloutObject extends Base {
  /** The candidate; 0 for none. */
  revision = 0
  rollout: Rollout | null = null

  /** Called by `watch`, again and again until it is heard of. */
  async begin(revision: number): Promise<boolean> {
    if (this.revision !== revision) {
      this.revision = revision
      this.rollout = null
      await this.persist()
    }
    const { storage } = this.state
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now())
    return true
  }

  async alarm(): Promise<void> {
    // Only calls load by themselves.
    await this.loadFromStorage()
    if (this.revision === 0) return
    const { storage, env } = this.state
    // First of all: whatever becomes of this look, there is a next one.
    await storage.setAlarm(Date.now() + LIMITS.rolloutLookMs)
    const root = env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
    try {
      const record = await within(root.rollout(), LIMITS.rolloutCallMs)
      const next = record && (await this.look(record))
      if (next) await within(root.heed(reportOf(next, record)), LIMITS.rolloutCallMs)
      else await this.end()
    } catch (error) {
      console.warn(`weft: the guard of revision ${this.revision} is told nothing: ${error}`)
    }
  }

  /** Undefined: there is nothing to watch any more. */
  async look(record: RolloutRecord): Promise<Rollout | undefined> {
    if (record.revision !== this.revision || record.phase !== "running") return undefined
    const { policy, touches } = record
    const before = this.rollout ?? begin(record.startedAtMs)
    const { sinceMs, besideSinceMs } = comparedSinceMs(before, policy, LIMITS.rolloutBaselineMs)
    const { env } = this.state
    const [comparisons, beside, refused] = await Promise.all([
      compare(env, record.revision, sinceMs),
      besideSinceMs === undefined ? undefined : compare(env, record.revision, besideSinceMs),
      refusalOf(env, record.revision),
    ])
    const isSeen = besideSinceMs === undefined || beside !== undefined
    const look: Look =
      comparisons && isSeen
        ? {
            groups: groupsOf(comparisons, touches),
            ...(beside && { beside: groupsOf(beside, touches) }),
            ...(refused !== undefined && { refused }),
          }
        : undefined
    this.rollout = step(before, policy, look, Date.now())
    await this.persist()
    return this.rollout
  }

  async end(): Promise<void> {
    const { storage } = this.state
    this.revision = 0
    this.rollout = null
    await storage.deleteAlarm()
    await storage.deleteAll()
  }
}

/** Has the object of a candidate watch it. Never rejects: whoever asks asks again. */
export async function watch(
  namespace: DurableObjectNamespace,
  { revision, startedAtMs }: RolloutRecord,
): Promise<void> {
  try {
    const stub = namespace.getByName(`${revision}-${startedAtMs}`)
    // How itty-durable is called: by a request, with the arguments in a header.
    const call = stub.fetch("https://rollout/do/call/begin", { headers: { "do-content": JSON.stringify([revision]) } })
    const { ok, status, body } = await within(call, LIMITS.rolloutCallMs)
    await body?.cancel()
    if (!ok) throw new Error(`it answers ${status}`)
  } catch (error) {
    console.warn(`weft: nobody watches revision ${revision} yet: ${error}`)
  }
}

/** Undefined when a shard does not answer: what its isolates counted might be just what matters. */
async function compare(env: Env, revision: number, sinceMs: number): Promise<readonly Comparison[] | undefined> {
  const shards = await askShards(env.TELEMETRY, (shard) => shard.compare({ revision, sinceMs }))
  const answers = shards.map(({ answer }) => answer).filter((answer) => answer !== undefined)
  return answers.length === shards.length ? answers : undefined
}

/** Why an isolate cannot serve it, as it told its relay or the root. Who does not answer is not waited for. */
async function refusalOf(env: Env, revision: number): Promise<string | undefined> {
  const root = env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
  const viewOf = (source: Pick<RelayRpc, "view">) => within(source.view(), LIMITS.relayViewMs).catch(() => undefined)
  const relays = await within(root.relays(), LIMITS.rolloutCallMs)
  const views = await Promise.all([
    viewOf(root),
    ...relays.map(({ name }) => env.RELAY && viewOf(env.RELAY.getByName(name) as unknown as RelayRpc)),
  ])
  const isolates = views.flatMap((view) => view?.isolates ?? [])
  return isolates.find(({ refused }) => refused?.revision === revision)?.refused?.reason
}

function reportOf(rollout: Rollout, { revision, policy }: RolloutRecord) {
  const { phase, stage, stageSinceMs, seen, blindSinceMs, reason, cause } = rollout
  return {
    ...{ revision, stage, stageSinceMs, seen, share: shareOf(rollout, policy) },
    ...(blindSinceMs !== undefined && { blindSinceMs }),
    ...(phase !== "running" && { end: { phase, reason, ...(cause && { cause }) } }),
  }
}

/** Rejects when there is no answer in time. */
function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  return inTime(answer, ms, () => {
    throw new Error(`no answer within ${ms} ms`)
  })
}
