import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { StatsBy } from "#shared/model/telemetry.ts"
import { FIELD, type Labels, type Series } from "#shared/telemetry/series.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"
import { rowsOf, type Step, TELLS } from "#shared/telemetry/stats.ts"
import { cut, stepsOf } from "#shared/telemetry/window.ts"

const SLOT_MS = LIMITS.telemetrySlotMs

interface Seen {
  readonly from?: string
  readonly to?: string
  readonly subset?: string
  readonly rule?: string
  readonly status?: number
  readonly refusal?: Labels["refusal"]
  readonly ms?: number
  readonly times?: number
  readonly attempts?: number
}

function seriesOf(...seen: readonly Seen[]): Series[] {
  const table = new SeriesTable()
  for (const {
    from = "public",
    to = "default/a",
    subset = "",
    rule = "",
    status = 200,
    refusal = "",
    ...one
  } of seen) {
    const row = table.row(from, to, subset, rule, "", status, refusal)
    for (let time = 0; time < (one.times ?? 1); time++) table.count(row, one.ms ?? 5, one.attempts ?? 1, false, 0, 0)
  }
  return table.take()
}

const rows = (by: StatsBy, series: readonly Series[], listed: readonly { to: string }[] = []) =>
  rowsOf([{ atMs: 0, series: cut([{ startMs: 0, series }], { by, starts: [0] })[0]! }], {
    ...{ tells: TELLS[by], listed, starts: [0], spanMs: 10_000 },
  })

describe("the steps of a window", () => {
  it("are one that begins at the border of a slot, no later than the window", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: SLOT_MS, max: 3_590_000 }),
        fc.integer({ min: 4e6, max: 2e12 }),
        (windowMs, nowMs) => {
          const [start, ...more] = stepsOf(windowMs, 1, nowMs)
          expect(more).toEqual([])
          expect(start! % SLOT_MS).toBe(0)
          expect(nowMs - start!).toBeGreaterThanOrEqual(windowMs)
          expect(nowMs - start!).toBeLessThan(windowMs + SLOT_MS)
        },
      ),
    )
  })

  it("are of equal lengths when there are more, about as many as asked for, and the last is under way", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: SLOT_MS, max: 3_600_000 }),
        fc.integer({ min: 2, max: 120 }),
        fc.integer({ min: 4e6, max: 2e12 }),
        (windowMs, points, nowMs) => {
          const starts = stepsOf(windowMs, points, nowMs)
          const lengths = new Set(starts.slice(1).map((start, index) => start - starts[index]!))
          expect(lengths.size).toBeLessThanOrEqual(1)
          for (const length of lengths) expect(length % SLOT_MS).toBe(0)
          expect(starts.length).toBeLessThanOrEqual(points + 1)
          expect(starts.at(-1)!).toBeLessThanOrEqual(nowMs)
          expect(nowMs - starts[0]!).toBeGreaterThanOrEqual(Math.min(windowMs, (LIMITS.telemetrySlots - 1) * SLOT_MS))
        },
      ),
    )
  })

  it("take each slot into the one that it began in, and leave out older ones", () => {
    const starts = [100, 200, 300]
    const slots = [50, 100, 199, 200, 350].map((startMs) => ({ startMs, series: seriesOf({ times: startMs }) }))
    const sums = cut(slots, { by: "service", starts }).map((step) => step.map(({ numbers }) => numbers[FIELD.requests]))
    expect(sums).toEqual([[299], [200], [350]])
  })

  it("leave out what others sent, or were sent", () => {
    const slots = [{ startMs: 0, series: seriesOf({ from: "default/b" }, { from: "public" }, { to: "default/c" }) }]
    const told = (filter: object) =>
      cut(slots, { by: "edge", starts: [0], ...filter })[0]!.map(({ labels }) => [labels.from, labels.to])
    expect(told({ from: "default/b" })).toEqual([["default/b", "default/a"]])
    expect(told({ to: "default/c" })).toEqual([["public", "default/c"]])
    expect(told({ from: "default/b", to: "default/c" })).toEqual([])
  })
})

describe("rows", () => {
  const SEEN = seriesOf(
    { to: "default/a", subset: "v1", rule: "default/r/0", times: 90 },
    { to: "default/a", subset: "v2", rule: "default/r/0", times: 5 },
    { to: "default/a", subset: "v2", rule: "default/r/0", status: 500, times: 4, attempts: 3 },
    { to: "default/a", rule: "default/r/1", status: 503, refusal: "circuit_open", attempts: 0 },
    { from: "default/a", to: "default/b", status: 404, times: 10, ms: 300 },
    { to: "", status: 404, refusal: "route_not_found", times: 3 },
  )

  it.each<readonly [StatsBy, readonly string[]]>([
    ["service", ["default/a 100", "default/b 10", " 3"]],
    ["subset", ["default/a v1 90", "default/b  10", "default/a v2 9", "  3", "default/a  1"]],
    ["edge", ["public default/a 100", "default/a default/b 10", "public  3"]],
    ["rule", ["default/r/0   99", "  default/b 10", "   3", "default/r/1   1"]],
  ])("by %s", (by, expected) => {
    const told = rows(by, SEEN).map((row) => [...TELLS[by].map((label) => row[label]), row.requests].join(" "))
    expect(told).toEqual(expected)
  })

  it("say how it went", () => {
    const [a] = rows("service", SEEN)
    expect(a).toEqual({
      to: "default/a",
      ...{ requests: 100, perSecond: 10, successRate: 0.95, failed: 5, refused: 1, refusals: { circuit_open: 1 } },
      ...{ attempts: 107, retries: 8, latencyMs: { p50: 5, p95: 5, p99: 5, mean: 5 } },
    })
  })

  it("show what had no requests, without figures that mean nothing", () => {
    expect(rows("service", [], [{ to: "default/z" }, { to: "default/y" }])).toEqual(
      ["default/y", "default/z"].map((to) => ({
        ...{ to, requests: 0, perSecond: 0, failed: 0, refused: 0, attempts: 0, retries: 0 },
      })),
    )
  })

  it("are the same from any number of shards", () => {
    const whole = [{ atMs: 0, series: SEEN }]
    const parts = SEEN.map((one): Step => ({ atMs: 0, series: [one] })).reverse()
    const told = (steps: readonly Step[]) =>
      rowsOf(steps, { tells: TELLS.edge, listed: [], starts: [0], spanMs: 1_000 }).map(({ refusals: _, ...row }) => row)
    expect(told(parts)).toEqual(told(whole))
  })

  it("have their points in the order of the steps", () => {
    const steps = [
      { atMs: 20, series: seriesOf({ times: 2, ms: 7 }, { status: 500, ms: 9 }) },
      { atMs: 0, series: seriesOf({ times: 5 }) },
    ]
    const [row] = rowsOf(steps, { tells: ["to"], listed: [], starts: [0, 10, 20], spanMs: 30 })
    expect(row!.points).toEqual([
      { atMs: 0, requests: 5, failed: 0, p95Ms: 5 },
      { atMs: 10, requests: 0, failed: 0 },
      { atMs: 20, requests: 3, failed: 1, p95Ms: 9 },
    ])
  })
})
