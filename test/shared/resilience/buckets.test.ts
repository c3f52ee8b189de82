import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Buckets } from "#shared/resilience/buckets.ts"

const RATE = { requests: 60, perMs: 60_000, burst: 3 }

describe("buckets by key", () => {
  it("hold a burst each, and gain with time", () => {
    const buckets = new Buckets(10)
    const take = (key: string, nowMs: number) => buckets.take(key, RATE, 1, nowMs)
    expect([take("a", 0), take("a", 0), take("a", 0), take("a", 0)]).toEqual([0, 0, 0, 1_000])
    expect(take("b", 0)).toBe(0)
    expect(buckets.waitMs("a", RATE, 1, 400)).toBe(600)
    expect(take("a", 900)).toBe(100)
    expect(take("a", 1_000)).toBe(0)
    expect(buckets.waitMs("unknown", RATE, 3, 0)).toBe(0)
  })

  it("give no more than a bucket can in any stretch of time", () => {
    const step = fc.record({ afterMs: fc.nat(3_000), tokens: fc.integer({ min: 1, max: 3 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const buckets = new Buckets(10)
        let nowMs = 0
        let given = 0
        for (const { afterMs, tokens } of steps) {
          nowMs += afterMs
          if (buckets.take("a", RATE, tokens, nowMs) === 0) given += tokens
        }
        expect(given).toBeLessThanOrEqual(RATE.burst + nowMs / 1_000 + 1e-6)
      }),
    )
  })

  it("are as many as there is room for, and fewer again after a flood", () => {
    const buckets = new Buckets(100)
    for (let key = 0; key < 1_000; key++) buckets.take(`k${key}`, RATE, 1, 0)
    expect(buckets.size).toBe(100)
    for (let key = 0; key < 100; key++) buckets.take("again", RATE, 1, 10_000 + key * 1_000)
    expect(buckets.size).toBeLessThanOrEqual(2)
  })
})
