import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { CheckOutcome, HealthPolicy } from "#shared/model/health.ts"
import { LIMITS } from "#shared/model/limits.ts"
import {
  type Condition,
  faultOf,
  freshMs,
  jittered,
  judge,
  newcomer,
  pauseOf,
  take,
  UNKNOWN,
  unhealthyOf,
} from "#shared/resilience/health.ts"

const POLICY: HealthPolicy = {
  check: { kind: "http", method: "GET", path: "/healthz", statuses: [{ from: 200, to: 299 }] },
  intervalMs: 10_000,
  timeoutMs: 1_000,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
  initial: "healthy",
  panicPercent: 50,
}
const STRICT: HealthPolicy = { ...POLICY, initial: "unhealthy" }
const OUTCOMES: { readonly [sign: string]: CheckOutcome } = {
  "+": { kind: "answered", status: 200 },
  "-": { kind: "answered", status: 503 },
}

/** What a place is taken for after each check of a story: `++-` are two good ones and a failed one. */
function told(story: string, policy = POLICY): string {
  let condition = newcomer(policy, 0)
  let word = condition.healthy ? "h" : "u"
  for (const [index, sign] of [...story].entries()) {
    condition = judge(condition, OUTCOMES[sign]!, policy, index + 1)
    word += condition.healthy ? "h" : "u"
  }
  return word
}

describe("a place that is checked", () => {
  it.each([
    ["is out at the third failure in a row", "---", "hhhu"],
    ["is not out for failures with a good check between them", "--+--+--", "hhhhhhhhh"],
    ["is back at the second good check in a row", "---+-++", "hhhuuuuh"],
    ["stays out while it fails", "-----", "hhhuuu"],
    ["comes and goes", "---++---", "hhhuuhhhu"],
  ])("%s", (_what, story, expected) => {
    expect(told(story)).toBe(expected)
  })

  it.each([
    ["comes in by its first good check when it begins unhealthy", "+", "uh"],
    ["needs as many as the others when its first check failed", "-++", "uuuh"],
    ["is out like any other after that", "+---", "uhhhu"],
  ])("%s", (_what, story, expected) => {
    expect(told(story, STRICT)).toBe(expected)
  })

  it("says since when, and what was wrong last", () => {
    let condition = newcomer(POLICY, 5)
    for (const nowMs of [10, 20, 30]) condition = judge(condition, OUTCOMES["-"]!, POLICY, nowMs)
    expect(condition).toMatchObject({ healthy: false, sinceMs: 30, because: "status 503" })
    condition = judge(condition, { kind: "timeout" }, POLICY, 40)
    expect(condition).toMatchObject({ sinceMs: 30, because: "no answer within 1000 ms" })
    expect(newcomer(STRICT, 5)).toMatchObject({ healthy: false, because: "not checked yet" })
  })
})

describe("a check", () => {
  const rpc: HealthPolicy = { ...POLICY, check: { kind: "rpc", method: "ping" } }
  it.each<[CheckOutcome, HealthPolicy, string | undefined]>([
    [{ kind: "answered", status: 299 }, POLICY, undefined],
    [{ kind: "answered", status: 199 }, POLICY, "status 199"],
    [{ kind: "answered", status: 301 }, POLICY, "status 301"],
    [{ kind: "returned" }, rpc, undefined],
    [{ kind: "threw" }, rpc, "the method threw"],
    [{ kind: "unreachable" }, POLICY, "no answer"],
    [{ kind: "unbound" }, POLICY, "the proxy has no binding to it"],
  ])("%j", (outcome, policy, fault) => {
    expect(faultOf(outcome, policy)).toBe(fault)
  })
})

