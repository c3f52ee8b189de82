import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Budget, countRequest, freshBudget, spendRetry } from "#shared/resilience/budget.ts"

const FIFTH = { ratio: 0.2, perSecondMin: 0 }

function counted(requests: number, nowMs = 0, budget: Budget = freshBudget(nowMs)): Budget {
  let count = budget
  for (let request = 0; request < requests; request++) count = countRequest(count, nowMs)
  return count
}

function spendAll(budget: Budget, policy: typeof FIFTH, nowMs: number): { retries: number; budget: Budget } {
  let current = budget
  for (let retries = 0; ; retries++) {
    const next = spendRetry(current, policy, nowMs)
    if (!next) return { retries, budget: current }
    current = next
  }
}

describe("a retry budget", () => {
  it.each([
    ["a fifth of the requests", 100, FIFTH, 20],
    ["nothing without requests", 0, FIFTH, 0],
    ["nothing for too few requests", 4, FIFTH, 0],
    ["the floor where the share is less", 4, { ratio: 0.2, perSecondMin: 1 }, 10],
    ["the share where it is more than the floor", 100, { ratio: 0.2, perSecondMin: 1 }, 20],
    ["nothing when it is switched off", 100, { ratio: 0, perSecondMin: 0 }, 0],
  ])("allows %s", (_sentence, requests, policy, expected) => {
    expect(spendAll(counted(requests), policy, 0).retries).toBe(expected)
  })

  it("forgets requests and retries after ten seconds, in step", () => {
    const spent = spendAll(counted(100), FIFTH, 0).budget
    expect(spendRetry(spent, FIFTH, 9_999)).toBeUndefined()
    expect(spendRetry(counted(5, 10_000, spent), FIFTH, 10_000)).toBeDefined()
    expect(spendRetry(spent, FIFTH, 10_000)).toBeUndefined()
  })

  it("never lets retries pass the share, whatever comes when", () => {
    const step = fc.record({ passMs: fc.integer({ min: -2_000, max: 4_000 }), retry: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let nowMs = 50_000
        let budget = freshBudget(nowMs)
        let requests = 0
        let retries = 0
        for (const { passMs, retry } of steps) {
          nowMs += passMs
          const spent = retry ? spendRetry(budget, FIFTH, nowMs) : undefined
          if (spent) retries += 1
          if (!retry) requests += 1
          budget = retry ? (spent ?? budget) : countRequest(budget, nowMs)
          expect(retries).toBeLessThanOrEqual(0.2 * requests)
        }
      }),
    )
  })
})
