import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DEFAULT_ROLLOUT, type Group, type RolloutPolicy } from "#shared/model/rollout.ts"
import { isChosen } from "#shared/rollout/chosen.ts"
import { policyOf } from "#shared/rollout/policy.ts"
import {
  begin,
  comparedSinceMs,
  ended,
  type Look,
  type Rollout,
  shareOf,
  stageMsMax,
  step,
} from "#shared/rollout/rollout.ts"

const POLICY: RolloutPolicy = {
  stages: [1, 100],
  holdMs: 60_000,
  requestsMin: 20,
  patienceMs: 240_000,
  tooFew: "undo",
  blindMs: 30_000,
}
const LOOK_MS = 1_000

const none = { requests: 0, failed: 0, refused: 0, rejected: 0, slow: 0 }
function fares(requests: number, failed = 0, stable = 10_000): Look {
  const groups: Group[] = [{ id: "a", candidate: { ...none, requests, failed }, stable: { ...none, requests: stable } }]
  return { groups }
}

/** Looks once a second for as long as it runs, at most `forMs`. */
function watched(
  look: (sinceMs: number) => Look,
  forMs = 3_600_000,
  policy = POLICY,
): { end: Rollout; afterMs: number; shares: number[] } {
  let rollout = begin(0)
  const shares = [shareOf(rollout, policy)]
  for (let nowMs = LOOK_MS; nowMs <= forMs; nowMs += LOOK_MS) {
    rollout = step(rollout, policy, look(nowMs), nowMs)
    if (rollout.phase !== "running") return { end: rollout, afterMs: nowMs, shares }
    if (shares.at(-1) !== shareOf(rollout, policy)) shares.push(shareOf(rollout, policy))
  }
  return { end: rollout, afterMs: forMs, shares }
}

