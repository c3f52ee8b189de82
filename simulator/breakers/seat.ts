/** An isolate's seat, as `BreakerGuard` holds it. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Seat } from "#shared/resilience/seat.ts"
import { add, NOTHING, type Tally, tallyOf } from "#shared/resilience/tally.ts"
import { Violation } from "#simulator/engine.ts"
import type { Machine } from "#simulator/network.ts"
import type { BreakerMachine } from "./object.ts"
import type { Found, Reply, Report, World } from "./world.ts"

const TIMES = { leaseMs: LIMITS.breakerLeaseMs, patienceMs: LIMITS.breakerCallMs }
const HANGS_MS = 30_000

export class SeatMachine {
  readonly machine: Machine
  readonly #world: World
  readonly #object: BreakerMachine
  #seat: Seat
  #untold: Tally = NOTHING
  #probes: Report["probes"] = []
  #toldAtMs = Number.NEGATIVE_INFINITY
  #telling = false
  #ownProbes = 0
  #last: "passed" | "refused" = "passed"

  constructor(world: World, object: BreakerMachine, name: string) {
    this.#world = world
    this.#object = object
    this.machine = world.network.add(name, () => this.#start())
    this.#seat = world.cores.freshSeat(world.policy, this.#clock())
  }

  passes(): boolean {
    return this.#last === "passed"
  }

  request(): void {
    const { cores, policy } = this.#world
    const nowMs = this.#clock()
    const asked = cores.admission(this.#seat, policy, TIMES, nowMs)
    this.#seat = asked.seat
    const { admission } = asked
    this.#last = admission.admit === "pass" ? "passed" : "refused"
    if (admission.admit === "refuse") {
      if (admission.ask || this.#untold.total > 0) this.#tellInTime(admission.ask)
      return
    }
    const generation = this.#seat.own.generation
    if (admission.admit === "probe") this.#probe(admission)
    else this.#send(Number.POSITIVE_INFINITY, (found) => this.#passed(found, generation))
  }

  #start(): void {
    this.#seat = this.#world.cores.freshSeat(this.#world.policy, this.#clock())
    this.#untold = NOTHING
    this.#probes = []
    this.#toldAtMs = Number.NEGATIVE_INFINITY
    this.#telling = false
    this.#ownProbes = 0
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }

  #probe({ scope, lease, untilMs }: { scope: "mesh" | "own"; lease: number; untilMs: number }): void {
    const { engine, network } = this.#world
    const { life } = this.machine
    const count = (by: number) => {
      if (scope === "mesh") this.#world.probing += by
      else if (this.machine.life === life) this.#ownProbes += by
    }
    count(1)
    const { probes } = this.#world.policy
    const canCount = !network.faults.has("clock-jump")
    if (canCount && this.#world.probing > probes)
      throw new Violation("probes", `${this.#world.probing} of ${probes} are under way`)
    if (this.#ownProbes > 1)
      throw new Violation("own-probes", `${this.machine.name} has ${this.#ownProbes} of its own under way`)
    engine.say(() => `${this.machine.name} probes, for ${scope === "mesh" ? "the mesh" : "itself"}`)
    let over = false
    const limitMs = untilMs - this.#clock()
    // A probe ends with its isolate too: the runtime ends what it has sent.
    const end = () => {
      if (!over) count(-1)
      over = true
    }
    engine.after(limitMs, end)
    this.#send(limitMs, (found) => {
      end()
      this.#settled(scope, lease, found)
    })
  }

  #settled(scope: "mesh" | "own", lease: number, found: Found): void {
    const { cores, policy, engine } = this.#world
    if (scope === "own") {
      this.#seat = cores.observeOwnProbe(this.#seat, lease, found, policy, this.#clock(), engine.dice.next())
      return
    }
    this.#probes = [...this.#probes, { lease, found }]
    this.#tell(false)
  }

  #passed(found: Found, generation: number): void {
    const { cores, policy, engine } = this.#world
    const tally = tallyOf(found === "failed", false)
    const before = this.#seat
    this.#seat = cores.observe(before, generation, tally, policy, this.#clock(), engine.dice.next())
    if (generation === before.own.generation) this.#untold = add(this.#untold, tally)
    if (this.#seat.own.state.phase !== before.own.state.phase) this.#tell(false)
    else if (this.#untold.failed > 0 || this.#clock() - this.#toldAtMs > policy.windowMs / 2) this.#tellInTime(false)
  }

  #send(limitMs: number, done: (found: Found) => void): void {
    const { engine, network, upstream } = this.#world
    const slowMs = upstream === "slow" ? engine.dice.whole(300, 4_000) : engine.dice.whole(2, 120)
    const tookMs = upstream === "hanging" ? HANGS_MS : slowMs
    const found = upstream === "failing" ? "failed" : "ok"
    network.later(this.machine, Math.min(tookMs, limitMs), () => done(tookMs > limitMs ? "failed" : found))
  }

  #tellInTime(ask: boolean): void {
    const elapsedMs = this.#clock() - this.#toldAtMs
    if (elapsedMs < LIMITS.breakerReportMs && elapsedMs >= 0) return
    if (this.#telling && elapsedMs < LIMITS.breakerCallMs) return
    this.#tell(ask)
  }

  #tell(ask: boolean): void {
    const { network } = this.#world
    const sentAtMs = this.#clock()
    const report: Report = {
      generation: this.#seat.heard?.generation ?? 0,
      tally: this.#untold,
      probes: this.#probes,
      ask,
    }
    this.#toldAtMs = sentAtMs
    this.#telling = true
    this.#untold = NOTHING
    this.#probes = []
    const object = this.#object
    network.call<Reply>(
      this.machine,
      object.machine,
      (reply) => object.report(report, reply),
      (reply) => (reply ? this.#take(reply, sentAtMs) : this.#untaken(report)),
    )
  }

  #untaken(report: Report): void {
    if ((this.#seat.heard?.generation ?? 0) === report.generation) this.#untold = add(report.tally, this.#untold)
    this.#probes = [...report.probes, ...this.#probes].slice(-LIMITS.breakerProbesMax)
    this.#telling = false
  }

  #take(reply: Reply, sentAtMs: number): void {
    const { cores, policy } = this.#world
    const before = this.#seat
    this.#seat = cores.hear(before, reply, policy, LIMITS.breakerVerdictMs, sentAtMs)
    if (this.#seat.heard?.generation !== before.heard?.generation) this.#untold = NOTHING
    this.#seat = { ...this.#seat, answeredAtMs: sentAtMs }
    this.#telling = false
    if (reply.lease === undefined) return
    const useUntilMs = sentAtMs + LIMITS.breakerLeaseUseMs
    this.#seat = { ...this.#seat, lease: { id: reply.lease, useUntilMs, untilMs: sentAtMs + LIMITS.breakerLeaseMs } }
  }
}
