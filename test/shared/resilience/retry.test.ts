import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { RetryCondition, RetryPolicy } from "#shared/model/policy.ts"
import type { RefusalName } from "#shared/model/refusal.ts"
import {
  backoffMs,
  isErrorRetried,
  isPlatformFailure,
  isRetried,
  mayRepeat,
  type Outcome,
  retryAfterMs,
  waitAfterErrorMs,
  waitBeforeRetryMs,
  waitWithin,
} from "#shared/resilience/retry.ts"

const policy = (more: Partial<RetryPolicy> = {}): RetryPolicy => ({
  attempts: 3,
  on: [],
  backoffMs: 25,
  unsafe: false,
  ...more,
})
const refused = (refusal: RefusalName): Outcome => ({ refusal })
const answered = (status: number, headers: Record<string, string> = {}): Outcome => ({
  status,
  headers: new Headers(headers),
})
const byMesh = (status: number, refusal: RefusalName) => answered(status, { "weft-refusal": refusal })

describe("what is tried again", () => {
  it.each([
    ["5xx takes 500", "5xx", answered(500), true],
    ["5xx takes 599", "5xx", answered(599), true],
    ["5xx leaves 499", "5xx", answered(499), false],
    ["gateway-error takes 502", "gateway-error", answered(502), true],
    ["gateway-error takes 504", "gateway-error", answered(504), true],
    ["gateway-error leaves 500", "gateway-error", answered(500), false],
    ["retriable-4xx takes 409", "retriable-4xx", answered(409), true],
    ["retriable-4xx leaves 400", "retriable-4xx", answered(400), false],
    ["retriable-4xx leaves a missing answer", "retriable-4xx", refused("upstream_unreachable"), false],
    ["a number takes its status", 429, answered(429), true],
    ["a number leaves others", 429, answered(503), false],
    ["a number looks only at what the upstream answered", 503, refused("upstream_unreachable"), false],
    ["a header takes any value", { header: "x-again" }, answered(200, { "x-again": "" }), true],
    ["a header leaves its absence", { header: "x-again" }, answered(200), false],
    ["a header takes its value", { header: "x-again", value: "yes" }, answered(200, { "x-again": "yes" }), true],
    ["a header leaves another value", { header: "x-again", value: "yes" }, answered(200, { "x-again": "no" }), false],
    ["connect-failure takes an upstream that is not there", "connect-failure", refused("upstream_unreachable"), true],
    ["connect-failure leaves an attempt over its time", "connect-failure", refused("upstream_timeout"), false],
    ["attempt-timeout takes an attempt over its time", "attempt-timeout", refused("upstream_timeout"), true],
    ["attempt-timeout leaves an upstream that is not there", "attempt-timeout", refused("upstream_unreachable"), false],
    ["attempt-timeout leaves an answer", "attempt-timeout", answered(504), false],
    ["reset takes an attempt over its time", "reset", refused("upstream_timeout"), true],
    ["gateway-error takes an attempt over its time", "gateway-error", refused("upstream_timeout"), true],
    ["retriable-4xx leaves an attempt over its time", "retriable-4xx", refused("upstream_timeout"), false],
    ["connect-failure leaves an answer", "connect-failure", answered(503), false],
    ["reset takes an upstream that is not there", "reset", refused("upstream_unreachable"), true],
    ["reset leaves an answer", "reset", answered(503), false],
    ["5xx takes an upstream that is not there", "5xx", refused("upstream_unreachable"), true],
    ["nothing takes a refusal that was not the upstream's fault", "5xx", refused("circuit_open"), false],
    ["nothing takes the end of the whole time", "5xx", refused("deadline_exceeded"), false],
    ["a class leaves an inner hop's final word", "5xx", byMesh(504, "deadline_exceeded"), false],
    ["a class leaves an inner hop's fault, which is on purpose", "5xx", byMesh(503, "fault_injected"), false],
    ["a class takes what an inner hop could not reach", "5xx", byMesh(503, "upstream_unreachable"), true],
    ["a class takes an answer with an unknown refusal", "5xx", answered(503, { "weft-refusal": "x" }), true],
    ["a number asks for an inner hop's word too", 503, byMesh(503, "fault_injected"), true],
  ] as [string, RetryCondition, Outcome, boolean][])("%s", (_sentence, condition, outcome, expected) => {
    expect(isRetried(policy({ on: [condition] }), outcome)).toBe(expected)
  })

  it("is nothing without conditions", () => {
    expect(isRetried(policy(), answered(500))).toBe(false)
  })

  it.each([
    ["an error that the platform marks as retryable", { retryable: true }, true, true],
    ["an overloaded callee is not asked again, but has failed", { retryable: true, overloaded: true }, true, false],
    ["what a callee throws is its answer", new Error("sold out"), false, false],
    ["an inner hop's refusal is an answer too", { retryable: true, refusal: "overloaded" }, false, false],
    ["a fault that an inner hop injected is on purpose", { retryable: false, refusal: "fault_injected" }, false, false],
    ["what an inner hop could not reach is tried elsewhere", { refusal: "upstream_unreachable" }, false, true],
    ["a callee's own word is its answer, whatever it is called", { refusal: "card_declined" }, false, false],
    ["anything can be thrown", null, false, false],
  ])("for RPC: %s", (_sentence, error, failed, retried) => {
    expect(isPlatformFailure(error)).toBe(failed)
    expect(isErrorRetried(policy({ on: ["5xx"] }), error)).toBe(retried)
    expect(isErrorRetried(policy({ on: [503] }), error)).toBe(false)
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

  it("is never below the policy's, nor beyond its doubling or the ceiling", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60_000 }),
        fc.integer({ min: 1, max: 10 }),
        dice,
        (backoff, failed, throwOf) => {
          const waitMs = backoffMs(policy({ backoffMs: backoff }), failed, throwOf)
          expect(waitMs).toBeGreaterThanOrEqual(backoff)
          expect(waitMs).toBeLessThanOrEqual(Math.max(10_000, backoff))
          expect(waitMs).toBeLessThanOrEqual(backoff * 2 ** failed)
        },
      ),
    )
  })

  it("is spread over ever more time", () => {
    expect([1, 2, 3].map((failed) => backoffMs(policy(), failed, 0))).toEqual([25, 25, 25])
    expect([1, 2, 3].map((failed) => backoffMs(policy(), failed, 0.5))).toEqual([37.5, 62.5, 112.5])
  })

  it("is longer by what the upstream asks for", () => {
    const wait = waitBeforeRetryMs(policy(), 1, answered(503, { "retry-after": "2" }), 0, 0)
    expect(wait).toEqual({ asked: 2_000, least: 2_025, total: 2_025 })
    const none = { asked: 0, least: 25, total: 25 }
    expect(waitBeforeRetryMs(policy(), 1, refused("upstream_timeout"), 0, 0)).toEqual(none)
  })

  it("is spread by up to half as long again, so that who was told the same does not come at the same time", () => {
    const waits = (dice: number) => waitBeforeRetryMs(policy(), 1, answered(503, { "retry-after": "2" }), 0, dice).total
    expect([waits(0), waits(0.5), waits(0.999)].map(Math.round)).toEqual([2_025, 2_500, 2_999])
  })

  it.each([
    [2_900, 2_500],
    [2_400, 2_037.5],
    [2_037.5, undefined],
  ])("fits into the %d ms that are left, if the least of it does", (remainingMs, expected) => {
    expect(waitWithin({ asked: 2_000, least: 2_037.5, total: 2_500 }, remainingMs)).toBe(expected)
  })

  it.each<[unknown, number]>([
    [{ retryAfterMs: 400 }, 400],
    [{ retryAfterMs: -1 }, 0],
    [{ retryAfterMs: Number.NaN }, 0],
    [{ retryAfterMs: "400" }, 0],
    [undefined, 0],
    [null, 0],
  ])("after the error %j of an RPC call is longer by %i ms", (error, asked) => {
    expect(waitAfterErrorMs(policy(), 1, error, 0)).toMatchObject({ asked, total: asked + 25 })
  })

  it.each([
    [null, 0],
    ["3", 3_000],
    ["-1", 0],
    ["1.5", 0],
    ["soon", 0],
    ["Thu, 01 Jan 1970 00:01:40 GMT", 60_000],
    ["Thu, 01 Jan 1970 00:00:30 GMT", 0],
    ["1970-01-01T00:01:40Z", 0],
  ])("asked for by Retry-After %j, 40 s into the epoch, is %i ms", (header, expected) => {
    expect(retryAfterMs(header, 40_000)).toBe(expected)
  })
})