describe("a guarded apply", () => {
  it("that fares well is promoted, a stage after the other", () => {
    const { end, afterMs, shares } = watched(() => fares(50))
    expect(end).toMatchObject({ phase: "promoted", reason: "50 requests went by it, 0 failed" })
    expect(afterMs).toBe(120_000)
    expect(shares).toEqual([1, 95])
  })

  it("that fares badly is undone at the first look that shows it", () => {
    const { end, afterMs, shares } = watched((nowMs) => fares(50, nowMs < 10_000 ? 0 : 30))
    expect(end.phase).toBe("undone")
    expect(end.reason).toBe("more requests fail (5xx) at a: 60 % of 50 requests by it; none of 10000 of the rest")
    expect(afterMs).toBe(10_000)
    expect(shares).toEqual([1])
  })

  it("is watched at its last stage as well", () => {
    const { end, shares } = watched((nowMs) => fares(50, nowMs < 90_000 ? 0 : 30))
    expect(end.phase).toBe("undone")
    expect(shares).toEqual([1, 95])
  })

  it("with little traffic waits, and is undone where too little was seen by the deadline", () => {
    const late = watched((nowMs) => fares(nowMs < 200_000 ? 3 : 25))
    expect([late.end.phase, late.afterMs]).toEqual(["promoted", 260_000])
    const rare = watched(() => fares(3))
    const reason = "3 of the 20 requests that it takes were seen in 300 s at 1 %"
    expect(rare).toMatchObject({ end: { phase: "undone", cause: "too_few", reason }, afterMs: 300_000, shares: [1] })
    const then = watched((nowMs) => fares(nowMs <= 60_000 ? 20 : 19))
    expect(then).toMatchObject({ end: { phase: "undone", cause: "too_few" }, afterMs: 360_000, shares: [1, 95] })
    expect(then.end.reason).toContain("at 95 %")
  })

  it("with little traffic goes on at each deadline where that was asked for, and says so", () => {
    const rare = watched(() => fares(3), 3_600_000, { ...POLICY, tooFew: "advance" })
    const reason = "3 requests went by it, 0 failed, fewer than the 20 requests that it takes, as was asked for"
    expect(rare).toMatchObject({ end: { phase: "promoted", cause: "too_few", reason }, afterMs: 600_000 })
    const bad = watched((nowMs) => fares(3, nowMs < 400_000 ? 0 : 3), 3_600_000, { ...POLICY, tooFew: "advance" })
    expect(bad.end).toMatchObject({ phase: "undone", cause: "failed" })
  })

  it("counts at its last stage what that has seen, not what earlier ones had", () => {
    const beside = (requests: number) => ({ ...fares(200)!, beside: fares(requests, 0, 10)!.groups })
    expect(watched((nowMs) => (nowMs <= 60_000 ? fares(100) : beside(19)))).toMatchObject({
      end: { phase: "undone", cause: "too_few", seen: { requests: 19 } },
    })
    expect(watched((nowMs) => (nowMs <= 60_000 ? fares(100) : beside(20))).end.phase).toBe("promoted")
  })

  describe("at its last stage, when all fails", () => {
    /** From 90 s to 120 s everything fails, or everything by the candidate. */
    const outage = (hitsStable: boolean, left = 40) =>
      watched((nowMs) => {
        if (nowMs <= 60_000) return fares(50)
        const failed = nowMs < 90_000 ? 0 : 300
        const [group] = fares(800, failed, left)!.groups
        const stable = { ...group!.stable, failed: hitsStable && failed > 0 ? Math.round(left * 0.4) : 0 }
        return { ...fares(850, failed)!, beside: [{ ...group!, stable }] }
      })

    it("is not undone for what befalls the chains that are left to the stable revision as well", () => {
      expect(outage(true)).toMatchObject({ end: { phase: "promoted", cause: "held" }, afterMs: 360_000 })
    })

    it("is undone for what befalls only its own, and where too few are left to tell", () => {
      expect(outage(false)).toMatchObject({ end: { phase: "undone", cause: "failed" }, afterMs: 90_000 })
      expect(outage(true, 15)).toMatchObject({ end: { phase: "undone", cause: "failed" }, afterMs: 90_000 })
    })
  })

  it("that nobody can see is undone", () => {
    const { end, afterMs } = watched((nowMs) => (nowMs < 20_000 ? fares(10) : undefined))
    expect(end.reason).toBe("telemetry has not answered for 30 s: nobody can tell how it fares")
    expect(afterMs).toBe(50_000)
  })

  it("outlasts a short outage of telemetry, and is not promoted in the middle of it", () => {
    const { end, afterMs } = watched((nowMs) => (nowMs >= 110_000 && nowMs < 135_000 ? undefined : fares(50)))
    expect(end.phase).toBe("promoted")
    expect(afterMs).toBe(135_000)
  })

  it("that an isolate cannot serve is undone", () => {
    const look: Look = { groups: [], refused: "it cannot be compiled" }
    expect(watched(() => look).end.reason).toBe("an isolate refuses it: it cannot be compiled")
  })

  it("is ended by hand, once", () => {
    const undone = ended(begin(0), "undone", "by ada")
    expect(undone).toMatchObject({ phase: "undone", reason: "by ada" })
    expect(ended(undone, "promoted", "by bob")).toBe(undone)
    expect(step(undone, POLICY, fares(1_000), 1_000_000)).toBe(undone)
  })

  it("is compared with what goes on beside it, and at its last stage with what was before", () => {
    const at = (more: Partial<Rollout>) => comparedSinceMs({ ...begin(100_000), ...more }, POLICY, 60_000)
    expect(at({ stageSinceMs: 150_000 })).toEqual({ sinceMs: 150_000 })
    expect(at({ stage: 1, stageSinceMs: 160_000 })).toEqual({ sinceMs: 40_000, besideSinceMs: 160_000 })
  })
})

const look = fc.option(
  fc
    .record({ requests: fc.nat(200), failed: fc.nat(200), stable: fc.nat(20_000) })
    .map(({ requests, failed, stable }) => fares(requests, Math.min(failed, requests), stable)),
  { nil: undefined },
)
const policies = fc.record({
  stages: fc
    .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 5 })
    .map((some) => [...some.sort((a, b) => a - b), 100]),
  holdMs: fc.integer({ min: 1_000, max: 60_000 }),
  requestsMin: fc.integer({ min: 1, max: 100 }),
  patienceMs: fc.integer({ min: 0, max: 120_000 }),
  blindMs: fc.integer({ min: 1_000, max: 30_000 }),
  tooFew: fc.constantFrom("undo", "advance"),
})

