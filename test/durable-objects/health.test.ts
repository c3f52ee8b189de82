/** The object of a service's health checks, its words to the feed, and how it comes to hear of a revision. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { HealthPolicy } from "#shared/model/health.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { CheckReply, HealthReport } from "#shared/protocol/health.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { FAR_MS } from "#test/support/far-future.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

interface Prober {
  tell(service: string, reply: CheckReply | "hangs" | "fails"): Promise<void>
  asked(): Promise<{ service: string; from: number; props: unknown }[]>
}

const { HEALTH, ROUTE_TABLE, PROXY } = env as unknown as ControlEnv & { PROXY: Prober }

const POLICY: HealthPolicy = {
  check: { kind: "http", method: "GET", path: "/", statuses: [{ from: 200, to: 299 }] },
  intervalMs: 600_000,
  timeoutMs: 1_000,
  unhealthyThreshold: 2,
  healthyThreshold: 2,
  initial: "healthy",
  panicPercent: 50,
}

let services = 0
let service = ""
let object: ReturnType<typeof HEALTH.getByName>

// Rounds are driven by the tests: none comes by itself, and no time passes but when a test says so.
let nowMs = FAR_MS
function pass(ms: number): void {
  nowMs += ms
  vi.setSystemTime(nowMs)
}

afterEach(() => {
  vi.useRealTimers()
})
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs })
  service = `default/service-${services++}`
  object = HEALTH.getByName(service)
  await PROXY.asked()
})

/** What the prober finds from now on: a status for each place. */
function finds(statuses: { readonly [place: string]: number }, more: Partial<CheckReply> = {}): Promise<void> {
  const places = Object.keys(statuses)
  const results = places.map((place) => ({ place, outcome: { kind: "answered", status: statuses[place]! } as const }))
  return PROXY.tell(service, { revision: 1, policy: POLICY, places, results, ...more })
}

const follow = async (revision = 1) => {
  await object.follow({ service, revision })
  await runDurableObjectAlarm(object)
}
const round = () => runDurableObjectAlarm(object)
const table = () => ROUTE_TABLE.getByName(MESH)
const record = async () => (await table().health()).find((one) => one.service === service)
const fed = async () => {
  const { health = [] } = await table().pull({ isolate: "a", serving: 0 })
  return health.find((one) => one.service === service)
}
const alarmAt = () => runInDurableObject(object, (_instance, { storage }) => storage.getAlarm())
const stored = () => runInDurableObject(object, (_instance, { storage }) => [...storage.kv.list()].length)

describe("a health object", () => {
  it("checks as soon as it is told, through a binding that says whose it is, and says that all is well", async () => {
    await finds({ A: 200, B: 200 })
    await follow()
    expect(await PROXY.asked()).toEqual([{ service, from: 0, props: { role: "health" } }])
    expect(await record()).toMatchObject({ places: ["A", "B"], unhealthy: [] })
    expect(await fed()).toBeUndefined()
  })

  it("tells the feed what to avoid, for a while, and that it is over", async () => {
    await finds({ A: 200, B: 500 })
    await follow()
    expect(await fed()).toBeUndefined()
    await round()
    expect(await fed()).toMatchObject({ unhealthy: ["B"], generation: 2 })
    expect((await fed())!.known).toBeUndefined()
    await finds({ A: 200, B: 200 })
    await round()
    expect(await fed()).toMatchObject({ unhealthy: ["B"] })
    await round()
    expect(await fed()).toBeUndefined()
  })

  it("goes on where it was when it is evicted", async () => {
    await finds({ A: 500 })
    await follow()
    await evict(object)
    await round()
    expect(await fed()).toMatchObject({ unhealthy: ["A"] })
    await evict(table())
    expect(await fed()).toMatchObject({ unhealthy: ["A"] })
  })

  it("goes on from what an earlier version kept", async () => {
    await finds({ A: 500 })
    await follow()
    await runInDurableObject(object, (_instance, { storage }) => {
      const { service, revision, health } = storage.kv.get<Record<string, unknown>>("health")!
      storage.kv.put("health", { service, revision, health })
    })
    await evict(object)
    await round()
    expect(await fed()).toMatchObject({ unhealthy: ["A"] })
  })

  it("has a next round whatever becomes of this one", async () => {
    await finds({ A: 200 })
    await follow()
    const pause = (await alarmAt())! - Date.now()
    expect(pause).toBeGreaterThanOrEqual(0.9 * POLICY.intervalMs)
    expect(pause).toBeLessThanOrEqual(1.1 * POLICY.intervalMs)
    await PROXY.tell(service, "fails")
    await round()
    expect((await alarmAt())! - Date.now()).toBe(LIMITS.healthRetryMs)
  })

  it("changes nothing for want of an answer, and asks less and less often", async () => {
    await finds({ A: 500 })
    await follow()
    await PROXY.tell(service, "fails")
    const waits: number[] = []
    for (let failed = 0; failed < 8; failed++) {
      await round()
      waits.push(((await alarmAt())! - Date.now()) / 1000)
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60])
    expect(await fed()).toBeUndefined()
    await finds({ A: 500 })
    await round()
    expect(await fed()).toMatchObject({ unhealthy: ["A"] })
  })

  it("is not held up for ever by a prober that hangs", async () => {
    await finds({ A: 200 })
    await follow()
    await PROXY.tell(service, "hangs")
    await runInDurableObject(object, (_instance, { storage }) => {
      const kept = storage.kv.get<{ timeoutMs: number }>("health")!
      storage.kv.put("health", { ...kept, timeoutMs: 50 - LIMITS.healthPatienceMs })
    })
    await evict(object)
    await round()
    await finds({ A: 500 })
    await round()
    await round()
    expect(await fed()).toMatchObject({ unhealthy: ["A"] })
  })

  it("ends when newer routes have no check any more, and leaves nothing behind", async () => {
    await finds({ A: 500 })
    await follow()
    await round()
    expect(await record()).toBeDefined()
    await PROXY.tell(service, { revision: 2, places: [], results: [] })
    await follow(2)
    expect(await record()).toBeUndefined()
    expect([await alarmAt(), await stored()]).toEqual([null, 0])
    await finds({ A: 500 }, { revision: 3 })
    await follow(3)
    expect(await record()).toMatchObject({ generation: 1 })
  })

  it("does not end by the word of a prober that is behind", async () => {
    await PROXY.tell(service, { revision: 4, places: [], results: [] })
    await follow(5)
    expect(await alarmAt()).not.toBeNull()
    await finds({ A: 200 }, { revision: 5 })
    await round()
    expect(await record()).toMatchObject({ places: ["A"] })
  })

  it("checks many places a batch at a time", async () => {
    const statuses = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`P${index}`, index < 39 ? 200 : 500]))
    await finds(statuses)
    await follow()
    for (let rounds = 1; rounds < 6; rounds++) await round()
    expect((await PROXY.asked()).map(({ from }) => from)).toEqual([0, 16, 32, 0, 16, 32])
    expect(await fed()).toMatchObject({ unhealthy: ["P39"] })
  })

  it("lets nobody use what was not checked where that is asked for", async () => {
    const policy: HealthPolicy = { ...POLICY, initial: "unhealthy" }
    await finds({ A: 200, B: 500 }, { policy })
    await follow()
    expect(await fed()).toMatchObject({ unhealthy: ["B"], known: ["A", "B"] })
  })

  it("writes nothing but its alarm while all is well", async () => {
    await finds({ A: 200 })
    await follow()
    const keptAt = () =>
      runInDurableObject(object, (_instance, { storage }) => storage.kv.get<{ told: { atMs: number } }>("health"))
    const before = await keptAt()
    await round()
    await round()
    expect(await keptAt()).toEqual(before)
  })
})