describe("a service", () => {
  const round = (signs: { readonly [place: string]: string }) =>
    Object.entries(signs).map(([place, sign]) => ({ place, outcome: OUTCOMES[sign]! }))

  it("begins a generation with every change of what to avoid, and with none else", () => {
    let health = take(UNKNOWN, ["a", "b"], round({ a: "+", b: "+" }), POLICY, 1)
    const { generation } = health
    for (const nowMs of [2, 3]) health = take(health, ["a", "b"], round({ a: "-", b: "+" }), POLICY, nowMs)
    expect(health.generation).toBe(generation)
    health = take(health, ["a", "b"], round({ a: "-", b: "+" }), POLICY, 4)
    expect([health.generation, unhealthyOf(health)]).toEqual([generation + 1, ["a"]])
  })

  it("forgets places that it has no longer, and what was known of them", () => {
    let health = UNKNOWN
    for (const nowMs of [1, 2, 3]) health = take(health, ["a", "b"], round({ a: "-", b: "+" }), POLICY, nowMs)
    health = take(health, ["b"], round({ b: "+" }), POLICY, 4)
    expect(unhealthyOf(health)).toEqual([])
    health = take(health, ["a", "b"], [], POLICY, 5)
    expect(unhealthyOf(health)).toEqual([])
  })

  it("leaves places alone that a round has not checked", () => {
    let health = take(UNKNOWN, ["a", "b"], round({ a: "-", b: "-" }), POLICY, 1)
    health = take(health, ["a", "b"], round({ a: "-" }), POLICY, 2)
    health = take(health, ["a", "b"], round({ a: "-" }), POLICY, 3)
    expect(unhealthyOf(health)).toEqual(["a"])
  })

  it("takes a place for what it is called, whatever that is", () => {
    const health = take(UNKNOWN, ["__proto__", "constructor"], [], STRICT, 1)
    expect(unhealthyOf(health)).toEqual(["__proto__", "constructor"])
  })
})

describe("the pace of checks", () => {
  it.each([
    [1, 0, 9_000],
    [1, 1, 11_000],
    [LIMITS.healthBatchMax, 0.5, 10_000],
    [LIMITS.healthBatchMax + 1, 0.5, 5_000],
    [LIMITS.healthPlacesMax, 0.5, 2_500],
    [0, 0.5, 10_000],
  ])("of %i places with the dice at %d is a round each %i ms", (places, dice, expected) => {
    expect(jittered(pauseOf(POLICY, places), dice)).toBeCloseTo(expected)
  })

  it("outlives two rounds that get lost", () => {
    const slowest = 2 * jittered(pauseOf(POLICY, 1), 1) + POLICY.timeoutMs
    expect(freshMs(POLICY)).toBeGreaterThan(slowest)
  })
})

describe("laws", () => {
  const stories = fc.array(fc.boolean(), { maxLength: 60 })
  const policies = fc.record({
    unhealthyThreshold: fc.integer({ min: 1, max: 6 }),
    healthyThreshold: fc.integer({ min: 1, max: 6 }),
    initial: fc.constantFrom("healthy" as const, "unhealthy" as const),
  })
  const run = (story: readonly boolean[], policy: HealthPolicy): Condition[] => {
    let condition = newcomer(policy, 0)
    return story.map((good, index) => {
      condition = judge(condition, OUTCOMES[good ? "+" : "-"]!, policy, index)
      return condition
    })
  }
  const streak = (story: readonly boolean[], end: number): number => {
    let length = 0
    while (length <= end && story[end - length] === story[end]) length += 1
    return length
  }

  it("a place is never out for fewer failures than the threshold, nor in for fewer good checks but the first", () => {
    fc.assert(
      fc.property(stories, policies, (story, more) => {
        const policy = { ...POLICY, ...more }
        const conditions = run(story, policy)
        conditions.forEach(({ healthy }, index) => {
          const before = index === 0 ? policy.initial === "healthy" : conditions[index - 1]!.healthy
          if (before && !healthy) expect(streak(story, index)).toBeGreaterThanOrEqual(policy.unhealthyThreshold)
          if (!before && healthy && index > 0)
            expect(streak(story, index)).toBeGreaterThanOrEqual(policy.healthyThreshold)
        })
      }),
    )
  })

  it("whatever came before, enough checks of one kind decide", () => {
    fc.assert(
      fc.property(stories, policies, fc.boolean(), (story, more, good) => {
        const policy = { ...POLICY, ...more }
        const enough = Array.from({ length: 6 }, () => good)
        expect(run([...story, ...enough], policy).at(-1)!.healthy).toBe(good)
      }),
    )
  })
})
