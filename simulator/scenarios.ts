/** What is simulated: each scenario with its sizes by the dice, and the bugs that can be planted in it. */
import { BREAKER_PLANTS } from "./breakers/cores.ts"
import { runBreakers } from "./breakers/schedule.ts"
import type { Dice } from "./dice.ts"
import type { Engine } from "./engine.ts"
import { GUARD_PLANTS } from "./guard/cores.ts"
import { runGuard } from "./guard/schedule.ts"
import { LIMIT_PLANTS } from "./limits/cores.ts"
import { runLimits } from "./limits/schedule.ts"
import { FAULTS, type Fault } from "./network.ts"
import { PROPAGATION_PLANTS } from "./propagation/cores.ts"
import { runPropagation } from "./propagation/schedule.ts"

/** How many there are of each, and for how many milliseconds things go wrong. */
export type Sizes = Readonly<Record<string, number>>

export interface Scenario {
  readonly name: string
  readonly faults: readonly Fault[]
  /** Drawn for each schedule. */
  sizes(dice: Dice): Sizes
  /** No size is made smaller than this. */
  readonly least: Sizes
  /** By name: which promise the bug breaks. */
  readonly plants: Readonly<Record<string, { readonly breaks: string }>>
  /** Throws a `Violation`. */
  run(engine: Engine, faults: ReadonlySet<Fault>, sizes: Sizes, plant: string | undefined): void
}

/** Rests, leases and windows are measured by clocks that run: one that jumps may end them early or late, by as much as it jumps. */
const STEADY = FAULTS.filter((fault) => fault !== "clock-jump")

const propagation: Scenario = {
  name: "propagation",
  faults: FAULTS,
  sizes: (dice) => ({
    ...{ relays: dice.whole(1, 2), isolates: dice.whole(1, 3), writers: dice.whole(1, 2) },
    faultyMs: dice.whole(4_000, 12_000),
  }),
  least: { relays: 1, isolates: 1, writers: 1, faultyMs: 1_000 },
  plants: PROPAGATION_PLANTS,
  run: (engine, faults, sizes, plant) =>
    runPropagation(engine, faults, sizes as never, plant === undefined ? {} : PROPAGATION_PLANTS[plant]!.cores),
}

const breakers: Scenario = {
  name: "breakers",
  faults: STEADY,
  sizes: (dice) => ({ isolates: dice.whole(1, 4), probes: dice.whole(1, 3), faultyMs: dice.whole(3_000, 10_000) }),
  least: { isolates: 1, probes: 1, faultyMs: 1_000 },
  plants: BREAKER_PLANTS,
  run: (engine, faults, sizes, plant) =>
    runBreakers(engine, faults, sizes as never, plant === undefined ? {} : BREAKER_PLANTS[plant]!.cores),
}

const limits: Scenario = {
  name: "limits",
  faults: STEADY,
  sizes: (dice) => ({ isolates: dice.whole(1, 8), faultyMs: dice.whole(3_000, 8_000) }),
  least: { isolates: 1, faultyMs: 1_000 },
  plants: LIMIT_PLANTS,
  run: (engine, faults, sizes, plant) =>
    runLimits(engine, faults, sizes as never, plant === undefined ? {} : LIMIT_PLANTS[plant]!.cores),
}

const guard: Scenario = {
  name: "guard",
  // What was counted, and since when, is told by clocks that agree.
  faults: FAULTS.filter((fault) => fault !== "clock-jump" && fault !== "clock-skew"),
  sizes: (dice) => ({
    ...{ gapMs: dice.pick([15, 25, 40, 400]), badPercent: dice.pick([0, 1, 90, 100]) },
    faultyMs: dice.whole(2_000, 7_000),
  }),
  least: { gapMs: 15, badPercent: 0, faultyMs: 1_000 },
  plants: GUARD_PLANTS,
  run: (engine, faults, sizes, plant) =>
    runGuard(engine, faults, sizes as never, plant === undefined ? {} : GUARD_PLANTS[plant]!.cores),
}

export const SCENARIOS: readonly Scenario[] = [propagation, breakers, limits, guard]

/** Propagation has most to go wrong: three of six schedules are of it. */
const TURNS = [propagation, breakers, propagation, limits, propagation, guard]

export function scenarioOf(seed: number): Scenario {
  return TURNS[seed % TURNS.length]!
}

/** The scenario that a bug can be planted in. */
export function scenarioWith(plant: string): Scenario | undefined {
  return SCENARIOS.find(({ plants }) => Object.hasOwn(plants, plant))
}
