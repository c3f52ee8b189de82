import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BURN_WINDOWS, budgetLeft, burnRate, readBurn, SPANS_MS } from "#shared/telemetry/burn-rate.ts"
import type { Counts } from "#shared/telemetry/objective.ts"

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SLO = { target: 0.999, minFailures: 1 }

/** Errors per ten thousand requests, in every window. */
const steady = (perTenThousand: number) => () => ({ total: 10_000, bad: perTenThousand })
const held = (sumOf: (spanMs: number) => Counts, slo = SLO) =>
  readBurn(slo, sumOf)
    .filter(({ holds }) => holds)
    .map(({ severity, factor }) => `${severity} ${factor}`)

describe("burn rates", () => {
  it("are those of the Site Reliability Workbook: each window spends the share of the budget that it says", () => {
    const shares = BURN_WINDOWS.map(({ factor, longMs }) => (factor * longMs) / (30 * DAY_MS))
    expect(shares.map((share) => Number(share.toFixed(6)))).toEqual([0.02, 0.05, 0.1, 0.1])
    expect(SPANS_MS).toEqual([5 / 60, 0.5, 1, 2, 6, 24, 72].map((hours) => hours * HOUR_MS))
  })

  it.each([
    [0, []],
    [9, []],
    [10, ["ticket 1"]],
    [30, ["ticket 3", "ticket 1"]],
    [60, ["page 6", "ticket 3", "ticket 1"]],
    [143, ["page 6", "ticket 3", "ticket 1"]],
    [144, ["page 14.4", "page 6", "ticket 3", "ticket 1"]],
    [10_000, ["page 14.4", "page 6", "ticket 3", "ticket 1"]],
  ])("of %i errors in 10,000 at 99.9 %% are too high for %j", (errors, windows) => {
    expect(held(steady(errors))).toEqual(windows)
  })

  it("are no alert when only the longer window is bad: it is over", () => {
    const wasBad = (spanMs: number) => ({ total: 1_000, bad: [1, 6, 24, 72].includes(spanMs / HOUR_MS) ? 1_000 : 0 })
    // Six hours are the shorter window of the slowest burn.
    expect(held(wasBad)).toEqual(["ticket 1"])
  })

  it("are no alert when only the shorter window is bad: it does not matter yet", () => {
    expect(held((spanMs) => ({ total: 1_000, bad: spanMs < HOUR_MS ? 1_000 : 0 }))).toEqual([])
  })

  it("are no alert of one bad request among few", () => {
    const few = () => ({ total: 3, bad: 1 })
    expect(held(few)).toHaveLength(4)
    expect(held(few, { ...SLO, minFailures: 2 })).toEqual([])
  })

  it("are 0 without requests, and leave the whole budget", () => {
    expect(burnRate({ total: 0, bad: 0 }, 0.999)).toBe(0)
    expect(budgetLeft({ total: 0, bad: 0 }, 0.999)).toBe(1)
    expect(budgetLeft({ total: 1_000, bad: 1 }, 0.999)).toBeCloseTo(0)
    expect(budgetLeft({ total: 1_000, bad: 3 }, 0.999)).toBeCloseTo(-2)
  })

  it("rise with errors and fall with what is promised", () => {
    const counts = fc.tuple(fc.nat(100_000), fc.nat(100_000)).map(([good, bad]) => ({ total: good + bad + 1, bad }))
    const target = fc.integer({ min: 500, max: 9_999 }).map((share) => share / 10_000)
    fc.assert(
      fc.property(counts, target, target, ({ total, bad }, one, other) => {
        expect(burnRate({ total: total + 1, bad: bad + 1 }, one)).toBeGreaterThanOrEqual(
          burnRate({ total: total + 1, bad }, one),
        )
        const [low, high] = [Math.min(one, other), Math.max(one, other)]
        expect(burnRate({ total, bad }, high)).toBeGreaterThanOrEqual(burnRate({ total, bad }, low))
      }),
    )
  })
})
