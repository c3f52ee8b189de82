/**
 * Machines, the ways between them, and what goes wrong with both: messages are late, lost, doubled, in another order; machines are cut
 * off and started anew; clocks are wrong and jump; disks are slow. All of it by the dice, and none of it after the healing.
 */
import type { Engine } from "./engine.ts"

/** What may go wrong. A failure is made smaller by leaving out one after the other. */
export const FAULTS = [
  "delay",
  "loss",
  "duplication",
  "partition",
  "restart",
  "slow-disk",
  "clock-skew",
  "clock-jump",
  "corruption",
] as const
export type Fault = (typeof FAULTS)[number]

export interface Machine {
  readonly name: string
  /** Grows with each start: what belongs to an earlier life is not heard any more. */
  life: number
  up: boolean
  /** How far its clock is off. */
  offsetMs: number
  /** Those that it cannot reach, and that cannot reach it. */
  readonly cutFrom: Set<Machine>
  /** Begins a new life with what was in storage. */
  start(): void
}

/** Clocks must not be near zero: differences of times of day are what matters. */
const EPOCH_MS = 1_000_000_000
const SKEW_MS_MAX = 90_000
const DELAY_MS = 25
const LONG_DELAY_MS = 4_000
const DOWN_MS = 2_500

export class Network {
  readonly engine: Engine
  readonly faults: ReadonlySet<Fault>
  /** Nothing goes wrong any more. */
  healed = false
  /** The machine that all others need: the ways to it are cut most. */
  hub: Machine | undefined
  readonly #machines: Machine[] = []

  constructor(engine: Engine, faults: ReadonlySet<Fault>) {
    this.engine = engine
    this.faults = faults
  }

  add(name: string, start: () => void = () => {}): Machine {
    const offsetMs = this.faults.has("clock-skew") ? this.engine.dice.whole(-SKEW_MS_MAX, SKEW_MS_MAX) : 0
    const machine: Machine = { name, life: 0, up: true, offsetMs, cutFrom: new Set(), start }
    this.#machines.push(machine)
    return machine
  }

  clock(machine: Machine): number {
    return EPOCH_MS + this.engine.nowMs + machine.offsetMs
  }

  /** On this machine, and only in its present life. */
  later(machine: Machine, delayMs: number, run: () => void): void {
    const { life } = machine
    this.engine.after(delayMs, () => {
      if (machine.life === life && machine.up) run()
    })
  }

  /**
   * A question and its answer. `done` hears the answer, undefined when it is known that there will be none, and nothing at all when it is
   * lost: who cannot wait for ever sets himself a time. A question may be put twice, as platforms do that try again by themselves.
   */
  call<T>(
    from: Machine,
    to: Machine,
    answer: (reply: (value: T) => void) => void,
    done: (value: T | undefined) => void,
  ): void {
    const { life } = from
    const back = (value: T | undefined) => {
      if (from.life === life && from.up) done(value)
    }
    const put = () => {
      if (!to.up || to.cutFrom.has(from)) {
        // A machine that is down is known to be; one that is cut off only falls silent.
        if (!to.up) this.#carry(() => back(undefined))
        return
      }
      const { life: calleesLife } = to
      answer((value) => {
        if (to.life !== calleesLife || !to.up || to.cutFrom.has(from)) return
        this.#carry(() => back(value))
      })
    }
    this.#carry(put)
    if (this.#happens("duplication", 0.1)) this.#carry(put)
  }

  /** Whether this goes wrong this time. */
  happens(fault: Fault, probability: number): boolean {
    return this.#happens(fault, probability)
  }

  /** Things go wrong now and then until the healing. */
  begin(): void {
    const { engine } = this
    const { dice } = engine
    engine.every(
      () => (this.healed ? undefined : dice.whole(300, 2_500)),
      () => this.healed || this.#upset(),
    )
  }

  /** For how long a write takes; a machine that waits for its disk may die before it is there. */
  diskMs(machine: Machine): number {
    const { dice } = this.engine
    if (!this.#happens("slow-disk", 0.2)) return 1
    const slowMs = dice.whole(50, 600)
    if (this.#happens("restart", 0.15)) this.later(machine, dice.whole(1, slowMs), () => this.#kill(machine))
    return slowMs
  }

  heal(): void {
    this.healed = true
    for (const machine of this.#machines) {
      machine.cutFrom.clear()
      if (!machine.up) this.#start(machine)
    }
  }

  #upset(): void {
    const { engine } = this
    const { dice } = engine
    const machine = dice.pick(this.#machines)
    switch (dice.pick(["partition", "restart", "clock-jump"] as const)) {
      case "partition": {
        if (!this.faults.has("partition")) return
        const other = this.hub && dice.chance(0.5) ? this.hub : dice.pick(this.#machines)
        engine.say(() => `the way between ${machine.name} and ${other.name} is cut`)
        machine.cutFrom.add(other)
        other.cutFrom.add(machine)
        engine.after(dice.whole(100, 8_000), () => {
          machine.cutFrom.delete(other)
          other.cutFrom.delete(machine)
        })
        return
      }
      case "restart":
        if (this.faults.has("restart")) this.#kill(machine)
        return
      case "clock-jump":
        if (!this.faults.has("clock-jump")) return
        machine.offsetMs += dice.whole(-SKEW_MS_MAX, SKEW_MS_MAX)
        engine.say(() => `the clock of ${machine.name} jumps`)
    }
  }

  #kill(machine: Machine): void {
    const { engine, healed } = this
    if (!machine.up || healed) return
    engine.say(() => `${machine.name} dies`)
    machine.up = false
    machine.life += 1
    const downMs = engine.dice.chance(0.5) ? 0 : engine.dice.whole(1, DOWN_MS)
    engine.after(downMs, () => machine.up || this.#start(machine))
  }

  #start(machine: Machine): void {
    this.engine.say(() => `${machine.name} starts`)
    machine.life += 1
    machine.up = true
    machine.start()
  }

  #carry(deliver: () => void): void {
    const { dice } = this.engine
    if (this.#happens("loss", 0.08)) return
    const long = this.#happens("delay", 0.06)
    this.engine.after(1 + dice.next() * (long ? LONG_DELAY_MS : DELAY_MS), deliver)
  }

  #happens(fault: Fault, probability: number): boolean {
    return !this.healed && this.faults.has(fault) && this.engine.dice.chance(probability)
  }
}
