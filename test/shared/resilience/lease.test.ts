import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"
import {
  affords,
  answer,
  ask,
  freshShare,
  giveBack,
  grant,
  isAsking,
  missed,
  type Share,
  spend,
  spendable,
} from "#shared/resilience/lease.ts"
import { type Bucket, fullBucket } from "#shared/resilience/limit.ts"

const RATE: Rate = { requests: 64, perMs: 64_000, burst: 64 }
const wants = (more: Partial<Ask>): Ask => ({ want: 8, least: 1, debt: 0, back: 0, ...more })
const granted = (more: Partial<Grant>): Grant => ({ granted: 8, left: 50, emptyMs: 0, ...more })

describe("what the limiter grants", () => {
  it.each([
    ["all that is wanted while there is plenty", 64, wants({}), 8, 56],
    ["half of what is there at most", 10, wants({}), 5, 5],
    ["the last token", 1, wants({}), 1, 0],
    ["nothing from an empty bucket", 0.9, wants({}), 0, 0.9],
    ["nothing rather than too little to be of use", 3, wants({ least: 4 }), 0, 3],
    ["more than half when less is of no use", 5, wants({ least: 4 }), 4, 1],
    ["what is left after the debt", 10, wants({ debt: 6 }), 2, 2],
    ["nothing, and the debt stands", 3, wants({ debt: 6 }), 0, -3],
    ["what came back too", 2, wants({ back: 6 }), 4, 4],
    ["nothing for a key that only gives back", 2, wants({ want: 0, least: 0, back: 6 }), 0, 8],
    ["nothing that was never taken", 60, wants({ want: 0, least: 0, back: 600 }), 0, 64],
    ["nothing for as long as twice the time to fill at most", -60, wants({ debt: 60 }), 0, -64],
  ])("%s", (_what, tokens, asked, expected, left) => {
    const { bucket, grant: given } = grant({ tokens, atMs: 0 }, RATE, asked, 0)
    expect(given.granted).toBe(expected)
    expect(bucket.tokens).toBeCloseTo(left)
    expect(given.left).toBe(Math.max(0, Math.floor(left)))
  })

  it("says how long there will be nothing", () => {
    expect(grant({ tokens: -2, atMs: 0 }, RATE, wants({ least: 3 }), 0).grant.emptyMs).toBe(5_000)
    expect(grant({ tokens: 3, atMs: 0 }, RATE, wants({ least: 3 }), 0).grant.emptyMs).toBe(0)
  })
})

describe("a share", () => {
  const leased = answer(freshShare(0), wants({}), granted({}), 0, 0)

  it("lets the first requests pass on credit, a small part of the burst", () => {
    let share = freshShare(0)
    let passed = 0
    for (; affords(share, RATE, 1, 0); passed++) share = spend(share, 1, 0)
    expect(passed).toBe(2)
  })

  it("lets at least one request pass on credit, whatever it costs", () => {
    expect(affords(freshShare(0), { ...RATE, burst: 5 }, 1, 0)).toBe(true)
    expect(affords(freshShare(0), RATE, 40, 0)).toBe(true)
  })

  it("has no further credit while what it owes is being told", () => {
    const { share, ask: asked } = ask(spend(spend(freshShare(0), 1, 0), 1, 0), RATE, 1, 0)!
    expect(asked.debt).toBe(2)
    expect(affords(share, RATE, 1, 0)).toBe(false)
    const answered = answer(share, asked, granted({ granted: asked.want }), 0, 0)
    expect(affords(spend(answered, asked.want, 0), RATE, 1, 0)).toBe(true)
  })

  it("spends what it leased, for as long as the lease", () => {
    expect(spendable(leased, LIMITS.limitLeaseMs - 1)).toBe(8)
    expect(spendable(leased, LIMITS.limitLeaseMs)).toBe(0)
    expect(spendable(spend(leased, 3, 0), 0)).toBe(5)
  })

  it("asks again below a half, and not before", () => {
    expect(ask(spend(leased, 6, 0), RATE, 1, 1_000)?.ask).toEqual({ want: 6, least: 1, debt: 0, back: 0 })
    expect(ask(spend(leased, 5, 0), RATE, 1, 1_000)).toBeUndefined()
  })

  it("asks for what recent use took in a second, within a quarter of the burst", () => {
    const used = (count: number) => ask(spend({ ...freshShare(0), held: count }, count, 0), RATE, 1, 1_000)?.ask.want
    expect(used(1)).toBe(4)
    expect(used(9)).toBe(9)
    expect(used(60)).toBe(16)
  })

  it("asks once at a time, and anew when an answer got lost", () => {
    const asking = ask(freshShare(0), RATE, 1, 0)!.share
    expect(ask(asking, RATE, 1, 10)).toBeUndefined()
    expect(isAsking(asking, asking.askingUntilMs)).toBe(false)
    expect(ask(asking, RATE, 1, asking.askingUntilMs)).toBeDefined()
  })

  it("does not ask while there is nothing, and not with all the others at once", () => {
    const early = answer(freshShare(0), wants({}), granted({ granted: 0, emptyMs: 5_000 }), 0, 0)
    expect(ask(early, RATE, 1, 4_999)).toBeUndefined()
    expect(ask(early, RATE, 1, 5_000)).toBeDefined()
    const [first, last] = [0, 0.99].map((dice) =>
      answer(freshShare(0), wants({}), granted({ granted: 0, emptyMs: 1 }), 0, dice),
    )
    expect(first!.emptyUntilMs).toBe(LIMITS.limitAskMs / 2)
    expect(last!.emptyUntilMs).toBeGreaterThan(LIMITS.limitAskMs)
  })

  it("gives what it did not spend back when a whole lease replaces it", () => {
    const replaced = answer(spend(leased, 5, 0), wants({}), granted({}), 500, 0)
    expect(spendable(replaced, 500)).toBe(8)
    expect(replaced.back).toBe(3)
  })

  it("adds a part of a lease, which lives no longer than what it is added to", () => {
    const added = answer(spend(leased, 5, 0), wants({}), granted({ granted: 2 }), 500, 0)
    expect(spendable(added, 500)).toBe(5)
    expect(added.heldUntilMs).toBe(leased.heldUntilMs)
  })

  it("gives an expired lease back, once", () => {
    const { share, ask: asked } = giveBack(spend(leased, 5, 0), 3_000)!
    expect(asked).toEqual({ want: 0, least: 0, debt: 0, back: 3 })
    expect(giveBack(answer(share, asked, granted({ granted: 0 }), 3_000, 0), 9_000)).toBeUndefined()
    expect(giveBack(leased, 100)).toBeUndefined()
  })

  it("has no credit while there is nothing", () => {
    const early = answer(freshShare(0), wants({}), granted({ granted: 0, emptyMs: 5_000 }), 0, 0)
    expect(affords(early, RATE, 1, 4_999)).toBe(false)
    expect(affords(early, RATE, 1, 5_000)).toBe(true)
    const little = answer(freshShare(0), wants({}), granted({ granted: 1 }), 0, 0)
    expect(affords(spend(little, 1, 0), RATE, 1, 0)).toBe(false)
  })

  it("pays ahead for a while after a refusal, until it is granted something", () => {
    const refused = missed(freshShare(0), 1, 0)
    expect(affords(refused, RATE, 1, LIMITS.limitLeaseMs - 1)).toBe(false)
    expect(affords(refused, RATE, 1, LIMITS.limitLeaseMs)).toBe(true)
    expect(affords(spend(answer(refused, wants({}), granted({}), 0, 0), 8, 0), RATE, 1, 0)).toBe(true)
  })
})

