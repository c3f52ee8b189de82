/** The breaker of a cluster for the whole mesh, as `BreakerObject` holds it. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Breaker } from "#shared/resilience/breaker.ts"
import { Violation } from "#simulator/engine.ts"
import type { Machine } from "#simulator/network.ts"
import type { Reply, Report, World } from "./world.ts"

export class BreakerMachine {
  readonly machine: Machine
  readonly #world: World
  #breaker: Breaker
  #disk: Breaker
  #diskAtMs = 0
  /** Leases by the generation that they were given in. */
  readonly #given = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
    this.machine = world.network.add("breaker", () => this.#start())
    this.#breaker = world.cores.closedBreaker(world.policy, this.#clock())
    this.#disk = this.#breaker
  }

  report(report: Report, reply: (reply: Reply) => void): void {
    const { cores, policy, engine, network } = this.#world
    const nowMs = this.#clock()
    const before = this.#breaker
    let breaker = before
    for (const { lease, found } of report.probes) {
      const settled = cores.settleLease(breaker, lease, found, policy, nowMs, engine.dice.next())
      this.#checkClosing(breaker, settled, lease)
      breaker = settled
    }
    const generation = report.generation === 0 ? breaker.generation : report.generation
    breaker = cores.record(breaker, generation, report.tally, policy, nowMs, engine.dice.next())
    const asked = report.ask ? cores.askLease(breaker, policy, LIMITS.breakerLeaseMs, nowMs) : undefined
    breaker = asked?.breaker ?? breaker
    this.#breaker = breaker
    if (asked?.lease) this.#given.set(`${asked.lease.id}`, asked.lease.generation)
    const isStored =
      breaker.generation !== before.generation || (cores.storesLeases && breaker.leases !== before.leases)
    if (isStored) this.#write(cores.storesLeases ? breaker : { ...breaker, leases: [], leasesGiven: 0 })
    if (breaker.state.phase !== before.state.phase) engine.say(() => `the breaker is ${breaker.state.phase}`)
    const { state } = breaker
    const restMs = state.phase === "open" ? Math.max(0, state.untilMs - nowMs) : 0
    const told = { generation: breaker.generation, phase: state.phase, restMs, lease: asked?.lease?.id }
    network.later(this.machine, Math.max(0, this.#diskAtMs - engine.nowMs), () => reply(told))
  }

  /** It closes only on the word of a probe that was sent for this rest. */
  #checkClosing(before: Breaker, after: Breaker, lease: number): void {
    const closes = before.state.phase === "probing" && after.state.phase === "closed"
    if (closes && this.#given.get(`${lease}`) !== before.generation) {
      throw new Violation(
        "generation",
        `a probe of generation ${this.#given.get(`${lease}`)} closed generation ${before.generation}`,
      )
    }
  }

  #start(): void {
    this.#breaker = this.#disk
    this.#diskAtMs = this.#world.engine.nowMs
  }

  #write(breaker: Breaker): void {
    const { network, engine } = this.#world
    this.#diskAtMs = Math.max(this.#diskAtMs, engine.nowMs + network.diskMs(this.machine))
    network.later(this.machine, this.#diskAtMs - engine.nowMs, () => {
      this.#disk = breaker
    })
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }
}
