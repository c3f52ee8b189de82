/** A batch of schedules in which all promises hold, and each bug that is known how to plant, found. */
import { describe, expect, it } from "vitest"
import { SCENARIOS, scenarioOf } from "#simulator/scenarios.ts"
import { shapeOf, shrink, simulate } from "#simulator/simulate.ts"

/** A second or two; `npm run simulate -- --seed 1 --schedules 100000` runs more. */
const SCHEDULES = 2_000
/** Far more than it takes to find the best hidden of them. */
const SEEDS_MAX = 8_000

describe("the simulator", () => {
  it(`finds nothing in ${SCHEDULES} schedules`, () => {
    for (let seed = 1; seed <= SCHEDULES; seed++) expect(simulate(seed), `seed ${seed}`).toBeUndefined()
  })

  it("finds nothing where leases once came back to a bucket that time had filled", () => {
    const limits = SCENARIOS.find(({ name }) => name === "limits")!
    expect(simulate(1_029_464, { scenario: limits })).toBeUndefined()
  })

  it("does the same each time, traced or not", () => {
    const [scenario, plant] = [SCENARIOS[0]!, "isolate-goes-back"]
    const seed = firstSeed(scenario, plant, "monotonic")!
    const [one, other] = [
      simulate(seed, { scenario, plant, traced: true }),
      simulate(seed, { scenario, plant, traced: true }),
    ]
    expect(one).toEqual(other)
    expect(simulate(seed, { scenario, plant })?.message).toBe(one?.message)
    expect(one?.trace.at(-1)).toContain("BROKEN monotonic")
  })

  it("makes a failure smaller, and says how to see it again", () => {
    const [scenario, plant] = [SCENARIOS[0]!, "isolate-goes-back"]
    const seed = firstSeed(scenario, plant, "monotonic")!
    const { shape, failure } = shrink(seed, { scenario, plant })!
    const before = shapeOf(seed, scenario)
    expect(shape.faults.length + sum(shape.sizes)).toBeLessThan(before.faults.length + sum(before.sizes))
    expect(simulate(seed, { scenario, plant, shape, traced: true })).toEqual(failure)
  })

  it("gives every scenario its turn", () => {
    const names = Array.from({ length: 10 }, (_each, seed) => scenarioOf(seed).name)
    expect(new Set(names)).toEqual(new Set(SCENARIOS.map(({ name }) => name)))
  })
})

describe.each(SCENARIOS)("a bug planted in $name", (scenario) => {
  it.each(Object.entries(scenario.plants).map(([plant, { breaks }]) => [plant, breaks] as const))(
    "%s breaks the promise %s, and is found",
    (plant, breaks) => {
      const seed = firstSeed(scenario, plant, breaks)
      expect(seed).toBeDefined()
      // Without the bug the same schedule keeps all promises.
      expect(simulate(seed!, { scenario })).toBeUndefined()
    },
  )
})

function firstSeed(scenario: (typeof SCENARIOS)[number], plant: string, breaks: string): number | undefined {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    if (simulate(seed, { scenario, plant })?.invariant === breaks) return seed
  }
  return undefined
}

function sum(sizes: Readonly<Record<string, number>>): number {
  return Object.values(sizes).reduce((total, size) => total + size, 0)
}
