/** Runs schedules, and makes one that breaks a promise as small as it gets. The same seed always does the same. */
import { Dice } from "./dice.ts"
import { Engine, Violation } from "./engine.ts"
import type { Fault } from "./network.ts"
import { type Scenario, type Sizes, scenarioOf } from "./scenarios.ts"

/** What a schedule is made of beside its seed. */
export interface Shape {
  readonly faults: readonly Fault[]
  readonly sizes: Sizes
}

export interface Failure {
  readonly invariant: string
  readonly message: string
  readonly trace: readonly string[]
}

export interface Shrunk {
  readonly shape: Shape
  readonly failure: Failure
}

export interface Options {
  /** Instead of the scenario that the seed has by itself. */
  readonly scenario?: Scenario
  readonly plant?: string
  readonly shape?: Shape
  readonly traced?: boolean
}

/** How often each kind of fault is part of a schedule: all at once would hide one another. */
const FAULT_SHARE = 0.6

export function shapeOf(seed: number, { faults, sizes }: Scenario): Shape {
  const dice = new Dice(seed + 0x5eed)
  return { faults: faults.filter(() => dice.chance(FAULT_SHARE)), sizes: sizes(dice) }
}

/** Undefined when all held. */
export function simulate(seed: number, options: Options = {}): Failure | undefined {
  const { scenario = scenarioOf(seed), plant, traced = false } = options
  const { faults, sizes } = options.shape ?? shapeOf(seed, scenario)
  const engine = new Engine(seed, traced)
  try {
    scenario.run(engine, new Set(faults), sizes, plant)
    return undefined
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    engine.say(() => `BROKEN ${error.message}`)
    return { invariant: error.invariant, message: error.message, trace: engine.trace ?? [] }
  }
}

/** Leaves out faults and machines, one after the other, as long as the same promise is broken. */
export function shrink(seed: number, options: Options = {}): Shrunk | undefined {
  const { scenario = scenarioOf(seed) } = options
  let shape = options.shape ?? shapeOf(seed, scenario)
  const first = simulate(seed, { ...options, shape })
  if (!first) return undefined
  const breaks = (smaller: Shape) => simulate(seed, { ...options, shape: smaller })?.invariant === first.invariant
  for (let shrunk = true; shrunk; ) {
    const smaller = smallerThan(shape, scenario).find(breaks)
    shrunk = smaller !== undefined
    shape = smaller ?? shape
  }
  return { shape, failure: simulate(seed, { ...options, shape, traced: true })! }
}

function smallerThan({ faults, sizes }: Shape, { least }: Scenario): Shape[] {
  const withoutOne = faults.map((fault) => ({ faults: faults.filter((other) => other !== fault), sizes }))
  const fewer = Object.entries(sizes).flatMap(([name, size]) => {
    const smaller = name === "faultyMs" ? Math.floor(size * 0.8) : size - 1
    return smaller >= (least[name] ?? 0) ? [{ faults, sizes: { ...sizes, [name]: smaller } }] : []
  })
  return [...withoutOne, ...fewer]
}
