import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { relayName } from "#shared/propagation/regions.ts"
import { countPull, freshRate, type Rate, spreadFor } from "#shared/propagation/spread.ts"

/** A region whose isolates pull every two seconds and do as they are told. */
function region(isolates: number) {
  const spreads = new Array<number>(isolates).fill(1)
  const rates = new Map<string, Rate>()
  let nowMs = 0
  return {
    spreads,
    relays: () => new Set(spreads.map((spread, isolate) => relayName("weur", `isolate-${isolate}`, spread))).size,
    /** So many seconds, with `awake` of the isolates. */
    run(seconds: number, awake = isolates) {
      for (const endMs = nowMs + seconds * 1000; nowMs < endMs; ) {
        for (let isolate = 0; isolate < awake; isolate++) {
          const name = relayName("weur", `isolate-${isolate}`, spreads[isolate]!)
          const rate = countPull(rates.get(name) ?? freshRate(nowMs), spreads[isolate]!, nowMs)
          rates.set(name, rate)
          spreads[isolate] = spreadFor(rate, spreads[isolate]!)
          nowMs += 2_000 / awake
        }
      }
    },
  }
}

describe("the spread of a region", () => {
  it.each([
    ["few isolates", 50, 1],
    ["as many as one relay bears", 950, 1],
    ["a few too many", 1_100, 2],
    ["three times too many", 3_100, 4],
    ["more than there may be relays for", 40_000, LIMITS.relaySpreadMax],
  ])("is right for %s, and stays so", (_what, isolates, relays) => {
    const { run, spreads, relays: used } = region(isolates)
    run(60)
    expect(new Set(spreads)).toEqual(new Set([relays]))
    expect(used()).toBe(relays)
    run(20)
    expect(new Set(spreads)).toEqual(new Set([relays]))
  })

  it("shrinks again when most isolates have gone", () => {
    const { run, spreads } = region(3_100)
    run(60)
    run(120, 40)
    expect(spreads.slice(0, 40).every((spread) => spread === 1)).toBe(true)
  })

  it("does not change before a window was full, nor by a clock that jumps", () => {
    let rate = freshRate(1_000_000)
    for (let pull = 0; pull < 100_000; pull++) rate = countPull(rate, 1, 1_000_000)
    expect(spreadFor(rate, 1)).toBe(1)
    expect(spreadFor(countPull(rate, 1, 900_000), 1)).toBe(1)
    expect(spreadFor(countPull(rate, 1, 9_000_000), 1)).toBe(1)
  })
})
