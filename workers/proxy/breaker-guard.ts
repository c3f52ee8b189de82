/**
 * The guard of one cluster's breaker in an isolate: lets attempts pass, lets probes pass, refuses; and tells the cluster's
 * object what it saw, at most once a second and at once when it trips. No request ever waits for the object.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { BreakerReply, BreakerReport, BreakerRpc, Cluster, Verdict } from "#shared/protocol/breaker.ts"
import { turnOf } from "#shared/resilience/pace.ts"
import { admission, freshSeat, hear, observe, observeOwnProbe, type Seat } from "#shared/resilience/seat.ts"
import { add, NOTHING, type Tally, tallyOf } from "#shared/resilience/tally.ts"
import { newWarmup, pass, rest, type Warmup } from "#shared/resilience/warmup.ts"
import type { AttemptOutcome, Guard, Ticket } from "./guard.ts"
import type { Background } from "./mesh.ts"

/** The object of a cluster, by a stub of its own for each call; undefined where the proxy has no such binding. */
export type BreakerObjects = (cluster: Cluster) => Pick<BreakerRpc, "report"> | undefined

const TIMES = { leaseMs: LIMITS.breakerLeaseMs, patienceMs: LIMITS.breakerCallMs }

const WARMING = refuse("circuit_open", "the service is well again, and takes requests back by and by")

export class BreakerGuard implements Guard {
  readonly #cluster: Cluster
  readonly #policy: BreakerPolicy
  readonly #revision: number
  readonly #objects: BreakerObjects
  readonly #roll: () => number
  #seat: Seat | undefined
  #warmup: Warmup | undefined
  #untold: Tally = NOTHING
  #probes: BreakerReport["probes"] = []
  #toldAtMs = 0
  #telling = false
  /** How often to tell, as the object wants it: on average, and from one turn to the next. */
  #paceMs: number = LIMITS.breakerReportMs
  #everyMs: number = LIMITS.breakerReportMs
  /** Since when the object has owed an answer. */
  #owedSinceMs: number | undefined

  constructor(cluster: Cluster, policy: BreakerPolicy, revision: number, objects: BreakerObjects, roll: () => number) {
    this.#cluster = cluster
    this.#policy = policy
    this.#revision = revision
    this.#objects = objects
    this.#roll = roll
  }

