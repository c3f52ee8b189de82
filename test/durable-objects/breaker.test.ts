import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { BreakerPolicy } from "#shared/model/policy.ts"
import type { BreakerReport } from "#shared/protocol/breaker.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { FAR_MS } from "#test/support/far-future.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { BREAKER, ROUTE_TABLE } = env as unknown as ControlEnv

const POLICY: BreakerPolicy = {
  windowMs: 10_000,
  volumeMin: 10,
  failureRatio: 0.5,
  coolDownMs: 40,
  coolDownMsMax: 1_000,
  probes: 2,
  successes: 1,
}

let clusters = 0
let cluster = ""
let nowMs = FAR_MS
let breaker: ReturnType<typeof BREAKER.getByName>

beforeEach(() => {
  cluster = `default/service-${clusters++}`
  breaker = BREAKER.getByName(cluster)
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs })
})
afterEach(() => {
  vi.useRealTimers()
})

const NOTHING = { total: 0, failed: 0, slow: 0, trailing: 0 }
const failures = (count: number) => ({ total: count, failed: count, slow: 0, trailing: count })

function report(more: Partial<BreakerReport> = {}): Promise<Awaited<ReturnType<typeof breaker.report>>> {
  return breaker.report({
    cluster,
    policy: POLICY,
    revision: 1,
    generation: 0,
    tally: NOTHING,
    probes: [],
    ask: false,
    ...more,
  })
}

/** Time passes only when a test says so. */
function pass(ms: number): void {
  nowMs += ms
  vi.setSystemTime(nowMs)
}

/** Longer than an open breaker rests first. */
const rest = () => pass(60)
const feed = async () => {
  const { verdicts = [] } = await ROUTE_TABLE.getByName(MESH).pull({ isolate: "a", serving: 0 })
  return verdicts.find((verdict) => verdict.cluster === cluster)
}

async function opened(): Promise<number> {
  return (await report({ tally: failures(10) })).verdict.generation
}

describe("a breaker object", () => {
  it("is closed at first, and adds up what isolates report", async () => {
    expect((await report({ tally: failures(6) })).verdict).toMatchObject({ phase: "closed", generation: 1 })
    expect((await report({ tally: failures(4) })).verdict).toMatchObject({
      phase: "open",
      generation: 2,
      restMs: expect.any(Number),
    })
  })

  it("does not open for all when most isolates are well", async () => {
    await report({ tally: { total: 30, failed: 0, slow: 0, trailing: 0 } })
    expect((await report({ tally: failures(10) })).verdict.phase).toBe("closed")
  })

  it("counts nothing of an older generation", async () => {
    const generation = await opened()
    rest()
    const { lease } = await report({ ask: true, generation })
    await report({ probes: [{ lease: lease!.id, found: "ok" }] })
    expect((await report({ tally: failures(50), generation: 1 })).verdict.phase).toBe("closed")
    expect((await report({ tally: failures(50), generation: 4 })).verdict.phase).toBe("open")
  })

  it("gives no lease before the rest is over", async () => {
    const generation = await opened()
    expect((await report({ ask: true, generation })).lease).toBeUndefined()
    rest()
    expect((await report({ ask: true, generation })).lease).toBeDefined()
  })

  it("gives no more leases than probes, however many ask at once", async () => {
    const generation = await opened()
    rest()
    const replies = await Promise.all(Array.from({ length: 40 }, () => report({ ask: true, generation })))
    expect(replies.filter(({ lease }) => lease)).toHaveLength(2)
    expect(new Set(replies.flatMap(({ lease }) => lease?.id ?? [])).size).toBe(2)
  })

  it("remembers leases and phase when it is evicted", async () => {
    const generation = await opened()
    rest()
    await report({ ask: true, generation })
    await evict(breaker)
    expect((await report({ ask: true, generation })).lease).toBeDefined()
    await evict(breaker)
    const { verdict, lease } = await report({ ask: true, generation })
    expect([verdict.phase, lease]).toEqual(["probing", undefined])
  })

  it("gives a lease again when it ran out", async () => {
    const generation = await opened()
    rest()
    await report({ ask: true, generation })
    await report({ ask: true, generation })
    await runInDurableObject(breaker, (_instance, { storage }) => {
      const kept = storage.kv.get<{ breaker: { leases: { untilMs: number }[] } }>("breaker")!
      for (const lease of kept.breaker.leases) lease.untilMs = Date.now()
      storage.kv.put("breaker", kept)
    })
    await evict(breaker)
    expect((await report({ ask: true, generation })).lease?.id).toBe(3)
  })

  it("closes by a good probe and rests again by a bad one", async () => {
    const generation = await opened()
    rest()
    const first = await report({ ask: true, generation })
    expect((await report({ probes: [{ lease: first.lease!.id, found: "failed" }] })).verdict.phase).toBe("open")
    pass(120)
    const second = await report({ ask: true })
    expect((await report({ probes: [{ lease: second.lease!.id, found: "ok" }] })).verdict.phase).toBe("closed")
  })

  it("goes by the newest revision's policy", async () => {
    const lenient = { ...POLICY, volumeMin: 100 }
    await report({ revision: 2, policy: lenient })
    expect((await report({ tally: failures(20) })).verdict.phase).toBe("closed")
    expect((await report({ revision: 3, tally: failures(20) })).verdict.phase).toBe("open")
  })
})

