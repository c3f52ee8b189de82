import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { AuditSubject, Deed, Denial } from "#shared/protocol/audit.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { AUDIT } = env as unknown as ControlEnv

let objects = 0
let audit: ReturnType<typeof AUDIT.getByName>

beforeEach(() => {
  audit = AUDIT.getByName(`audit-${objects++}`)
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

const SUBJECT: AuditSubject = { who: "ci", operation: "POST /v1/apply", requestId: "r1", address: "203.0.113.9" }
const denial = (about: Partial<Denial> = {}): Denial => ({
  ...SUBJECT,
  who: "nobody",
  operation: "authenticate",
  status: 401,
  count: 1,
  firstAtMs: Date.now(),
  lastAtMs: Date.now(),
  ...about,
})
const list = () => audit.list({ limit: 200 })

async function fill(room: string, count: number) {
  await runInDurableObject(audit, (_instance, state) => {
    state.storage.transactionSync(() => {
      for (let index = 0; index < count; index++) {
        state.storage.sql.exec(
          "INSERT INTO entries (room, at_ms, who, operation, request_id, address, outcome) VALUES (?, ?, 'x', 'y', 'z', '-', 'done')",
          ...[room, index],
        )
      }
    })
  })
}

const sizes = () =>
  runInDurableObject(audit, (_instance, state) =>
    Object.fromEntries(
      [
        ...state.storage.sql.exec<{ room: string; n: number }>("SELECT room, COUNT(*) AS n FROM entries GROUP BY room"),
      ].map(({ room, n }) => [room, n]),
    ),
  )

describe("an entry", () => {
  it("is there before its outcome, also after an eviction", async () => {
    const id = await audit.begin({ ...SUBJECT, target: "Route default/shop" })
    await evict(audit)
    const begun = { id, atMs: 1_000_000, ...SUBJECT, target: "Route default/shop", outcome: "unknown", count: 1 }
    expect(await list()).toEqual([begun])
    await audit.end(id, { outcome: "done", status: 200, revision: 7 })
    expect(await list()).toEqual([{ ...begun, outcome: "done", status: 200, revision: 7 }])
  })

  it("is completed once, and never changes again", async () => {
    const id = await audit.begin(SUBJECT)
    await audit.end(id, { outcome: "failed", status: 422 })
    await audit.end(id, { outcome: "done", status: 200, revision: 9, target: "other" })
    await audit.denied([denial()])
    expect((await list()).find((entry) => entry.id === id)).toMatchObject({ outcome: "failed", status: 422 })
    const lost = await audit.begin(SUBJECT)
    await audit.end(lost, { outcome: "unknown", status: 503 })
    await audit.end(lost, { outcome: "done", status: 200 })
    expect((await list())[0]).toMatchObject({ outcome: "unknown", status: 503 })
  })

  it("of nothing done takes no room from deeds", async () => {
    for (let index = 0; index < 3; index++) {
      await audit.end(await audit.begin(SUBJECT), { outcome: "done", status: 200, idle: true })
    }
    await audit.end(await audit.begin(SUBJECT), { outcome: "done", status: 200, revision: 2 })
    expect(await sizes()).toEqual({ deeds: 1, failures: 3 })
    expect((await list()).map(({ outcome }) => outcome)).toEqual(["done", "done", "done", "done"])
  })

  it("of a read takes no room from deeds or failures, however it ends", async () => {
    for (const outcome of ["done", "failed"] as const) {
      await audit.end(await audit.begin(SUBJECT, "read"), { outcome, status: 200, shown: 3 })
    }
    expect(await sizes()).toEqual({ reads: 2 })
    expect(await list()).toMatchObject([{ outcome: "failed" }, { outcome: "done", shown: 3 }])
  })

  it("takes any text as text", async () => {
    const who = "x'); DROP TABLE entries; --"
    await audit.refused({ ...SUBJECT, who }, { outcome: "failed", status: 400 })
    expect(await audit.list({ limit: 10, who })).toMatchObject([{ who }])
  })
})

describe("what the mesh did by itself", () => {
  const deed: Deed = {
    ...{ id: "guard-7-undone", who: "guard", operation: "undo", target: "revision 7", reason: "failed", atMs: 5 },
    ...{ onBehalfOf: "ada", revision: 8 },
  }

  it("is an entry of its own time, once, however often it is told", async () => {
    await audit.did(deed)
    await audit.did({ ...deed, reason: "slow" })
    await audit.did({ ...deed, id: "rotate-k", who: "key-ring", operation: "rotate", target: "key k", reason: "age" })
    expect(await list()).toMatchObject([
      { who: "key-ring", reason: "age" },
      { atMs: 5, reason: "failed", revision: 8 },
    ])
    expect(await audit.list({ limit: 10, who: "guard", operation: "undo", outcome: "done" })).toHaveLength(1)
    expect(await sizes()).toEqual({ deeds: 2 })
  })
})

describe("denials", () => {
  it("that are equal are one entry for a while", async () => {
    await audit.denied([denial({ count: 3 }), denial({ address: "198.51.100.1" })])
    vi.setSystemTime(1_060_000)
    await audit.denied([denial({ count: 2, requestId: "r2" })])
    expect(await list()).toMatchObject([
      { address: "198.51.100.1", count: 1 },
      { address: SUBJECT.address, count: 5, atMs: 1_000_000, lastAtMs: 1_060_000, requestId: "r1", outcome: "denied" },
    ])
    vi.setSystemTime(1_000_000 + LIMITS.auditDenialWindowMs + 1)
    await audit.denied([denial()])
    expect(await list()).toHaveLength(3)
  })

  it("from more addresses than can be told apart are one entry together", async () => {
    for (let batch = 0; batch < 5; batch++) {
      await audit.denied(Array.from({ length: 200 }, (_, index) => denial({ address: `2001:db8:${batch}:${index}` })))
    }
    const entries = await list()
    expect((await sizes()).denials).toBe(LIMITS.auditDenialKeysMax + 1)
    expect(entries[0]).toMatchObject({ address: "others", count: 1_000 - LIMITS.auditDenialKeysMax })
  })
})

describe("the log's size", () => {
  it("is bounded for each outcome by itself, the oldest first", async () => {
    const deed = await audit.begin(SUBJECT)
    await audit.end(deed, { outcome: "done", status: 200 })
    await fill("failures", LIMITS.auditFailuresMax + 500)
    for (let index = 0; index < 101; index++) await audit.refused(SUBJECT, { outcome: "failed", status: 400 })
    const { failures, deeds } = await sizes()
    expect(failures).toBeGreaterThanOrEqual(LIMITS.auditFailuresMax)
    expect(failures).toBeLessThanOrEqual(LIMITS.auditFailuresMax + 101)
    expect(deeds).toBe(1)
    const oldest = await runInDurableObject(audit, (_instance, state) =>
      state.storage.sql.exec("SELECT MIN(at_ms) AS at FROM entries WHERE room = 'failures'").one(),
    )
    expect(oldest.at).toBeGreaterThanOrEqual(500)
  })
})
