/** The guard of a breaker whose object is not to be had, while the feed goes on telling the object's last word. */
import { describe, expect, it } from "vitest"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import type { BreakerReply, BreakerRpc, Verdict } from "#shared/protocol/breaker.ts"
import { Dice } from "#simulator/dice.ts"
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

/** Fails twice a second for 100 minutes, with an object that asks for this pace; how many reports it got, and of how many failures. */
async function reportsIn100Minutes(everyMs: number, report: (answer: BreakerReply) => Promise<BreakerReply>) {
  let [reports, failures] = [0, 0]
  const verdict = { cluster: CLUSTER, generation: 1, phase: "closed", restMs: 0 } as const
  const object: Pick<BreakerRpc, "report"> = {
    report({ tally }) {
      reports += 1
      failures += tally.failed
      return report({ verdict, everyMs })
    },
  }
  const dice = new Dice(7)
  const roll = () => dice.next()
  const guard = new BreakerGuard(CLUSTER, { ...POLICY, volumeMin: 100_000 }, 1, () => object, roll)
  for (let nowMs = 1_000_000; nowMs < 7_000_000; nowMs += 500) {
    const ticket = ticketFor({ kind: "binding", binding: "API" }, "default", { waitUntil() {} })
    expect(guard.admit(nowMs, 0, ticket)).toBeUndefined()
    guard.settle({ kind: "status", status: 500, durationMs: 5 } as never, nowMs, ticket)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { reports, failures }
}

describe("an object with more isolates than it can hear", () => {
  it.each([
    [2_000, 3_000],
    [10_000, 600],
    [60_000, 100],
  ])("that asks for a report in %i ms gets about %i in 100 minutes, and of what is fresh", async (everyMs, wanted) => {
    const { reports, failures } = await reportsIn100Minutes(everyMs, async (reply) => reply)
    expect(reports).toBeGreaterThan(wanted * 0.7)
    expect(reports).toBeLessThan(wanted * 1.4)
    // What was seen within a turn at most: ten seconds and a quarter more have 25 failures or fewer.
    expect(failures / reports).toBeLessThan(13)
  })

  it("that is overrun is asked ever less often, although it cannot say so", async () => {
    const overrun = async () => Promise.reject(Object.assign(new Error("overloaded"), { overloaded: true }))
    const { reports } = await reportsIn100Minutes(1_000, overrun)
    expect(reports).toBeGreaterThan(50)
    expect(reports).toBeLessThan(200)
  })
})

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

describe("a service that warms up after a rest", () => {
  /** How many of a thousand requests within a second pass, after a rest before which there were 20 a second. */
  function passedAfterRest(policy: BreakerPolicy): number {
    const guard = new BreakerGuard(
      CLUSTER,
      policy,
      1,
      () => undefined,
      () => 0,
    )
    const passes = (nowMs: number) =>
      guard.admit(nowMs, 0, ticketFor({ kind: "binding", binding: "API" }, "default", { waitUntil() {} })) === undefined
    for (let sent = 0; sent < 200; sent++) expect(passes(1_000_000 + sent * 50)).toBe(true)
    guard.hear({ ...OPEN, restMs: 5_000 }, 1_010_000)
    expect(passes(1_010_001)).toBe(false)
    guard.hear({ ...OPEN, generation: 8, phase: "closed" }, 1_020_000)
    return Array.from({ length: 1_000 }, (_, index) => passes(1_020_000 + index)).filter(Boolean).length
  }

  it("gets all of it back at once, unless it is to take its time", () => {
    expect(passedAfterRest(POLICY)).toBe(1_000)
    const passed = passedAfterRest({ ...POLICY, warmupMs: 5_000 })
    expect(passed).toBeGreaterThanOrEqual(20)
    expect(passed).toBeLessThanOrEqual(30)
  })
})
