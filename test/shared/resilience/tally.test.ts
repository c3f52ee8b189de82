import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { add, count, freshWindow, NOTHING, type Tally, tallyOf, totalOf } from "#shared/resilience/tally.ts"

/** Attempts in a row: `f` failed, `s` good but slow, `.` good. */
const ofStory = (story: string) => [...story].map((sign) => tallyOf(sign === "f", sign === "s")).reduce(add, NOTHING)
const story = fc.array(fc.constantFrom("f", "s", "."), { maxLength: 12 }).map((signs) => signs.join(""))
const tally: fc.Arbitrary<Tally> = story.map(ofStory)

describe("a tally", () => {
  it.each([
    ["", { total: 0, failed: 0, slow: 0, trailing: 0 }],
    ["ff.f", { total: 4, failed: 3, slow: 0, trailing: 1 }],
    ["s.ff", { total: 4, failed: 2, slow: 1, trailing: 2 }],
    ["ff", { total: 2, failed: 2, slow: 0, trailing: 2 }],
  ])("of %j is %j", (signs, expected) => {
    expect(ofStory(signs)).toEqual(expected)
  })

  it("is the same however a story is cut into parts", () => {
    fc.assert(fc.property(story, story, (a, b) => void expect(add(ofStory(a), ofStory(b))).toEqual(ofStory(a + b))))
    fc.assert(fc.property(tally, tally, tally, (a, b, c) => void expect(add(add(a, b), c)).toEqual(add(a, add(b, c)))))
  })

  it("does not change by nothing", () => {
    fc.assert(fc.property(tally, (a) => void expect([add(a, NOTHING), add(NOTHING, a)]).toEqual([a, a])))
  })

  it("counts the same attempts in whichever order isolates report them", () => {
    fc.assert(
      fc.property(tally, tally, (a, b) => {
        const [ab, ba] = [add(a, b), add(b, a)]
        expect([ab.total, ab.failed, ab.slow]).toEqual([ba.total, ba.failed, ba.slow])
      }),
    )
  })
})

describe("a window", () => {
  it("forgets by tenths of its length", () => {
    const window = count(freshWindow(1_000, 0), 1_000, ofStory("ff"), 0)
    expect([0, 899, 999, 1_000, 99_999].map((nowMs) => totalOf(window, 1_000, nowMs).failed)).toEqual([2, 2, 2, 0, 0])
  })

  it("loses nothing to a clock that goes back", () => {
    const window = count(freshWindow(1_000, 5_000), 1_000, ofStory("f"), 3_000)
    expect(totalOf(window, 1_000, 3_000).failed).toBe(1)
    expect(totalOf(window, 1_000, 5_000).failed).toBe(1)
  })

  it("holds what came within its length, and nothing from before it", () => {
    const events = fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), tally), { maxLength: 30 })
    fc.assert(
      fc.property(events, (steps) => {
        let nowMs = 0
        let window = freshWindow(1_000, 0)
        const seen: [number, Tally][] = []
        for (const [passMs, more] of steps) {
          nowMs += passMs
          window = count(window, 1_000, more, nowMs)
          seen.push([nowMs, more])
          const within = (ms: number) =>
            seen.filter(([atMs]) => atMs > nowMs - ms).reduce((sum, [, one]) => sum + one.total, 0)
          const { total } = totalOf(window, 1_000, nowMs)
          expect(total).toBeGreaterThanOrEqual(within(900))
          expect(total).toBeLessThanOrEqual(within(1_001))
        }
      }),
    )
  })
})
