import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { RetryCondition, RetryPolicy } from "#shared/model/policy.ts"
import { backoffMs, isRetried, mayRepeat, type Outcome } from "#shared/resilience/retry.ts"

const policy = (more: Partial<RetryPolicy> = {}): RetryPolicy => ({
  attempts: 3,
  on: [],
  backoffMs: 25,
  unsafe: false,
  ...more,
})
const refused = (refusal: "upstream_unreachable" | "upstream_timeout" | "circuit_open"): Outcome => ({ refusal })

describe("what is tried again", () => {
  it.each([
    ["5xx takes 500", "5xx", { status: 500 }, true],
    ["5xx takes 599", "5xx", { status: 599 }, true],
    ["5xx leaves 499", "5xx", { status: 499 }, false],
    ["gateway-error takes 502", "gateway-error", { status: 502 }, true],
    ["gateway-error takes 504", "gateway-error", { status: 504 }, true],
    ["gateway-error leaves 500", "gateway-error", { status: 500 }, false],
    ["a number takes its status", 429, { status: 429 }, true],
    ["a number leaves others", 429, { status: 503 }, false],
    ["a number looks only at what the upstream answered", 502, refused("upstream_unreachable"), false],
    ["connect-failure takes an upstream that is not there", "connect-failure", refused("upstream_unreachable"), true],
    ["connect-failure takes an attempt over its time", "connect-failure", refused("upstream_timeout"), true],
    ["connect-failure leaves an answer", "connect-failure", { status: 503 }, false],
    ["5xx takes an upstream that is not there", "5xx", refused("upstream_unreachable"), true],
    ["nothing takes a refusal that was not the upstream's fault", "5xx", refused("circuit_open"), false],
  ] as [string, RetryCondition, Outcome, boolean][])("%s", (_sentence, condition, outcome, expected) => {
    expect(isRetried(policy({ on: [condition] }), outcome)).toBe(expected)
  })

  it("is nothing without conditions", () => {
    expect(isRetried(policy(), { status: 500 })).toBe(false)
  })
})

describe("what may be sent twice", () => {
  it.each([
    ["GET", false, {}, true],
    ["PUT", false, {}, true],
    ["DELETE", false, {}, true],
    ["POST", false, {}, false],
    ["PATCH", false, {}, false],
    ["POST", true, {}, true],
    ["POST", false, { unsafe: true }, true],
  ])("%s, key %s, %j", (method, hasKey, more, expected) => {
    expect(mayRepeat(policy(more), method, hasKey)).toBe(expected)
  })
})

describe("the wait", () => {
  const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  it("is never below the policy's, nor beyond half as much again as its doubling or the ceiling", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60_000 }),
        fc.integer({ min: 1, max: 10 }),
        dice,
        (backoff, failed, throwOf) => {
          const waitMs = backoffMs(policy({ backoffMs: backoff }), failed, throwOf)
          expect(waitMs).toBeGreaterThanOrEqual(backoff)
          expect(waitMs).toBeLessThanOrEqual(Math.max(10_000, backoff))
          expect(waitMs).toBeLessThanOrEqual(backoff * 2 ** (failed - 1) * 1.5)
        },
      ),
    )
  })

  it("doubles", () => {
    expect([1, 2, 3].map((failed) => backoffMs(policy(), failed, 0))).toEqual([25, 50, 100])
  })
})