describe("a breaker object that has lost its storage", () => {
  const forget = async () => {
    await runInDurableObject(breaker, (_instance, { storage }) => storage.kv.delete("breaker"))
    await evict(breaker)
  }

  it("goes on from what an isolate has heard: open, and with no probe before those that were out are over", async () => {
    const generation = await opened()
    await forget()
    const { verdict, lease } = await report({ generation, phase: "open", ask: true })
    expect([verdict.generation, verdict.phase, lease]).toEqual([generation + 1, "open", undefined])
    expect(verdict.restMs).toBe(LIMITS.breakerLeaseMs)
    await expect.poll(feed).toMatchObject({ phase: "open", generation: generation + 1 })
  })

  it("goes on closed where it was closed, and the feed says so", async () => {
    const generation = await opened()
    await forget()
    expect((await report({ generation: generation + 5, phase: "closed" })).verdict).toMatchObject({
      phase: "closed",
      generation: generation + 6,
    })
    await expect.poll(feed).toMatchObject({ phase: "closed", generation: generation + 6 })
    expect((await report({ generation: generation + 6, tally: failures(10) })).verdict.phase).toBe("open")
  })

  it("takes no result of a probe from before for one of its own", async () => {
    const generation = await opened()
    rest()
    const { lease } = await report({ ask: true, generation })
    await forget()
    const probes = [{ lease: lease!.id, found: "ok" } as const]
    expect((await report({ generation: generation + 1, phase: "probing", probes })).verdict.phase).toBe("open")
  })
})

describe("what a breaker object is told", () => {
  const odd = (tally: object) => report({ tally: tally as BreakerReport["tally"] })

  it.each([
    ["no number", { total: Number.NaN, failed: Number.NaN, slow: 0, trailing: 0 }],
    ["without end", { total: Number.POSITIVE_INFINITY, failed: 50, slow: 0, trailing: 0 }],
    ["below nothing", { total: 50, failed: -50, slow: 0, trailing: 0 }],
    ["more failures than attempts", { total: 10, failed: 50, slow: 0, trailing: 0 }],
    ["more in a row than there were", { total: 50, failed: 1, slow: 0, trailing: 50 }],
    ["nothing at all", {}],
  ])("is left out when it cannot be: %s", async (_what, tally) => {
    expect((await odd(tally)).verdict.phase).toBe("closed")
    expect((await report({ tally: failures(10) })).verdict.phase).toBe("open")
  })

  it("belongs to no generation that cannot be", async () => {
    for (const generation of [Number.NaN, -1, 1.5, 2 ** 53]) {
      expect((await report({ generation, phase: "open" })).verdict).toMatchObject({ phase: "closed", generation: 1 })
    }
  })

  it("comes from somebody who says of what, and by which policy", async () => {
    const bad = { policy: { ...POLICY, windowMs: Number.NaN }, tally: failures(50) }
    expect((await report(bad)).verdict).toMatchObject({ cluster, phase: "closed", generation: 0 })
    expect((await report({ cluster: "", tally: failures(50) })).verdict.phase).toBe("closed")
    expect((await report({ tally: failures(9) })).verdict).toMatchObject({ phase: "closed", generation: 1 })
    expect((await report(bad)).verdict).toMatchObject({ phase: "closed", generation: 1 })
  })

  it("is asked for less often when there is too much of it", async () => {
    expect((await report()).everyMs).toBeUndefined()
    // 900 a second, of which a bit less than a third is known after one of them.
    await Promise.all(Array.from({ length: 900 }, () => report()))
    pass(1_000)
    expect((await report()).everyMs).toBe(2_000)
  })
})

describe("the feed", () => {
  it("tells isolates that ask for routes, and says nothing of breakers that were always closed", async () => {
    await report()
    expect(await feed()).toBeUndefined()
    await opened()
    await expect.poll(feed).toMatchObject({ cluster, phase: "open", generation: 2 })
  })

  it("keeps the newest word, whichever comes last", async () => {
    const table = ROUTE_TABLE.getByName(MESH)
    const status = { cluster, phase: "open", restMs: 5_000, sinceMs: 0 } as const
    await table.hear({ ...status, generation: 6 })
    await table.hear({ ...status, generation: 5, phase: "closed" })
    expect(await feed()).toMatchObject({ generation: 6, phase: "open" })
  })

  it("survives an eviction, and counts the rest down", async () => {
    const table = ROUTE_TABLE.getByName(MESH)
    await table.hear({ cluster, phase: "open", restMs: 5_000, sinceMs: 0, generation: 2 })
    await evict(table)
    rest()
    expect((await feed())?.restMs).toBe(5_000 - 60)
  })
})

describe("forcing", () => {
  const force = (phase: "open" | "closed", forMs: number) =>
    breaker.force({ cluster, policy: POLICY, revision: 1, phase, forMs, by: "ada" })

  it("opens for as long as it was said, and says by whom", async () => {
    expect(await force("open", 60)).toMatchObject({
      phase: "open",
      cause: "forced",
      forced: { by: "ada", phase: "open" },
    })
    await expect.poll(feed).toMatchObject({ phase: "open" })
    expect((await report({ ask: true })).lease).toBeUndefined()
    pass(80)
    expect((await report({ ask: true })).lease).toBeDefined()
  })

  it("closes and stays closed for as long as it was said", async () => {
    await opened()
    await force("closed", 60)
    expect((await report({ tally: failures(50) })).verdict.phase).toBe("closed")
    pass(80)
    expect((await report({ tally: failures(50) })).verdict.phase).toBe("open")
  })
})
