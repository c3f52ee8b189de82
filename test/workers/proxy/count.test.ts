import { describe, expect, it } from "vitest"
import { runCount } from "#test/support/count-run.ts"

describe("what Prometheus is told", () => {
  it("is what happened, less what a killed isolate had not reported; whatever else is killed", async () => {
    const run = { isolates: 2, requests: 1_500, concurrency: 8, killsIsolate: true, killsControl: true }
    const { answered, counted, unanswered, lost, bound } = await runCount(run)
    expect(unanswered).toBe(0)
    expect(bound).toBeGreaterThan(0)
    expect(lost).toBeGreaterThanOrEqual(0)
    expect(lost).toBeLessThanOrEqual(bound)
    for (const kind of ["2xx", "4xx", "5xx"]) expect(counted[kind]).toBeGreaterThanOrEqual(answered[kind]! - bound)
  })
})
