import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { type ApiKeyRecord, NO_API_KEYS } from "#shared/protocol/api-keys.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { ROUTE_TABLE } = env as unknown as ControlEnv

let meshes = 0
let table: ReturnType<typeof ROUTE_TABLE.getByName>

beforeEach(() => {
  table = ROUTE_TABLE.getByName(`keys-${meshes++}`)
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

const record = (id: string, more: Partial<ApiKeyRecord> = {}): ApiKeyRecord => ({
  ...{ id, hash: `hash of ${id}`, owner: "Acme", scopes: ["read"], createdBy: "ci" },
  ...more,
})

const newsSince = async (known: number) => table.keysSince(known)
const entry = (id: string, version: number) => ({ id, hash: `hash of ${id}`, owner: "Acme", scopes: ["read"], version })

/** Rows `key-1`, `key-2` and so on, with the versions after `version`. */
async function fill(count: number, version: number, { revoked = false } = {}): Promise<void> {
  await runInDurableObject(table, (_object, { storage }) => {
    storage.sql.exec(
      `WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < ?)
        INSERT INTO api_keys SELECT 'key-' || v, 'h' || v, 'Acme', '[]', 'ci', 1, NULL, NULL, ?, ? + v FROM n`,
      ...[count, revoked ? 1 : 0, version],
    )
    storage.sql.exec("UPDATE api_key_list SET version = ?", version + count)
  })
}

describe("API keys", () => {
  it("are told to who knows none, also when there are none", async () => {
    expect(await newsSince(NO_API_KEYS)).toEqual({ version: 0, whole: true, made: [], gone: [] })
    expect(await newsSince(0)).toBeUndefined()
    expect((await table.pull({ isolate: "i", serving: 0 })).apiKeys).toBeUndefined()
    await table.createKey(record("a"))
    expect((await table.pull({ isolate: "i", serving: 0 })).apiKeys).toBe(1)
  })

  it("are told once, and when they are gone", async () => {
    await table.createKey(record("a"))
    await table.createKey(record("b", { expiresAtMs: 2_000_000 }))
    await evict(table)
    expect(await newsSince(0)).toEqual({
      version: 2,
      made: [entry("a", 1), { ...entry("b", 2), expiresAtMs: 2_000_000 }],
      gone: [],
    })
    expect(await newsSince(1)).toMatchObject({ version: 2, made: [{ id: "b" }] })
    expect(await newsSince(2)).toBeUndefined()
    expect(await table.revokeKey("a")).toBe(true)
    expect(await newsSince(2)).toEqual({ version: 3, made: [], gone: [{ id: "a", version: 3 }] })
    expect(await newsSince(NO_API_KEYS)).toMatchObject({ version: 3, whole: true, made: [{ id: "b" }], gone: [] })
  })

  it("that were made anew under an old id are told as they are now", async () => {
    await table.createKey(record("a"))
    await table.revokeKey("a")
    expect(await table.createKey(record("a", { hash: "another" }))).toMatchObject({ outcome: "created" })
    expect(await newsSince(1)).toEqual({ version: 3, made: [{ ...entry("a", 3), hash: "another" }], gone: [] })
  })

  it("cannot take a valid key's id, and can take an expired one's", async () => {
    await table.createKey(record("a", { expiresAtMs: 1_000_100 }))
    expect(await table.createKey(record("a"))).toEqual({ outcome: "exists" })
    vi.setSystemTime(1_000_100)
    expect(await table.createKey(record("a"))).toMatchObject({ outcome: "created" })
  })

  it("are revoked once", async () => {
    await table.createKey(record("a"))
    expect(await table.revokeKey("a")).toBe(true)
    expect(await table.revokeKey("a")).toBe(false)
    expect(await table.revokeKey("b")).toBe(false)
    expect(await table.listKeys()).toEqual([])
  })

  it("are listed by id, without hash", async () => {
    await table.createKey(record("b"))
    await table.createKey(record("a", { expiresAtMs: 2_000_000, scopes: [] }))
    const made = { owner: "Acme", createdAtMs: 1_000_000, createdBy: "ci" }
    expect(await table.listKeys()).toEqual([
      { ...made, id: "a", scopes: [], expiresAtMs: 2_000_000 },
      { ...made, id: "b", scopes: ["read"] },
    ])
  })

  it("leave no hash behind when they are revoked", async () => {
    await table.createKey(record("a"))
    await table.revokeKey("a")
    await runInDurableObject(table, (_object, { storage }) => {
      expect([...storage.sql.exec("SELECT hash FROM api_keys")]).toEqual([{ hash: "" }])
    })
  })

  it("have their use written down once a minute, never in the future, and without a version of its own", async () => {
    await table.createKey(record("a"))
    const usedAtMs = async () => (await table.listKeys())[0]?.lastUsedAtMs
    const use = (atMs: number) => table.pull({ isolate: "i", serving: 0, keyUses: [{ id: "a", atMs }] })
    await use(999_000)
    expect(await usedAtMs()).toBe(999_000)
    await use(999_000 + LIMITS.tokenUseMs - 1)
    expect(await usedAtMs()).toBe(999_000)
    vi.setSystemTime(2_000_000)
    expect((await use(9_000_000)).apiKeys).toBe(1)
    expect(await usedAtMs()).toBe(2_000_000)
    await use(1_500_000)
    expect(await usedAtMs()).toBe(2_000_000)
    await table.noteKeyUses([{ id: "nobody", atMs: 1 }])
  })

  it("that were revoked are forgotten one day, and who missed that is told the whole list", async () => {
    await table.createKey(record("kept"))
    await table.createKey(record("first"))
    await table.revokeKey("first")
    await fill(LIMITS.apiKeysMax, 3, { revoked: true })
    await table.createKey(record("last"))
    await table.revokeKey("last")
    const news = await newsSince(2)
    expect(news).toMatchObject({ whole: true, made: [{ id: "kept" }], gone: [] })
    expect(await newsSince(news!.version - 1)).toMatchObject({
      version: news!.version,
      made: [],
      gone: [{ id: "last" }],
    })
  })

  it("are so many and no more", async () => {
    await fill(LIMITS.apiKeysMax, 0)
    expect(await table.createKey(record("a"))).toEqual({ outcome: "full" })
    expect((await newsSince(NO_API_KEYS))?.made).toHaveLength(LIMITS.apiKeysMax)
    await table.revokeKey("key-7")
    expect(await table.createKey(record("a"))).toMatchObject({ outcome: "created" })
  })
})
