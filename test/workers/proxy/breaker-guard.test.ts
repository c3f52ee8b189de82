/** The guard of a breaker whose object is not to be had, while the feed goes on telling the object's last word. */
import { describe, expect, it } from "vitest"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import type { BreakerReply, Verdict } from "#shared/protocol/breaker.ts"
import { BreakerGuard } from "#workers/proxy/breaker-guard.ts"
import { ticketFor } from "#workers/proxy/guard.ts"

const CLUSTER = "default/api"
const POLICY: BreakerPolicy = {
  ...{ windowMs: 10_000, volumeMin: 5, failureRatio: 0.5, coolDownMs: 1_000, coolDownMsMax: 1_000 },
  ...{ probes: 1, successes: 1 },
}
const OPEN: Verdict = { cluster: CLUSTER, generation: 7, phase: "open", restMs: 0 }
const hangs = () => new Promise<BreakerReply>(() => {})
const fails = () => Promise.reject(new Error("the object is down"))
const forgot = async () => ({ verdict: { cluster: CLUSTER, generation: 1, phase: "closed", restMs: 0 } as const })

/** Two requests a second for a minute, under a feed that repeats itself; from when on they pass. */
async function passesAfterSeconds(report: () => Promise<BreakerReply>): Promise<number | undefined> {
  const guard = new BreakerGuard(
    CLUSTER,
    POLICY,
    1,
    () => ({ report }),
    () => 0,
  )
  for (let nowMs = 1_000_000; nowMs < 1_060_000; nowMs += 500) {
    if (nowMs % 2_000 === 0) guard.hear(OPEN, nowMs)
    const ticket = ticketFor({ kind: "binding", binding: "API" }, "default", { waitUntil() {} })
    if (!guard.admit(nowMs, 0, ticket)) return (nowMs - 1_000_000) / 1_000
    await new Promise((resolve) => setImmediate(resolve))
  }
  return undefined
}

describe("a breaker that the feed calls open", () => {
  it.each([
    ["hangs", hangs],
    ["is down", fails],
    ["has lost its storage", forgot],
  ])("is probed by the isolate alone after a while when the object %s", async (_name, report) => {
    const seconds = await passesAfterSeconds(report)
    expect(seconds).toBeGreaterThan(14)
    expect(seconds).toBeLessThan(35)
  })

  it("is never probed without a lease as long as the object answers", async () => {
    const report = async () => ({ verdict: { ...OPEN, phase: "probing" as const } })
    expect(await passesAfterSeconds(report)).toBeUndefined()
  })
})