describe("the feed of health checks", () => {
  const report = (more: Partial<HealthReport> = {}): HealthReport => ({
    ...{ service, generation: 5, places: ["A"], unhealthy: [{ place: "A", because: "no answer", sinceMs: 1 }] },
    ...{ strict: false, forMs: 5_000 },
    ...more,
  })

  it("does not take back what is newer", async () => {
    await table().hearHealth(report())
    await table().hearHealth(report({ generation: 4, unhealthy: [] }))
    expect(await fed()).toMatchObject({ generation: 5, unhealthy: ["A"] })
  })

  it("says nothing any more when nothing was heard for as long as the last word holds", async () => {
    await table().hearHealth(report({ forMs: 30 }))
    expect(await fed()).toBeDefined()
    pass(40)
    expect(await fed()).toBeUndefined()
  })

  it("hears an object that has lost its storage once its last word is over", async () => {
    await table().hearHealth(report({ forMs: 30 }))
    pass(40)
    await table().hearHealth(report({ generation: 1, unhealthy: [{ place: "B", because: "", sinceMs: 1 }] }))
    expect(await fed()).toMatchObject({ generation: 1, unhealthy: ["B"] })
  })
})

describe("an announcement", () => {
  let revisions = 0
  const commit = async (checks: string[]) => {
    const head = (await table().head())?.revision ?? 0
    const about = { author: "a", message: "", added: 0, changed: 0, removed: 0, documents: "{}", snapshot: "{}" }
    return table().commit({ expected: head, idempotencyKey: `k${revisions++}`, digest: "d", checks, ...about })
  }
  const waiting = () =>
    runInDurableObject(table(), (_instance, { storage }) => [
      ...storage.sql.exec<{ service: string; tries: number }>(
        "SELECT service, tries FROM announcements ORDER BY service",
      ),
    ])

  it("reaches the objects that a commit names, also when the route table dies in between", async () => {
    await finds({ A: 200 })
    await commit([service])
    await evict(table())
    await runDurableObjectAlarm(table())
    await expect.poll(alarmAt).not.toBeNull()
    await round()
    expect(await record()).toMatchObject({ places: ["A"] })
    await expect.poll(waiting).toEqual([])
  })

  it("is not made for a revision that concerns nobody", async () => {
    await commit([])
    expect(await waiting()).toEqual([])
  })

  it("is told to many in batches, and not to one of them twice", async () => {
    const many = Array.from(
      { length: LIMITS.announcementsMax + 5 },
      (_, index) => `${service}-${String(index).padStart(3, "0")}`,
    )
    await commit(many)
    await expect.poll(() => runDurableObjectAlarm(table())).toBe(false)
    expect(await waiting()).toEqual([])
  })
})
