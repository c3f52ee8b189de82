import { describe, expect, it } from "vitest"
import type { Timeouts } from "#shared/model/policy.ts"
import { hadFairTime, type Typical, typicalAfter } from "#shared/resilience/patience.ts"

describe("an attempt that ran out of time had enough of it", () => {
  it.each<[string, number, Timeouts, Typical, boolean]>([
    ["when it had all that the rule gives to an attempt", 200, { attemptMs: 200, requestMs: 5_000 }, 1_000, true],
    ["when it had all that the rule gives to a request", 300, { requestMs: 300 }, 1_000, true],
    ["when it had nearly all of it", 280, { requestMs: 300 }, 1_000, true],
    ["not when earlier attempts took most of it", 20, { requestMs: 300 }, 1_000, false],
    ["when it had twice what answers take", 200, {}, 100, true],
    ["not when it had less than that", 199, {}, 100, false],
    ["not when it had next to nothing, however quick answers are", 49, {}, 1, false],
    ["when it had a little, and answers are quick", 50, {}, 1, true],
    ["when it had a second, and no answer has come yet", 1_000, {}, undefined, true],
    ["not when it had less, and no answer has come yet", 999, {}, undefined, false],
  ])("%s", (_what, limitMs, timeouts, typical, expected) => {
    expect(hadFairTime(limitMs, timeouts, typical)).toBe(expected)
  })
})

describe("what answers take", () => {
  it("is the first one's time at first, and follows slowly", () => {
    let typical = typicalAfter(undefined, 100)
    expect(typical).toBe(100)
    typical = typicalAfter(typical, 260)
    expect(typical).toBe(110)
    for (let answers = 0; answers < 200; answers++) typical = typicalAfter(typical, 500)
    expect(typical).toBeCloseTo(500, 0)
  })
})
