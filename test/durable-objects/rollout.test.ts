/** Guarded applies: the root, which divides and undoes, and the object that watches. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { DEFAULT_ROLLOUT, type RolloutPolicy } from "#shared/model/rollout.ts"
import { SHARDS } from "#shared/propagation/shards.ts"
import { AUDIT as LOG } from "#shared/protocol/audit.ts"
import type { Guard } from "#shared/protocol/rollout.ts"
import { type Commit, MESH } from "#shared/protocol/route-table.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"
import { encode } from "#shared/telemetry/wire.ts"
import { FAR_MS } from "#test/support/far-future.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { AUDIT, ROUTE_TABLE, RELAY, ROLLOUT, TELEMETRY } = env as unknown as ControlEnv
/** What happens by itself happens at once, but not on a busy machine. */
const SLOWLY = { timeout: 20_000 }
const POLICY: RolloutPolicy = { ...DEFAULT_ROLLOUT, holdMs: 10_000, requestsMin: 5, patienceMs: 20_000 }

let nowMs = FAR_MS
let reports = 0
const table = () => ROUTE_TABLE.getByName(MESH)

// Each look asks all shards of telemetry, and does not wait for those that a busy machine has to make first.
beforeAll(() => Promise.all(SHARDS.map(({ name }) => TELEMETRY.getByName(name).totals())))
beforeEach(async () => {
  nowMs += 3_600_000
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs })
  const head = await headOf()
  await table().commit(commitOf(head, { overrules: true }))
})
afterEach(() => {
  vi.useRealTimers()
})

function pass(ms: number): void {
  nowMs += ms
  vi.setSystemTime(nowMs)
}

async function headOf(): Promise<number> {
  return (await table().head())?.revision ?? 0
}

function commitOf(expected: number, more: Partial<Commit> = {}): Commit {
  return {
    ...{ expected, idempotencyKey: crypto.randomUUID(), documents: `{"resources":[${expected}]}` },
    ...{ snapshot: `{"made-from":${expected}}`, digest: `digest-${expected}`, author: "ada", message: "change" },
    ...{ added: 1, changed: 2, removed: 3, ...more },
  }
}

/** A new revision under guard; its number. */
async function guarded(guard: Partial<Guard> = {}, more: Partial<Commit> = {}): Promise<number> {
  const head = await headOf()
  const commit = commitOf(head, { guard: { policy: POLICY, ...guard }, ...more })
  expect((await table().commit(commit)).outcome).toBe("committed")
  return head + 1
}

/** What the mesh did by itself about a revision. */
const deeds = async (revision: number) =>
  (await AUDIT.getByName(LOG).list({ limit: 200 })).filter(({ target }) => target === `revision ${revision}`)

const told = async (serving: number) => table().pull({ isolate: "i", serving, digest: "" })
const watcher = async () => {
  const { revision, startedAtMs } = (await table().rollout())!
  return ROLLOUT.getByName(`${revision}-${startedAtMs}`)
}

/** Requests of one rule, as an isolate reports them: those by the candidate are some of all. */
async function report(revision: number, all: [ok: number, failed: number], candidate: [ok: number, failed: number]) {
  const series = ([ok, failed]: [number, number]) => {
    const rows = new SeriesTable()
    for (const [count, status] of [
      [ok, 200],
      [failed, 500],
    ] as const) {
      const row = rows.row("", "default/orders", "", "default/orders/0", "", status, "")
      for (let time = 0; time < count; time++) rows.count(row, 5, 1, false, 0, 0)
    }
    return encode(rows.take())
  }
  reports += 1
  const tallies: never[] = []
  const common = { isolate: "i", sequence: reports, tallies, snapshotAgeMs: 0 }
  await TELEMETRY.getByName("weur").report({
    ...common,
    series: series(all),
    candidate: { revision, series: series(candidate) },
  })
}

async function looks(times: number, everyMs = 1_000): Promise<void> {
  for (let time = 0; time < times; time++) {
    pass(everyMs)
    await runDurableObjectAlarm(await watcher())
  }
}