describe("whatever is seen", () => {
  it("it ends, no later than all stages together can last", () => {
    fc.assert(
      fc.property(policies, fc.array(look, { minLength: 1, maxLength: 20 }), (policy, looks) => {
        const longestMs = policy.stages.length * stageMsMax(policy, LOOK_MS)
        const { end, afterMs } = watched(
          (nowMs) => looks[(nowMs / LOOK_MS) % looks.length],
          longestMs + 10 * LOOK_MS,
          policy,
        )
        expect(end.phase).not.toBe("running")
        expect(afterMs).toBeLessThanOrEqual(longestMs)
      }),
      { numRuns: 200 },
    )
  })

  it("no more chains go by it than its stage has, stages are not skipped, and none is left before its time", () => {
    fc.assert(
      fc.property(policies, fc.array(look, { minLength: 1, maxLength: 50 }), (policy, looks) => {
        let rollout = begin(0)
        for (const [index, seen] of looks.entries()) {
          const nowMs = (index + 1) * LOOK_MS
          const next = step(rollout, policy, seen, nowMs)
          expect(next.stage - rollout.stage).toBeLessThanOrEqual(1)
          if (next.stage > rollout.stage) expect(nowMs - rollout.stageSinceMs).toBeGreaterThanOrEqual(policy.holdMs)
          if (next.phase === "running") expect(shareOf(next, policy)).toBeLessThanOrEqual(policy.stages[next.stage]!)
          if (next.phase === "promoted") {
            expect(rollout.stage).toBe(policy.stages.length - 1)
            if (policy.tooFew === "undo") expect(next.seen.requests).toBeGreaterThanOrEqual(policy.requestsMin)
          }
          if (next.phase === "undone") expect(shareOf(next, policy)).toBe(0)
          rollout = next
        }
      }),
      { numRuns: 200 },
    )
  })

  it("a clock that goes back makes it longer, and ends nothing", () => {
    const before = step(begin(100_000), POLICY, fares(50), 150_000)
    const after = step(before, POLICY, fares(50), 10_000)
    expect(after).toMatchObject({ phase: "running", stage: 0, stageSinceMs: 10_000 })
    expect(step(after, POLICY, undefined, 5_000).phase).toBe("running")
  })
})

it("the last stage leaves a few chains beside, and no fewer chains go by it than before", () => {
  const shares = (stages: number[]) =>
    stages.map((_, stage) => shareOf({ phase: "running", stage }, { ...POLICY, stages }))
  expect(shares([1, 100])).toEqual([1, 95])
  expect(shares([100])).toEqual([95])
  expect(shares([50, 99, 100])).toEqual([50, 99, 99])
})

describe("the chains that go by it", () => {
  const trace = (index: number) => index.toString(16).padStart(32, "0")

  it("are about as many as its share says", () => {
    for (const share of [1, 10, 50]) {
      const chosen = Array.from({ length: 20_000 }, (_, index) => isChosen(7, share, trace(index))).filter((one) => one)
      expect(Math.abs(chosen.length / 200 - share)).toBeLessThan(1.5)
    }
  })

  it("stay with it as it grows; all do at the end, and none at 0", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (index, one, other) => {
          const [less, more] = [Math.min(one, other), Math.max(one, other)]
          if (isChosen(7, less, trace(index))) expect(isChosen(7, more, trace(index))).toBe(true)
          expect(isChosen(7, 100, trace(index))).toBe(true)
          expect(isChosen(7, 0, trace(index))).toBe(false)
        },
      ),
    )
  })

  it("are others for the next revision", () => {
    const chosenBy = (revision: number) =>
      Array.from({ length: 2_000 }, (_, index) => index).filter((index) => isChosen(revision, 10, trace(index)))
    const [seven, eight] = [new Set(chosenBy(7)), chosenBy(8)]
    expect(eight.filter((index) => seven.has(index)).length).toBeLessThan(eight.length / 3)
  })
})

describe("what may be asked for", () => {
  it("has defaults", () => {
    expect(policyOf({})).toEqual(DEFAULT_ROLLOUT)
    expect(policyOf({ stages: [5, 50], holdSeconds: 10 })).toEqual({
      ...{ stages: [5, 50, 100], holdMs: 10_000, requestsMin: 20, patienceMs: 40_000, tooFew: "undo", blindMs: 30_000 },
    })
  })
})
