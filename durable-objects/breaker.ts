/**
 * The breaker of one cluster for the whole mesh. It adds up what isolates report, decides for all of them, and hands out
 * the leases for probes. Phase, generation and leases stand in storage before anybody hears of them; the window is only
 * counted in memory, and what an eviction loses of it isolates see again.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import type {
  BreakerForce,
  BreakerReply,
  BreakerReport,
  BreakerRpc,
  BreakerStatus,
  Verdict,
} from "#shared/protocol/breaker.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import {
  askLease,
  type Breaker,
  closedBreaker,
  force,
  record,
  rejoin,
  settleLease,
} from "#shared/resilience/breaker.ts"
import { Pace } from "#shared/resilience/pace.ts"
import { admitReport } from "./breaker-input.ts"

interface Env {
  readonly ROUTE_TABLE: DurableObjectNamespace
}

interface Kept {
  readonly cluster: string
  readonly policy: BreakerPolicy
  readonly revision: number
  readonly breaker: Breaker
  readonly sinceMs: number
  readonly forced?: BreakerStatus["forced"]
}

const KEY = "breaker"
const NO_VERDICT = { generation: 0, phase: "closed", restMs: 0 } as const

export class BreakerObject extends DurableObject<Env> implements BreakerRpc {
  #kept: Kept | undefined = this.ctx.storage.kv.get<Kept>(KEY)
  readonly #pace = new Pace()

  async report(told: BreakerReport): Promise<BreakerReply> {
    const nowMs = Date.now()
    const report = admitReport(told)
    if (!report) return { verdict: this.#kept ? this.#verdict(nowMs) : { ...NO_VERDICT, cluster: told.cluster } }
    const kept = this.#under(report, nowMs)
    const { policy } = kept
    const heard = { generation: report.generation, phase: report.phase ?? "open" }
    let breaker = rejoin(kept.breaker, heard, LIMITS.breakerLeaseMs, nowMs)
    for (const { lease, found } of report.probes) {
      breaker = settleLease(breaker, lease, found, policy, nowMs, Math.random())
    }
    // An isolate that has heard of no generation yet speaks of the present.
    const generation = report.generation === 0 ? breaker.generation : report.generation
    breaker = record(breaker, generation, report.tally, policy, nowMs, Math.random())
    const asked = report.ask ? askLease(breaker, policy, LIMITS.breakerLeaseMs, nowMs) : undefined
    this.#keep({ ...kept, breaker: asked?.breaker ?? breaker }, nowMs)
    const lease = asked?.lease && { id: asked.lease.id, forMs: LIMITS.breakerLeaseMs }
    const everyMs = this.#pace.everyMs(nowMs)
    return {
      verdict: this.#verdict(nowMs),
      ...(lease && { lease }),
      ...(everyMs > LIMITS.breakerReportMs && { everyMs }),
    }
  }

  async force({ phase, forMs, by, ...about }: BreakerForce): Promise<BreakerStatus> {
    const nowMs = Date.now()
    const kept = this.#under(about, nowMs)
    const untilMs = nowMs + forMs
    const breaker = force(kept.breaker, phase, untilMs, kept.policy, nowMs)
    this.#keep({ ...kept, breaker, forced: { by, phase, untilMs } }, nowMs)
    return this.#status(nowMs)
  }

  /** The newest policy holds for all; the first that is heard of begins a breaker. */
  #under({ cluster, policy, revision }: Pick<BreakerReport, "cluster" | "policy" | "revision">, nowMs: number): Kept {
    const kept = this.#kept
    if (!kept) return { cluster, policy, revision, breaker: closedBreaker(policy, nowMs), sinceMs: nowMs }
    return revision > kept.revision ? { ...kept, policy, revision } : kept
  }

  #keep(next: Kept, nowMs: number): void {
    const before = this.#kept
    const changed = before?.breaker.generation !== next.breaker.generation
    const forced = next.forced && nowMs < next.forced.untilMs ? next.forced : undefined
    this.#kept = { ...next, sinceMs: changed ? nowMs : next.sinceMs, ...(next.forced && { forced }) }
    const leased = before?.breaker.leases !== next.breaker.leases
    if (changed || leased || before?.revision !== next.revision) this.ctx.storage.kv.put(KEY, this.#kept)
    // That a breaker has just begun is known by everybody who has heard nothing of it.
    const isNews = changed && next.breaker.generation > 1
    if (isNews) this.ctx.waitUntil(this.#publish(this.#status(nowMs)))
  }

  /** For isolates that do not ask. A feed that is down is not waited for: those that ask hear it here. */
  async #publish(status: BreakerStatus): Promise<void> {
    try {
      await (this.env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc).hear(status)
    } catch (error) {
      console.warn(`weft: the feed did not take a verdict: ${error}`)
    }
  }

  #verdict(nowMs: number): Verdict {
    const { cluster, breaker } = this.#kept!
    const { state, generation } = breaker
    if (state.phase !== "open") return { cluster, generation, phase: state.phase, restMs: 0 }
    return { cluster, generation, phase: "open", restMs: Math.max(0, state.untilMs - nowMs), cause: state.cause }
  }

  #status(nowMs: number): BreakerStatus {
    const { sinceMs, forced } = this.#kept!
    return { ...this.#verdict(nowMs), sinceMs, ...(forced && { forced }) }
  }
}