describe("the root under guard", () => {
  it("tells isolates of the stable revision, and of the candidate beside it", async () => {
    const revision = await guarded()
    const { newer, candidate } = await told(0)
    expect(newer?.revision).toBe(revision - 1)
    expect(candidate).toEqual({ revision, digest: `digest-${revision - 1}`, share: 1 })
    expect(await table().text(candidate!.digest)).toBe(`{"made-from":${revision - 1}}`)
    expect((await table().head())?.guard).toBe("running")
  })

  it("takes no other change, and repeats of the guarded one", async () => {
    const head = await headOf()
    const commit = commitOf(head, { guard: { policy: POLICY } })
    await table().commit(commit)
    expect(await table().commit(commitOf(head + 1))).toEqual({ outcome: "guarded", revision: head + 1 })
    expect((await table().commit(commit)).outcome).toBe("repeated")
  })

  it("gives way to a rollback, which is everybody's at once", async () => {
    const revision = await guarded()
    await table().commit(commitOf(revision, { overrules: true, rollbackOf: revision - 1, author: "bob" }))
    const { newer, candidate } = await told(revision - 1)
    expect(candidate).toBeUndefined()
    expect(newer?.revision).toBe(revision + 1)
    expect(await table().rollout()).toMatchObject({
      phase: "superseded",
      reason: `revision ${revision + 1} by bob took its place`,
    })
  })

  it("undoes it by a new revision of the content before, with the reason in history", async () => {
    const before = await headOf()
    const revision = await guarded()
    await table().settle({ revision, phase: "undone", reason: "by bob" })
    const [newest, candidate] = await table().history({ limit: 2 })
    expect(newest).toMatchObject({
      ...{
        revision: revision + 1,
        author: "guard",
        rollbackOf: before,
        message: `Revision ${revision} is undone: by bob`,
      },
      ...{ added: 3, changed: 2, removed: 1 },
    })
    expect(candidate).toMatchObject({ revision, guard: "undone" })
    const [undone, stable] = await Promise.all([table().revision(revision + 1), table().revision(before)])
    expect([undone?.documents, undone?.snapshot, undone?.digest]).toEqual([
      stable?.documents,
      stable?.snapshot,
      stable?.digest,
    ])
    expect((await told(before)).newer?.revision).toBe(revision + 1)
    expect(await table().settle({ revision, phase: "promoted", reason: "by bob" })).toBeUndefined()
  })

  it("makes it everybody's when it is promoted", async () => {
    const revision = await guarded()
    await table().settle({ revision, phase: "promoted", reason: "by bob" })
    const { newer, candidate } = await told(revision - 1)
    expect([newer?.revision, candidate]).toEqual([revision, undefined])
    expect(await headOf()).toBe(revision)
  })

  it("undoes by itself what nobody watches, also after it was started anew", async () => {
    const revision = await guarded()
    await runInDurableObject(await watcher(), (_instance, { storage }) => storage.deleteAlarm())
    await evict(table())
    await told(revision - 1)
    pass(LIMITS.rolloutUnwatchedMs - 1)
    await runDurableObjectAlarm(table())
    expect((await table().rollout())?.phase).toBe("running")
    pass(2)
    await runDurableObjectAlarm(table())
    expect(await table().rollout()).toMatchObject({ phase: "undone", reason: "nobody has watched it for 30 s" })
  })

  it("has what it ended by itself in the audit log, once, and what was ended by hand not again", async () => {
    const revision = await guarded()
    pass(LIMITS.rolloutUnwatchedMs + 1)
    await runDurableObjectAlarm(table())
    await vi.waitFor(async () => {
      expect(await deeds(revision)).toEqual([
        {
          ...{ id: expect.any(Number), atMs: nowMs, who: "guard", operation: "undo", target: `revision ${revision}` },
          ...{ onBehalfOf: "ada", reason: "unwatched", revision: revision + 1, outcome: "done", count: 1 },
          ...{ requestId: `guard-${revision}-undone`, address: "mesh" },
        },
      ])
    }, SLOWLY)
    const next = await guarded()
    await table().settle({ revision: next, phase: "undone", reason: "by bob" })
    await runDurableObjectAlarm(table())
    expect(await deeds(next)).toEqual([])
    expect(await deeds(revision)).toHaveLength(1)
  })

  it("tells the audit log again what that has not taken", async () => {
    const revision = await guarded()
    const [end] = [{ revision, phase: "undone", reason: "it fails", cause: "failed" } as const]
    await runInDurableObject(AUDIT.getByName(LOG), (_instance, { storage }) => {
      storage.sql.exec("ALTER TABLE entries RENAME TO hidden")
    })
    await table().settle(end)
    await runDurableObjectAlarm(table())
    await runInDurableObject(AUDIT.getByName(LOG), (_instance, { storage }) => {
      storage.sql.exec("ALTER TABLE hidden RENAME TO entries")
    })
    expect(await deeds(revision)).toEqual([])
    await evict(table())
    await vi.waitFor(async () => {
      pass(LIMITS.announcementRetryMs)
      await runDurableObjectAlarm(table())
      expect(await deeds(revision)).toMatchObject([{ reason: "failed", revision: revision + 1 }])
    }, SLOWLY)
  })

  it("undoes what has not ended in time, whoever watches it", async () => {
    const revision = await guarded()
    const { endsByMs } = (await table().rollout())!
    const still = { revision, stage: 0, share: 1, stageSinceMs: nowMs }
    pass(endsByMs - nowMs)
    await table().heed(still)
    await runDurableObjectAlarm(table())
    expect(await table().rollout()).toMatchObject({ phase: "undone", reason: "it has not come to an end in time" })
  })

  it("widens it as it is told, and not back again by what comes late", async () => {
    const revision = await guarded({ policy: { ...POLICY, stages: [1, 10, 100] } })
    const said = { revision, stageSinceMs: nowMs }
    await table().heed({ ...said, stage: 1, share: 10 })
    await table().heed({ ...said, stage: 0, share: 1 })
    expect((await told(0)).candidate?.share).toBe(10)
    await table().heed({ ...said, revision: revision + 5, stage: 2, share: 100 })
    expect((await told(0)).candidate?.share).toBe(10)
  })

  it("has nothing to guard before the first revision", async () => {
    const fresh = ROUTE_TABLE.getByName("fresh")
    await fresh.commit(commitOf(0, { guard: { policy: POLICY } }))
    expect(await fresh.rollout()).toBeUndefined()
    expect((await fresh.pull({ isolate: "i", serving: 0 })).newer?.revision).toBe(1)
  })
})

