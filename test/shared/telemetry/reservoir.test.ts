import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Reservoir } from "#shared/telemetry/reservoir.ts"

/** Reproducible dice. */
function dice(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32
  }
}

function pass(reservoir: Reservoir<number>, count: number): void {
  for (let one = 0; one < count; one++) if (reservoir.passes()) reservoir.keep(one)
}

describe("a reservoir", () => {
  it("keeps all of a few, and as many as it is large of many, each for as many", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(2_000), fc.nat(), (size, count, seed) => {
        const reservoir = new Reservoir<number>(size, dice(seed))
        pass(reservoir, count)
        const { kept, weight } = reservoir.take()
        expect(kept.length).toBe(Math.min(size, count))
        expect(new Set(kept).size).toBe(kept.length)
        expect(kept.length * weight).toBeCloseTo(count)
        pass(reservoir, 1)
        expect(reservoir.take()).toEqual({ kept: [0], weight: 1 })
      }),
    )
  })

  it("is fair: early, middle and late ones are kept as often", () => {
    const thirds = [0, 0, 0]
    for (let seed = 0; seed < 2_000; seed++) {
      const reservoir = new Reservoir<number>(5, dice(seed * 7_919))
      pass(reservoir, 300)
      for (const one of reservoir.take().kept) thirds[Math.floor(one / 100)]! += 1
    }
    for (const third of thirds) expect(Math.abs(third - 10_000 / 3)).toBeLessThan(250)
  })
})
