import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Rate } from "#shared/model/rate-limit.ts"
import { type Bucket, fullBucket, holds, refill, take, waitMs } from "#shared/resilience/limit.ts"

const RATE: Rate = { requests: 10, perMs: 1_000, burst: 20 }
const bucket = (tokens: number, atMs = 0): Bucket => ({ tokens, atMs })

describe("a bucket", () => {
  it.each([
    ["begins full", fullBucket(RATE, 5), 5, 20],
    ["gains with time", bucket(0), 100, 1],
    ["gains fractions", bucket(0), 50, 0.5],
    ["holds no more than its burst", bucket(19), 60_000, 20],
    ["gains nothing when no time passes", bucket(3, 70), 70, 3],
    ["gains nothing by a small step back", bucket(3, 70), 10, 3],
    ["gains nothing by a large step back", bucket(3, 100_000), 10, 3],
    ["is cut to a burst that has become smaller, without any time", bucket(50), 0, 20],
    ["is cut to a burst that has become smaller, over time", bucket(50), 10, 20],
    ["climbs out of debt at its rate", bucket(-10), 1_000, 0],
  ])("%s", (_what, before, nowMs, tokens) => {
    expect(refill(before, RATE, nowMs).tokens).toBe(tokens)
  })

  it("goes by the new time after a large step back, so that it fills again", () => {
    const after = refill(bucket(0, 1_000_000), RATE, 500)
    expect(refill(after, RATE, 600).tokens).toBe(1)
  })

  it("does not count time twice that a small step back repeats", () => {
    const stepped = refill(refill(bucket(0), RATE, 500), RATE, 100)
    expect(refill(stepped, RATE, 500).tokens).toBe(5)
  })

  it("takes back no more than fits", () => {
    expect(take(bucket(19), RATE, -5).tokens).toBe(20)
  })

  it("has a token that only the sum of fractions has lost", () => {
    const third: Rate = { requests: 3, perMs: 1_000, burst: 3 }
    let now = bucket(0)
    for (let ms = 1; ms <= 1_000; ms++) now = refill(now, third, ms)
    expect(holds(now, 3)).toBe(true)
  })

  it.each([
    ["at once when it is there", bucket(1), 1, 0],
    ["one token's time from empty", bucket(0), 1, 100],
    ["the rest of one token's time", bucket(0.75), 1, 25],
    ["out of debt first", bucket(-2), 1, 300],
  ])("tells how long to wait: %s", (_what, from, tokens, expected) => {
    expect(waitMs(from, RATE, tokens)).toBe(expected)
    expect(holds(refill(from, RATE, expected), tokens)).toBe(true)
  })
})

describe("the law of the bucket", () => {
  const rates = fc.record({
    requests: fc.integer({ min: 1, max: 1_000 }),
    perMs: fc.integer({ min: 1_000, max: 60_000 }),
    burst: fc.integer({ min: 1, max: 500 }),
  })

  it("gives no more than burst + rate * t over any window, whatever comes when", () => {
    const arrivals = fc.array(fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 1, max: 5 })), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(rates, arrivals, (rate, gaps) => {
        let now = 0
        let state = fullBucket(rate, 0)
        const given: { atMs: number; cost: number }[] = []
        for (const [gap, cost] of gaps) {
          now += gap
          state = refill(state, rate, now)
          if (!holds(state, cost)) continue
          state = take(state, rate, cost)
          given.push({ atMs: now, cost })
        }
        for (const [index, first] of given.entries()) {
          let sum = 0
          for (const { atMs, cost } of given.slice(index)) {
            sum += cost
            expect(sum).toBeLessThanOrEqual(rate.burst + ((atMs - first.atMs) * rate.requests) / rate.perMs + 0.001)
          }
        }
      }),
    )
  })

  it("gives no more than burst + rate * the way that the clock went forward, however it jumps", () => {
    const jumps = fc.array(fc.integer({ min: -10_000, max: 10_000 }), { maxLength: 100 })
    fc.assert(
      fc.property(rates, jumps, (rate, steps) => {
        let now = 1_000_000
        let forwardMs = 0
        let given = 0
        let state = fullBucket(rate, now)
        for (const step of steps) {
          now += step
          forwardMs += Math.max(0, step)
          state = refill(state, rate, now)
          while (holds(state, 1)) {
            state = take(state, rate, 1)
            given += 1
          }
        }
        expect(given).toBeLessThanOrEqual(rate.burst + (forwardMs * rate.requests) / rate.perMs + 0.001)
      }),
    )
  })

  it("is never shut for longer than it takes to fill, whatever the clock did before", () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: -1_000_000, max: 1_000_000 }), (rate, jump) => {
        const empty = take(fullBucket(rate, 2_000_000), rate, rate.burst)
        const jumped = refill(empty, rate, 2_000_000 + jump)
        const later = refill(jumped, rate, 2_000_000 + jump + 1_000 + (rate.burst * rate.perMs) / rate.requests)
        expect(holds(later, rate.burst)).toBe(true)
      }),
    )
  })

  it("is as it was after tokens that were taken are given back", () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 0, max: 500 }), (rate, tokens) => {
        const before = fullBucket(rate, 0)
        expect(take(take(before, rate, tokens), rate, -tokens).tokens).toBe(before.tokens)
      }),
    )
  })
})