describe("the object that watches", () => {
  it("lets out what fares well, and is empty then", async () => {
    const revision = await guarded()
    const object = await watcher()
    await looks(1)
    await report(revision, [1_000, 0], [10, 0])
    await looks(2, 5_000)
    expect((await told(0)).candidate?.share).toBe(95)
    await report(revision, [50, 0], [50, 0])
    await looks(2, 5_000)
    expect(await table().rollout()).toMatchObject({ phase: "promoted", share: 100 })
    await runDurableObjectAlarm(table())
    expect(await deeds(revision)).toMatchObject([{ operation: "promote", onBehalfOf: "ada", reason: "held", revision }])
    pass(1_000)
    await runDurableObjectAlarm(object)
    const left = await runInDurableObject(object, async (_instance, { storage }) => [
      await storage.getAlarm(),
      (await storage.list()).size,
    ])
    expect(left).toEqual([null, 0])
  })

  it("has undone what fares worse than the rest", async () => {
    const revision = await guarded({ touches: ["default/orders"] })
    await report(revision, [1_000, 8], [2, 8])
    await looks(1)
    const rest = "80 % of 10 requests by it; none of 998 of the rest"
    expect(await table().rollout()).toMatchObject({
      ...{ phase: "undone", undoneBy: revision + 1, seen: { requests: 10, failed: 8 } },
      reason: `more requests fail (5xx) at default/orders/0: ${rest}`,
    })
    await runDurableObjectAlarm(table())
    expect(await deeds(revision)).toMatchObject([{ who: "guard", operation: "undo", reason: "failed" }])
  })

  it("has undone what an isolate refuses to serve", async () => {
    const revision = await guarded()
    const relay = RELAY.getByName("enam")
    await relay.pull({ isolate: "r", serving: revision - 1, refused: { revision, reason: "it cannot be compiled" } })
    await looks(1)
    expect(await table().rollout()).toMatchObject({
      phase: "undone",
      reason: "an isolate refuses it: it cannot be compiled",
    })
  })

  it("goes on where it was when it is killed, and asks nothing of a candidate before", async () => {
    const earlier = await guarded()
    await report(earlier, [100, 100], [0, 100])
    await table().settle({ revision: earlier, phase: "undone", reason: "by bob" })
    const revision = await guarded()
    await report(revision, [1_000, 0], [10, 0])
    await looks(1, 8_000)
    await evict(await watcher())
    await evict(table())
    await evict(TELEMETRY.getByName("weur"))
    await looks(1, 3_000)
    expect(await table().rollout()).toMatchObject({ phase: "running", stage: 1, share: 95 })
  })

  it("is woken by the root when it has lost its alarm", async () => {
    await guarded()
    const object = await watcher()
    await runInDurableObject(object, (_instance, { storage }) => storage.deleteAlarm())
    pass(LIMITS.rolloutWakeMs)
    await runDurableObjectAlarm(table())
    await expect.poll(() => runInDurableObject(object, (_instance, { storage }) => storage.getAlarm())).not.toBeNull()
  })
})
