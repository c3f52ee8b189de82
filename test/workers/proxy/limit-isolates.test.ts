/** The short form of `bench/limits.ts`: thirty isolates against one limit, with the limiter there and without. */
import { describe, expect, it } from "vitest"
import { type LimitResult, runLimit } from "#test/support/limit-run.ts"

const RUN = { isolates: 30, seconds: 2, offered: 200 } as const

/** A machine that is too busy for the limiter to answer in time gets what is promised for that, and no more. */
function judge({ admitted, allowed, allowedAlone, wentAlone, late }: LimitResult, burst: number): void {
  expect(admitted).toBeLessThanOrEqual(wentAlone ? allowedAlone : allowed * 1.05 + late)
  expect(admitted).toBeGreaterThan(wentAlone || late > 0 ? burst * 0.7 : allowed * 0.7)
}

describe("thirty isolates", () => {
  it("let through what the mesh's limit allows, and five in a hundred more at most", async () => {
    // As in the bench. Of a smaller limit, the one token that each isolate gives on credit would be more than five in a hundred.
    const limit = { requests: 100, burst: 100, scope: "mesh" } as const
    judge(await runLimit({ ...RUN, offered: 400, limit, limiter: "LimiterObject" }), limit.burst)
  })

  it("let through what an exact limit allows", async () => {
    const limit = { requests: 40, burst: 40, scope: "exact" } as const
    judge(await runLimit({ ...RUN, limit, limiter: "LimiterObject" }), limit.burst)
  })

  it("each let the limit through by itself while the limiter is down", async () => {
    const limit = { requests: 1, burst: 2, scope: "mesh" } as const
    const { sent, admitted, allowed, allowedAlone } = await runLimit({ ...RUN, limit, limiter: "DeadLimiter" })
    expect(admitted).toBeLessThanOrEqual(allowedAlone)
    expect(admitted).toBeGreaterThan(allowed * 5)
    expect(sent).toBeGreaterThan(allowedAlone)
  })
})
