import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { CountHistory, type StoredStep } from "#shared/telemetry/count-history.ts"

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const START_MS = 1_800_000_000_000

/** A storage of steps, as the object keeps them. */
class Storage {
  readonly rows = new Map<string, StoredStep>()

  keep(history: CountHistory, nowMs: number): void {
    for (const step of history.changed()) this.rows.set(`${step.widthMs} ${step.startMs}`, step)
    for (const { widthMs, beforeMs } of history.expire(nowMs)) {
      for (const [key, step] of this.rows) {
        if (step.widthMs === widthMs && step.startMs < beforeMs) this.rows.delete(key)
      }
    }
  }
}

const minutes = fc.array(fc.record({ at: fc.nat(8 * 60), total: fc.integer({ min: 1, max: 100 }), bad: fc.nat(100) }), {
  maxLength: 80,
})

describe("what was counted for objectives", () => {
  it("adds up to six hours by whole minutes, however it came in", () => {
    fc.assert(
      fc.property(minutes, fc.integer({ min: 1, max: 360 }), (all, span) => {
        const history = new CountHistory()
        for (const { at, total, bad } of all) history.add(START_MS + at * MINUTE_MS, "a", { total, bad })
        const end = 8 * 60
        const meant = all.filter(({ at }) => at < end && at >= end - span)
        expect(history.sums("a", [span * MINUTE_MS], START_MS + end * MINUTE_MS)).toEqual([
          {
            total: meant.reduce((sum, { total }) => sum + total, 0),
            bad: meant.reduce((sum, { bad }) => sum + bad, 0),
          },
        ])
      }),
    )
  })

  it("is the same after it was read back from storage at any time", () => {
    fc.assert(
      fc.property(minutes, fc.nat(80), (all, cut) => {
        const storage = new Storage()
        let history = new CountHistory()
        const whole = new CountHistory()
        const nowMs = START_MS + 8 * HOUR_MS
        all.forEach(({ at, total, bad }, index) => {
          for (const one of [history, whole]) one.add(START_MS + at * MINUTE_MS, "a", { total, bad })
          storage.keep(history, nowMs)
          whole.expire(nowMs)
          if (index === cut) history = new CountHistory(storage.rows.values())
        })
        const spans = [5 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, 30 * 24 * HOUR_MS]
        const read = new CountHistory(storage.rows.values())
        expect(read.sums("a", spans, nowMs)).toEqual(whole.sums("a", spans, nowMs))
      }),
    )
  })

  it("is up to half an hour more than was asked for beyond six hours, and never less", () => {
    const history = new CountHistory()
    for (let minute = 0; minute < 3 * 24 * 60; minute++)
      history.add(START_MS + minute * MINUTE_MS, "a", { total: 1, bad: 0 })
    const [day] = history.sums("a", [24 * HOUR_MS], START_MS + 3 * 24 * HOUR_MS - 7 * MINUTE_MS)
    expect(day!.total).toBeGreaterThanOrEqual(24 * 60)
    expect(day!.total).toBeLessThanOrEqual(24 * 60 + 30)
  })

  it("is kept for thirty days, in a number of steps that does not grow", () => {
    const storage = new Storage()
    const history = new CountHistory()
    const days = 40
    for (let minute = 0; minute < days * 24 * 60; minute += 61) {
      const atMs = START_MS + minute * MINUTE_MS
      history.add(atMs, "a", { total: 1, bad: 1 })
      storage.keep(history, atMs)
    }
    const mostMinutes = LIMITS.alertMinutesMs / LIMITS.alertStepMs + 1
    const mostCoarse = LIMITS.alertPeriodMs / LIMITS.alertCoarseMs + 1
    expect(storage.rows.size).toBeLessThanOrEqual(mostMinutes + mostCoarse)
    const [month] = history.sums("a", [LIMITS.alertPeriodMs], START_MS + days * 24 * HOUR_MS)
    expect(month!.total).toBeGreaterThan((30 * 24 * 60) / 61 - 5)
    expect(month!.total).toBeLessThan((30 * 24 * 60) / 61 + 5)
  })

  it("tells what is counted apart, and remembers nothing of nothing", () => {
    const history = new CountHistory()
    history.add(START_MS, "a", { total: 2, bad: 1 })
    history.add(START_MS, "b", { total: 0, bad: 0 })
    expect(history.changed()).toEqual([
      { widthMs: LIMITS.alertStepMs, startMs: START_MS, counts: { a: [2, 1] } },
      { widthMs: LIMITS.alertCoarseMs, startMs: START_MS, counts: { a: [2, 1] } },
    ])
    expect(history.changed()).toEqual([])
    expect(history.sums("b", [HOUR_MS], START_MS + MINUTE_MS)).toEqual([{ total: 0, bad: 0 }])
  })
})