  admit(nowMs: number, _dice: number, ticket: Ticket): Refusal | undefined {
    this.#seat ??= freshSeat(this.#policy, nowMs)
    const asked = admission(this.#seat, this.#policy, TIMES, nowMs)
    this.#seat = asked.seat
    const { admission: decided } = asked
    if (decided.admit === "pass") {
      ticket.generation = this.#seat.own.generation
      return this.#policy.warmupMs === undefined ? undefined : this.#warmUp(this.#policy.warmupMs, nowMs)
    }
    if (decided.admit === "probe") {
      ticket.probe = { scope: decided.scope, lease: decided.lease, untilMs: decided.untilMs }
      return undefined
    }
    if (this.#warmup) this.#warmup = rest(this.#warmup, nowMs)
    // A trip that could not be told is told again, so that the mesh hears of it before this isolate goes on alone.
    if (decided.ask || this.#untold.total > 0) this.#tellInTime(decided.ask, nowMs, ticket.background)
    return { ...refuse("circuit_open"), retryAfterMs: decided.waitMs }
  }

  #warmUp(warmupMs: number, nowMs: number): Refusal | undefined {
    const { state, passes } = pass(this.#warmup ?? newWarmup(nowMs), warmupMs, nowMs)
    this.#warmup = state
    return passes ? undefined : WARMING
  }

  settle(outcome: AttemptOutcome, nowMs: number, ticket: Ticket): void {
    const { slow } = this.#policy
    const failed = outcome.kind === "unanswered" || outcome.status >= 500
    const isSlow = slow !== undefined && outcome.durationMs > slow.overMs
    if (ticket.probe) {
      const found = outcome.kind === "unknown" ? "unknown" : failed || isSlow ? "failed" : "ok"
      this.#settleProbe(ticket.probe, found, nowMs, ticket.background)
    } else if (outcome.kind !== "unknown") {
      const tally = tallyOf(failed, isSlow)
      const before = this.#seat!
      this.#seat = observe(before, ticket.generation, tally, this.#policy, nowMs, this.#roll())
      // What passed before a trip says nothing about what came after it.
      if (ticket.generation === before.own.generation) this.#untold = add(this.#untold, tally)
      const tripped = this.#seat.own.state.phase !== before.own.state.phase
      if (tripped) this.#tell(false, nowMs, ticket.background)
      else if (this.#untold.failed + this.#untold.slow > 0 || nowMs - this.#toldAtMs > this.#policy.windowMs / 2) {
        this.#tellInTime(false, nowMs, ticket.background)
      }
    }
  }

  /**
   * From the feed. It repeats an object's last word for as long as there is no other: of an object that is gone, a rest that is
   * over would be told for ever.
   */
  hear(verdict: Verdict, nowMs: number): void {
    const isKnown = verdict.generation <= (this.#seat?.heard?.generation ?? 0)
    const isGone = this.#owedSinceMs !== undefined && nowMs - this.#owedSinceMs > LIMITS.breakerVerdictMs
    if (isKnown && isGone && verdict.phase !== "closed" && verdict.restMs === 0) return
    this.#hear(verdict, nowMs)
  }

  #hear(verdict: Verdict, nowMs: number): void {
    const before = this.#seat ?? freshSeat(this.#policy, nowMs)
    this.#seat = hear(before, verdict, this.#policy, LIMITS.breakerVerdictMs, nowMs)
    if (this.#seat.heard?.generation !== before.heard?.generation) this.#untold = NOTHING
  }

  #settleProbe(
    probe: NonNullable<Ticket["probe"]>,
    found: "ok" | "failed" | "unknown",
    nowMs: number,
    background: Background,
  ): void {
    if (probe.scope === "own") {
      this.#seat = observeOwnProbe(this.#seat!, probe.lease, found, this.#policy, nowMs, this.#roll())
      return
    }
    this.#probes = [...this.#probes, { lease: probe.lease, found }]
    this.#tell(false, nowMs, background)
  }

  #tellInTime(ask: boolean, nowMs: number, background: Background): void {
    const elapsedMs = nowMs - this.#toldAtMs
    if (elapsedMs < this.#everyMs && elapsedMs >= 0) return
    // An answer that never comes is waited for in vain.
    if (this.#telling && elapsedMs < LIMITS.breakerCallMs) return
    if (this.#isSpokenFor()) {
      this.#toldAtMs = nowMs
      this.#untold = NOTHING
      return
    }
    this.#tell(ask, nowMs, background)
  }

  /** In a mesh of thousands others speak for this isolate at most turns. What probes found only it can tell. */
  #isSpokenFor(): boolean {
    const { chance } = turnOf(this.#paceMs)
    return chance < 1 && this.#probes.length === 0 && this.#roll() >= chance
  }

  /** Who is told to come back later all at once would come back all at once. */
  #keepTo(paceMs: number): void {
    this.#paceMs = Math.min(Math.max(paceMs, LIMITS.breakerReportMs), LIMITS.breakerPaceMsMax)
    const { everyMs } = turnOf(this.#paceMs)
    this.#everyMs = everyMs > LIMITS.breakerReportMs ? everyMs * (0.75 + this.#roll() / 2) : everyMs
  }

  #tell(ask: boolean, nowMs: number, background: Background): void {
    const object = this.#objects(this.#cluster)
    if (!object) return
    const report: BreakerReport = {
      cluster: this.#cluster,
      policy: this.#policy,
      revision: this.#revision,
      generation: this.#seat?.heard?.generation ?? 0,
      ...(this.#seat?.heard && { phase: this.#seat.heard.phase }),
      tally: this.#untold,
      probes: this.#probes,
      ask,
    }
    this.#toldAtMs = nowMs
    this.#telling = true
    this.#owedSinceMs ??= nowMs
    this.#untold = NOTHING
    this.#probes = []
    background.waitUntil(this.#exchange(object, report, nowMs))
  }

  /** Never rejects: what could not be told is told with the next report. */
  async #exchange(object: Pick<BreakerRpc, "report">, report: BreakerReport, sentAtMs: number): Promise<void> {
    try {
      this.#take(await object.report(report), sentAtMs)
    } catch (error) {
      // One that is overrun is not asked again soon, and cannot say itself how many are too many.
      const isOverrun = (error as { overloaded?: unknown } | null)?.overloaded === true
      if (isOverrun) this.#keepTo(Math.max(2 * this.#paceMs, LIMITS.breakerReportMsMax))
      if ((this.#seat?.heard?.generation ?? 0) === report.generation) this.#untold = add(report.tally, this.#untold)
      this.#probes = [...report.probes, ...this.#probes].slice(-LIMITS.breakerProbesMax)
    }
    this.#telling = false
  }

  /** The lease began at the object later than the report left here: what is counted from then on ends in time. */
  #take({ verdict, lease, everyMs = LIMITS.breakerReportMs }: BreakerReply, sentAtMs: number): void {
    this.#keepTo(everyMs)
    // An object that knows less than it once said has lost its storage.
    if (verdict.generation >= (this.#seat?.heard?.generation ?? 0)) this.#owedSinceMs = undefined
    this.#hear(verdict, sentAtMs)
    this.#seat = { ...this.#seat!, answeredAtMs: sentAtMs }
    if (!lease) return
    const held = { id: lease.id, useUntilMs: sentAtMs + LIMITS.breakerLeaseUseMs, untilMs: sentAtMs + lease.forMs }
    this.#seat = { ...this.#seat, lease: held }
  }
}