describe("the law of leases", () => {
  it("holds for all isolates together: burst + rate * (t + lease) and their credit, over any window", () => {
    const rates = fc.record({
      requests: fc.integer({ min: 1, max: 200 }),
      perMs: fc.integer({ min: 1_000, max: 10_000 }),
      burst: fc.integer({ min: 16, max: 200 }),
    })
    const event = fc.record({
      gapMs: fc.integer({ min: 0, max: 60 }),
      isolate: fc.integer({ min: 0, max: 7 }),
      delayMs: fc.integer({ min: 0, max: 400 }),
      /** The answer never comes: what was granted is gone. */
      lost: fc.boolean(),
      dice: fc.float({ min: 0, max: Math.fround(0.99), noNaN: true }),
    })
    fc.assert(
      fc.property(rates, fc.array(event, { minLength: 100, maxLength: 600 }), (rate, events) => {
        const spent = simulate(rate, events)
        const credit = 8 * Math.max(1, Math.floor(rate.burst / 32))
        const perMs = rate.requests / rate.perMs
        for (const [index, atMs] of spent.entries()) {
          for (let later = index; later < spent.length; later += 7) {
            const windowMs = spent[later]! - atMs + LIMITS.limitLeaseMs
            expect(later - index + 1).toBeLessThanOrEqual(rate.burst + perMs * windowMs + credit + 0.001)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  interface Event {
    readonly gapMs: number
    readonly isolate: number
    readonly delayMs: number
    readonly lost: boolean
    readonly dice: number
  }

  /** When each request was let through. Asks reach the limiter at once; answers take their time. */
  function simulate(rate: Rate, events: readonly Event[]): number[] {
    const shares: Share[] = Array.from({ length: 8 }, () => freshShare(0))
    const answers: { atMs: number; isolate: number; asked: Ask; grant: Grant; dice: number }[] = []
    const spent: number[] = []
    let bucket: Bucket = fullBucket(rate, 0)
    let nowMs = 0
    for (const { gapMs, isolate, delayMs, lost, dice } of events) {
      nowMs += gapMs
      for (const come of answers.splice(0)) {
        if (come.atMs > nowMs) answers.push(come)
        else shares[come.isolate] = answer(shares[come.isolate]!, come.asked, come.grant, nowMs, come.dice)
      }
      let share = shares[isolate]!
      if (affords(share, rate, 1, nowMs)) {
        share = spend(share, 1, nowMs)
        spent.push(nowMs)
      } else share = missed(share, 1, nowMs)
      const next = ask(share, rate, 1, nowMs)
      if (next) {
        const given = grant(bucket, rate, next.ask, nowMs)
        bucket = given.bucket
        if (!lost) answers.push({ atMs: nowMs + delayMs, isolate, asked: next.ask, grant: given.grant, dice })
      }
      shares[isolate] = next?.share ?? share
    }
    return spent
  }
})
