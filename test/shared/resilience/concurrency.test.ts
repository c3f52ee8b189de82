import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ConcurrencyPolicy, Priority } from "#shared/model/upstream-policy.ts"
import {
  type Concurrency,
  enter,
  type LoadSign,
  leave,
  newConcurrency,
  placesFor,
} from "#shared/resilience/concurrency.ts"

const bulkhead: ConcurrencyPolicy = { max: 3, reservePercent: 0 }
const adaptive: ConcurrencyPolicy = {
  max: 40,
  reservePercent: 0,
  adaptive: { min: 2, initial: 10, samples: 10, overloadPercent: 20 },
}

/** So many requests at once, each of which then comes back with the sign. */
function round(state: Concurrency, policy: ConcurrencyPolicy, count: number, sign: (index: number) => LoadSign) {
  let now = state
  let entered = 0
  for (let index = 0; index < count; index++) {
    const next = enter(now, policy, "default")
    if (!next) continue
    now = next
    entered += 1
  }
  for (let index = 0; index < entered; index++) now = leave(now, policy, sign(index))
  return now
}

describe("a bulkhead", () => {
  it("lets as many in as it has places, and others when they are free again", () => {
    let state = newConcurrency(bulkhead)
    for (let index = 0; index < 3; index++) state = enter(state, bulkhead, "default")!
    expect(enter(state, bulkhead, "default")).toBeUndefined()
    state = leave(state, bulkhead, "too-much")
    expect(enter(state, bulkhead, "default")?.inFlight).toBe(3)
    expect(state.limit).toBe(3)
  })
})

describe("an adaptive limit", () => {
  it("grows by one while its places are used and all is fine", () => {
    let state = newConcurrency(adaptive)
    for (let index = 0; index < 5; index++) state = round(state, adaptive, 10, () => "fine")
    expect(state.limit).toBe(15)
  })

  it("does not grow while few of its places are used", () => {
    let state = newConcurrency(adaptive)
    for (let index = 0; index < 100; index++) state = round(state, adaptive, 2, () => "fine")
    expect(state.limit).toBe(10)
  })

  it("shrinks by a tenth when more answers than it bears say too much", () => {
    const mixed = (index: number): LoadSign => (index < 3 ? "too-much" : "fine")
    expect(round(newConcurrency(adaptive), adaptive, 10, mixed).limit).toBe(9)
    const few = (index: number): LoadSign => (index < 2 ? "too-much" : "fine")
    expect(round(newConcurrency(adaptive), adaptive, 10, few).limit).toBe(11)
  })

  it("judges no answer before it has enough of them, and none that says nothing", () => {
    expect(round(newConcurrency(adaptive), adaptive, 9, () => "too-much").limit).toBe(10)
    let state = newConcurrency(adaptive)
    for (let index = 0; index < 20; index++) state = round(state, adaptive, 10, () => "nothing")
    expect(state.limit).toBe(10)
  })

  it("stays between its least and its most, and counts no place twice", () => {
    const sign = fc.constantFrom<LoadSign>("fine", "too-much", "nothing")
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant("in" as const), sign), { maxLength: 500 }), (steps) => {
        let state = newConcurrency(adaptive)
        let under = 0
        for (const step of steps) {
          if (step === "in") {
            const next = enter(state, adaptive, "critical")
            expect(next === undefined).toBe(under >= state.limit)
            if (!next) continue
            state = next
            under += 1
          } else if (under > 0) {
            state = leave(state, adaptive, step)
            under -= 1
          }
          expect(state.inFlight).toBe(under)
          expect(state.limit).toBeGreaterThanOrEqual(2)
          expect(state.limit).toBeLessThanOrEqual(40)
        }
      }),
    )
  })
})

describe("priorities", () => {
  it.each<[Priority, number]>([
    ["sheddable", 60],
    ["default", 80],
    ["high", 90],
    ["critical", 100],
  ])("gives %s %d of 100 places when a fifth is reserved", (priority, places) => {
    expect(placesFor(priority, 100, 20)).toBe(places)
  })

  it("leaves every place to all but the sheddable when nothing is reserved", () => {
    expect((["sheddable", "default", "high", "critical"] as const).map((one) => placesFor(one, 8, 0))).toEqual([
      6, 8, 8, 8,
    ])
  })

  it("keeps one place at least for everybody", () => {
    expect(placesFor("sheddable", 1, 90)).toBe(1)
  })
})
