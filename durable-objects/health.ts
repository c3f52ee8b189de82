/**
 * The active health checks of one service. An alarm asks the proxy's prober for a round of checks, since only the proxy has bindings to
 * the services; what they find is kept here and told to the feed, where isolates hear it. The prober also says, from its routes, what
 * the check is: the object ends itself when there is none any more.
 *
 *   told of a revision ──► alarm ──► prober ──► judge ──► feed
 *                            ▲                    │
 *                            └───── interval ─────┘   no check in newer routes: forgotten
 */
import { DurableObject } from "cloudflare:workers"
import type { HealthPolicy } from "#shared/model/health.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { CheckReply, HealthReport, HealthRpc, ProberRpc } from "#shared/protocol/health.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import { freshMs, type Health, jittered, pauseOf, take, UNKNOWN, unhealthyOf } from "#shared/resilience/health.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { inTime } from "./in-time.ts"

interface Env {
  readonly ROUTE_TABLE: DurableObjectNamespace
  /** Absent in a control Worker that was deployed without: then nothing is checked, and `weft status` says so. */
  readonly PROXY?: ProberRpc
}

interface Kept {
  readonly service: string
  /** The newest revision that the object was told of, or has seen a prober go by. */
  readonly revision: number
  readonly health: Health
  /** Which place comes first in the next round. */
  readonly next: number
  /** How long a check may take, and a round is from the next, as far as it is known. */
  readonly timeoutMs: number
  readonly pauseMs: number
  /** What the feed took last, and when. */
  readonly told: { readonly generation: number; readonly atMs: number }
}

const KEY = "health"
const NEW = {
  ...{ health: UNKNOWN, next: 0, timeoutMs: LIMITS.healthTimeoutMsMax, pauseMs: LIMITS.healthRetryMsMax },
  told: { generation: -1, atMs: 0 },
}

export class HealthObject extends DurableObject<Env> implements HealthRpc {
  #kept: Kept | undefined = keptAs(this.ctx.storage.kv.get<Kept>(KEY))
  /** Rounds in a row without a word of use. */
  #unanswered = 0

  async follow({ service, revision }: { readonly service: string; readonly revision: number }): Promise<void> {
    const kept = this.#kept ?? { service, revision: 0, ...NEW }
    if (revision <= kept.revision) return
    this.#keep({ ...kept, revision })
    // One revision may concern many services.
    await this.ctx.storage.setAlarm(Date.now() + Math.random() * LIMITS.healthStartMs)
  }

  override async alarm(): Promise<void> {
    const before = this.#kept
    if (!before) return
    // First of all: whatever becomes of this round, there is a next one.
    await this.ctx.storage.setAlarm(Date.now() + jittered(before.pauseMs, Math.random()))
    this.#unanswered += 1
    const reply = await this.#ask(before)
    // While the prober was asked, the object may have been told of another revision.
    const kept = this.#kept!
    const isBehind = !reply || reply.revision < kept.revision
    // Of places that nobody checks nothing is told, and after a while they are used as if nothing had been found.
    if (isBehind) await this.ctx.storage.setAlarm(Date.now() + retryMs(this.#unanswered))
    else this.#unanswered = 0
    if (reply?.policy) await this.#judge(kept, reply, reply.policy, isBehind)
    else if (!isBehind) await this.#end(kept)
  }

  async #judge(kept: Kept, reply: CheckReply, policy: HealthPolicy, isBehind: boolean): Promise<void> {
    const nowMs = Date.now()
    const { places, results, revision } = reply
    const health = take(kept.health, places, results, policy, nowMs)
    const checked = kept.next + results.length
    const next = checked < places.length ? checked : 0
    const { timeoutMs } = policy
    const pauseMs = pauseOf(policy, places.length)
    this.#keep({ ...kept, health, next, timeoutMs, pauseMs, revision: Math.max(kept.revision, revision) })
    if (!isBehind && pauseMs !== kept.pauseMs) await this.ctx.storage.setAlarm(nowMs + jittered(pauseMs, Math.random()))
    await this.#tell(reportOf(this.#kept!, places, policy), nowMs)
  }

  /** Undefined when there is no answer, or none in time. */
  async #ask({ service, next, timeoutMs }: Kept): Promise<CheckReply | undefined> {
    const { PROXY } = this.env
    if (!PROXY) return undefined
    try {
      const asked = PROXY.check({ service, from: next })
      return await inTime(asked, timeoutMs + LIMITS.healthPatienceMs, () => undefined)
    } catch (error) {
      if (this.#unanswered === 1) console.warn(`weft: the prober does not check ${service}: ${error}`)
      return undefined
    }
  }

  /** Every change at once, what is to be avoided every round, and once in a while that all is well. */
  async #tell(report: HealthReport, nowMs: number): Promise<void> {
    const { told } = this.#kept!
    const isNews = told.generation !== report.generation || report.unhealthy.length > 0 || report.strict
    if (!isNews && nowMs - told.atMs < LIMITS.healthHeartbeatMs) return
    try {
      await this.#feed().hearHealth(report)
      if (this.#kept) this.#keep({ ...this.#kept, told: { generation: report.generation, atMs: nowMs } })
    } catch (error) {
      console.warn(`weft: the feed did not take the health of ${report.service}: ${error}`)
    }
  }

  /** The service has no check any more. Unless it got another one meanwhile, nothing is left of this object. */
  async #end({ service, revision }: Kept): Promise<void> {
    await this.#feed().forgetHealth(service)
    if (this.#kept?.revision !== revision) return
    this.#kept = undefined
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
  }

  #feed(): Pick<RouteTableRpc, "hearHealth" | "forgetHealth"> {
    return this.env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
  }

  /** A healthy service costs no writes but that of its alarm. */
  #keep(next: Kept): void {
    const isSame = this.#kept !== undefined && canonicalJson(next) === canonicalJson(this.#kept)
    this.#kept = next
    if (!isSame) this.ctx.storage.kv.put(KEY, next)
  }
}

function reportOf({ service, health }: Kept, places: readonly string[], policy: HealthPolicy): HealthReport {
  const unhealthy = unhealthyOf(health).map((place) => {
    const { because = "", sinceMs } = health.conditions[place]!
    return { place, because, sinceMs }
  })
  const { generation } = health
  const strict = policy.initial === "unhealthy"
  return { service, generation, places, unhealthy, strict, forMs: freshMs(policy) }
}

/** What an earlier version kept may lack what this one goes by. */
function keptAs(stored: Kept | undefined): Kept | undefined {
  return stored && { ...NEW, ...stored }
}

/** After the first round without a word of use a short while, and twice as long after each that follows. */
function retryMs(unanswered: number): number {
  return Math.min(LIMITS.healthRetryMs * 2 ** (unanswered - 1), LIMITS.healthRetryMsMax)
}
