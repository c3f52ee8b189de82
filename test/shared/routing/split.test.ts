import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { split } from "#shared/routing/split.ts"
import { backend } from "./build.ts"

describe("the split", () => {
  it("gives every backend exactly its share of an even grid of throws", () => {
    const weights = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 16 })
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 3 }), (weights, fineness) => {
        const backends = weights.map((weight, index) => backend(`b${index}`, weight))
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const counts = new Map(backends.map((one) => [one, 0]))
        const throws = total * fineness
        for (let index = 0; index < throws; index++) {
          const chosen = split(backends, (index + 0.5) / throws)
          if (chosen) counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
        }
        expect([...counts.values()]).toEqual(weights.map((weight) => weight * fineness))
      }),
    )
  })

  it("chooses one for every throw up to the very last, and the same for the same throw", () => {
    const backends = [backend("a", 1), backend("b", 999_999), backend("none", 0)]
    for (const dice of [0, 1e-7, 0.5, 1 - 2 ** -53]) {
      expect(split(backends, dice)).toBeDefined()
      expect(split(backends, dice)).toBe(split(backends, dice))
      expect(split(backends, dice)?.weight).not.toBe(0)
    }
    expect(split(backends, 0)).toBe(backends[0])
    expect(split(backends, 1 - 2 ** -53)).toBe(backends[1])
  })

  it("chooses none when there is none or all weigh nothing", () => {
    expect(split([], 0.5)).toBeUndefined()
    expect(split([backend("a", 0)], 0)).toBeUndefined()
    expect(split([backend("a", 0), backend("b", 0)], 0)).toBeUndefined()
    const only = backend("a", 7)
    expect(split([only], 0.99)).toBe(only)
  })

  it("leaves out a weight of 0 that stands first", () => {
    expect(split([backend("a", 0), backend("b", 1)], 0)?.service).toBe("default/b")
  })

  it("moves a throw to another backend only when that backend's share grows into it", () => {
    const at = (canary: number, dice: number) =>
      split([backend("canary", canary), backend("stable", 100 - canary)], dice)?.service
    for (let throwOf = 0; throwOf < 100; throwOf++) {
      const dice = throwOf / 100
      if (at(10, dice) === "default/canary") expect(at(20, dice)).toBe("default/canary")
    }
  })
})
