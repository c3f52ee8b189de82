import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { Pace, turnOf } from "#shared/resilience/pace.ts"

/** So many isolates for so many seconds, each of which reports as often as it was told; how many reports each second had. */
function reports(isolates: number, seconds: number): number[] {
  const pace = new Pace()
  const due = Array.from({ length: isolates }, (_, index) => (index * 1_000) / isolates)
  const told = new Array<number>(isolates).fill(LIMITS.breakerReportMs)
  const counts = new Array<number>(seconds).fill(0)
  let thrown = 0
  const dice = () => (thrown++ * 0.6180339887498949) % 1
  for (let nowMs = 0; nowMs < seconds * 1_000; nowMs += 10) {
    for (let isolate = 0; isolate < isolates; isolate++) {
      if (due[isolate]! > nowMs) continue
      if (dice() < turnOf(told[isolate]!).chance) {
        told[isolate] = pace.everyMs(nowMs)
        counts[Math.floor(nowMs / 1_000)]! += 1
      }
      const { everyMs } = turnOf(told[isolate]!)
      due[isolate] = nowMs + (everyMs > LIMITS.breakerReportMs ? everyMs * (0.75 + dice() / 2) : everyMs)
    }
  }
  return counts
}

describe("the pace of reports", () => {
  it("is the usual one for as many isolates as an object is meant to carry", () => {
    const pace = new Pace()
    for (let nowMs = 0; nowMs < 5_000; nowMs += 10) expect(pace.everyMs(nowMs)).toBe(LIMITS.breakerReportMs)
  })

  it.each([400, 600, 1_000, 4_000, 8_000])(
    "brings %i isolates down to what an object is meant to carry",
    (isolates) => {
      const counts = reports(isolates, 60).slice(20)
      const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
      expect(mean).toBeLessThan(1.3 * LIMITS.breakerReportsPerSecond)
      expect(Math.max(...counts)).toBeLessThan(2 * LIMITS.breakerReportsPerSecond)
    },
  )

  it("asks for no less than that what an isolate saw is fresh, and has a few speak for all beyond that", () => {
    const pace = new Pace()
    let everyMs = 0
    for (let second = 0; second < 30; second++) {
      for (let count = 0; count < 20_000; count++) everyMs = pace.everyMs(second * 1_000)
    }
    expect(everyMs).toBe(LIMITS.breakerPaceMsMax)
    expect(turnOf(everyMs)).toEqual({ everyMs: LIMITS.breakerReportMsMax, chance: 5 / 60 })
    expect(turnOf(3_000)).toEqual({ everyMs: 3_000, chance: 1 })
    expect(2 * LIMITS.breakerReportMsMax).toBeLessThan(LIMITS.breakerVerdictMs)
  })

  it("is the usual one again when few are left", () => {
    const pace = new Pace()
    for (let second = 0; second < 10; second++) for (let count = 0; count < 5_000; count++) pace.everyMs(second * 1_000)
    expect(pace.everyMs(10_000)).toBeGreaterThan(LIMITS.breakerReportMs)
    expect(pace.everyMs(40_000)).toBe(LIMITS.breakerReportMs)
  })
})
