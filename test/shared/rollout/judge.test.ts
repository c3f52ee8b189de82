import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Counts, Group } from "#shared/model/rollout.ts"
import { against, judge, worseText } from "#shared/rollout/judge.ts"

const counts = (requests: number, bad: Partial<Counts> = {}): Counts => ({
  ...{ requests, failed: 0, refused: 0, rejected: 0, slow: 0 },
  ...bad,
})
const group = (id: string, candidate: Counts, stable: Counts): Group => ({ id, candidate, stable })

describe("a candidate at one percent of the traffic", () => {
  it.each([
    ["nothing fails", 0, 0, false],
    ["two failures prove nothing", 2, 0, false],
    ["four failures where nothing else fails are no accident", 4, 0, true],
    ["as many as elsewhere are none", 5, 500, false],
    ["half as many again may be an accident", 8, 500, false],
    ["five times as many are none", 25, 500, true],
  ])("%s", (_what, bad, stableBad, isWorse) => {
    const one = group("default/orders/0", counts(100, { failed: bad }), counts(9_900, { failed: stableBad }))
    expect(judge([one]) !== undefined).toBe(isWorse)
  })

  it.each(["failed", "refused", "rejected", "slow"] as const)("is judged by what is %s", (signal) => {
    const one = group("default/orders/0", counts(100, { [signal]: 30 }), counts(9_900, { [signal]: 10 }))
    expect(judge([one])).toMatchObject({ signal, group: "default/orders/0", bad: 30 })
  })
})

describe("groups", () => {
  it("show a fault that drowns in the whole", () => {
    const groups = [
      group("default/shop/0", counts(10_000, { failed: 100 }), counts(990_000, { failed: 9_900 })),
      group("default/orders/0", counts(10, { failed: 8 }), counts(990)),
    ]
    expect(judge(groups)).toMatchObject({ signal: "failed", group: "default/orders/0", bad: 8 })
  })

  it("may trade requests: what moved from one rule to another is no fault", () => {
    const groups = [
      group("default/old/0", counts(0), counts(9_900, { failed: 99 })),
      group("default/new/0", counts(100, { failed: 1 }), counts(0)),
    ]
    expect(judge(groups)).toBeUndefined()
  })

  it("show requests that nothing takes any more", () => {
    const groups = [
      group("default/orders/0", counts(0), counts(9_900)),
      group("", counts(100, { refused: 100 }), counts(0)),
    ]
    const worse = judge(groups)!
    expect(worse).toMatchObject({ signal: "refused", bad: 100 })
    expect(worseText(worse)).toBe(
      "more requests are refused by the mesh: 100 % of 100 requests by it; none of 9900 of the rest",
    )
  })
})

describe("without the others' requests", () => {
  it("what fails for the most part is bad by itself", () => {
    expect(judge([group("a", counts(20, { failed: 12 }), counts(0))])).toMatchObject({ bad: 12, stableRequests: 0 })
    expect(judge([group("a", counts(20, { failed: 5 }), counts(0))])).toBeUndefined()
    expect(judge([group("a", counts(20, { slow: 20, rejected: 20 }), counts(0))])).toBeUndefined()
  })
})

describe("the evidence", () => {
  const sides = fc
    .tuple(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 20, max: 1_000_000 }))
    .chain(([requests, rest]) => fc.tuple(fc.constant(requests), fc.constant(rest), fc.nat(requests), fc.nat(rest)))

  it("bounds what chance can do: never less likely than it is", () => {
    // The exact tail of a binomial distribution, for small numbers.
    const small = fc.tuple(fc.integer({ min: 20, max: 400 }), fc.integer({ min: 20, max: 400 }), fc.nat(20), fc.nat(20))
    fc.assert(
      fc.property(small, ([requests, rest, bad, restBad]) => {
        const tail = tailOf(bad, bad + restBad, requests / (requests + rest))
        expect(Math.exp(-against(bad, requests, restBad, rest, "failed"))).toBeGreaterThanOrEqual(tail * (1 - 1e-9))
      }),
    )
  })

  it("grows with each further bad answer by the candidate, and shrinks with each by the others", () => {
    fc.assert(
      fc.property(sides, ([requests, rest, bad, restBad]) => {
        const evidence = against(bad, requests, restBad, rest, "failed")
        if (bad < requests) expect(against(bad + 1, requests, restBad, rest, "failed")).toBeGreaterThanOrEqual(evidence)
        if (restBad < rest) {
          expect(against(bad, requests, restBad + 1, rest, "failed")).toBeLessThanOrEqual(
            evidence + 1e-6 * (1 + evidence),
          )
        }
      }),
    )
  })

  it("is none where the candidate is not worse", () => {
    fc.assert(
      fc.property(sides, ([requests, rest, bad, restBad]) => {
        fc.pre(bad / requests <= restBad / rest)
        expect(against(bad, requests, restBad, rest, "failed")).toBe(0)
      }),
    )
  })
})

/** That of `n` at least `k` are hits, each with probability `q`. */
function tailOf(k: number, n: number, q: number): number {
  let sum = 0
  for (let hits = k; hits <= n; hits++) {
    let term = 1
    for (let i = 1; i <= hits; i++) term *= ((n - hits + i) / i) * q
    sum += term * (1 - q) ** (n - hits)
  }
  return sum
}
