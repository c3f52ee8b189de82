import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { beforeEach, describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Commit } from "#shared/protocol/route-table.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { ROUTE_TABLE } = env as unknown as ControlEnv

let meshes = 0
let table: ReturnType<typeof ROUTE_TABLE.getByName>

beforeEach(() => {
  table = ROUTE_TABLE.getByName(`mesh-${meshes++}`)
})

function commitOf(expected: number, changes: Partial<Commit> = {}): Commit {
  return {
    expected,
    idempotencyKey: crypto.randomUUID(),
    documents: `{"resources":[${expected}]}`,
    snapshot: `{"made-from":${expected}}`,
    digest: `digest-${expected}`,
    author: "ada",
    message: `change ${expected}`,
    added: 1,
    changed: 2,
    removed: 3,
    ...changes,
  }
}

async function commitMany(count: number): Promise<void> {
  for (let head = 0; head < count; head++) await table.commit(commitOf(head))
}

describe("a new route table", () => {
  it("has no head, no revision, no history and nothing to pull", async () => {
    expect(await table.head()).toBeUndefined()
    expect(await table.revision(1)).toBeUndefined()
    expect(await table.history({ limit: 10 })).toEqual([])
    expect(await table.pull({ isolate: "a", serving: 0 })).toEqual({ newer: undefined })
  })
})

describe("commit", () => {
  it("keeps everything it was given, and the time", async () => {
    const before = Date.now()
    const result = await table.commit(commitOf(0, { rollbackOf: 7 }))
    expect(result.outcome).toBe("committed")
    const content = await table.revision(1)
    expect(content).toEqual({
      revision: 1,
      digest: "digest-0",
      author: "ada",
      message: "change 0",
      atMs: expect.any(Number),
      rollbackOf: 7,
      added: 1,
      changed: 2,
      removed: 3,
      documents: `{"resources":[0]}`,
      snapshot: `{"made-from":0}`,
    })
    expect(content?.atMs).toBeGreaterThanOrEqual(before)
    expect(await table.head()).toEqual((result as { revision: object }).revision)
  })

  it.each([
    ["behind the head", 1],
    ["ahead of the head", 3],
    ["of an empty mesh", 0],
  ])("is stale when made from a revision %s, and writes nothing", async (_name, expected) => {
    await commitMany(2)
    expect(await table.commit(commitOf(expected))).toEqual({ outcome: "stale", head: 2 })
    expect((await table.history({ limit: 10 })).map(({ revision }) => revision)).toEqual([2, 1])
  })

  it("numbers 50 concurrent commits 1 to 50 without a gap", async () => {
    const write = async (author: string): Promise<number> => {
      for (let expected = 0; ; ) {
        const result = await table.commit(commitOf(expected, { author }))
        if (result.outcome === "committed") return result.revision.revision
        expected = (result as { head: number }).head
      }
    }
    const revisions = await Promise.all(Array.from({ length: 50 }, (_, index) => write(`writer-${index}`)))
    expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    const history = await table.history({ limit: 200 })
    expect(history.map(({ revision }) => revision)).toEqual(Array.from({ length: 50 }, (_, index) => 50 - index))
    expect(new Set(history.map(({ author }) => author)).size).toBe(50)
  })

  it("does nothing when repeated with its key, even after others", async () => {
    const commit = commitOf(0)
    const first = await table.commit(commit)
    await table.commit(commitOf(1))
    const second = await table.commit({ ...commit, message: "again" })
    expect(second).toEqual({ outcome: "repeated", revision: (first as { revision: object }).revision })
    expect((await table.head())?.revision).toBe(2)
    expect(await table.committed(commit.idempotencyKey)).toMatchObject({ revision: 1, message: "change 0" })
    expect(await table.committed("unknown")).toBeUndefined()
  })

  it("of 20 concurrent repeats makes one revision", async () => {
    const commit = commitOf(0)
    const results = await Promise.all(Array.from({ length: 20 }, () => table.commit(commit)))
    expect(results.filter(({ outcome }) => outcome === "committed")).toHaveLength(1)
    expect(results.filter(({ outcome }) => outcome === "repeated")).toHaveLength(19)
    expect((await table.head())?.revision).toBe(1)
  })

  it("does not remember the key of a stale commit", async () => {
    const commit = commitOf(5)
    await table.commit(commit)
    expect((await table.commit({ ...commit, expected: 0 })).outcome).toBe("committed")
  })

  it("forgets the oldest keys and keeps the revisions", async () => {
    const first = commitOf(0)
    await table.commit(first)
    await runInDurableObject(table, (_instance, state) => {
      // As if as many revisions as keys are kept had been made since.
      state.storage.sql.exec("UPDATE revisions SET revision = ?", LIMITS.idempotencyKeysMax)
    })
    await table.commit(commitOf(LIMITS.idempotencyKeysMax))
    expect(await table.committed(first.idempotencyKey)).toBeUndefined()
    expect(await table.history({ limit: 10 })).toHaveLength(2)
  })
})

describe("long texts", () => {
  it.each([
    ["5 MiB of ASCII", "x".repeat(5 * 1024 * 1024)],
    ["characters cut in two by the pieces", `a${"\u{1f9f6}é€".repeat(300_000)}`],
    ["exactly one piece", "y".repeat(LIMITS.chunkBytesMax)],
    ["one byte more than a piece", "y".repeat(LIMITS.chunkBytesMax + 1)],
    ["nothing", ""],
  ])("come back as they were: %s", async (_name, snapshot) => {
    const documents = `${snapshot}-documents`
    await table.commit(commitOf(0, { snapshot, documents }))
    const content = await table.revision(1)
    expect(content?.snapshot === snapshot).toBe(true)
    expect(content?.documents === documents).toBe(true)
    await evict(table)
    const { newer } = await table.pull({ isolate: "a", serving: 0 })
    expect(newer?.text === snapshot).toBe(true)
  })

  it("are stored in rows of at most 1 MiB", async () => {
    await table.commit(commitOf(0, { snapshot: "x".repeat(5 * 1024 * 1024) }))
    const sizes = await runInDurableObject(table, (_instance, state) =>
      state.storage.sql
        .exec<{ size: number }>("SELECT LENGTH(bytes) AS size FROM texts WHERE part = 'snapshot'")
        .toArray(),
    )
    expect(sizes.map(({ size }) => size)).toEqual([1, 1, 1, 1, 1].map((mebibytes) => mebibytes * 1024 * 1024))
  })
})

describe("eviction", () => {
  it("loses no revision and no key", async () => {
    const last = commitOf(2)
    await commitMany(2)
    await table.commit(last)
    await evict(table)
    expect((await table.head())?.revision).toBe(3)
    expect((await table.commit(last)).outcome).toBe("repeated")
    expect(await table.commit(commitOf(2))).toEqual({ outcome: "stale", head: 3 })
    expect((await table.commit(commitOf(3))).outcome).toBe("committed")
    expect((await table.revision(1))?.snapshot).toBe(`{"made-from":0}`)
  })
})

describe("history", () => {
  it.each([
    ["the newest first", { limit: 3 }, [7, 6, 5]],
    ["below `before`, exclusive", { before: 5, limit: 2 }, [4, 3]],
    ["to the first", { before: 3, limit: 200 }, [2, 1]],
    ["nothing before the first", { before: 1, limit: 10 }, []],
    ["at least one", { limit: 0 }, [7]],
    ["all when there are fewer", { limit: 1_000 }, [7, 6, 5, 4, 3, 2, 1]],
  ])("gives %s", async (_name, query, expected) => {
    await commitMany(7)
    expect((await table.history(query)).map(({ revision }) => revision)).toEqual(expected)
  })
})

describe("pull", () => {
  it("serves the newest to who has less, nothing to who has it or more", async () => {
    await commitMany(3)
    const newest = { revision: 3, digest: "digest-2", text: `{"made-from":2}` }
    expect(await table.pull({ isolate: "a", serving: 0 })).toEqual({ newer: newest })
    expect(await table.pull({ isolate: "a", serving: 2 })).toEqual({ newer: newest })
    expect(await table.pull({ isolate: "a", serving: 3 })).toEqual({ newer: undefined })
    expect(await table.pull({ isolate: "a", serving: 9 })).toEqual({ newer: undefined })
    await table.commit(commitOf(3))
    expect((await table.pull({ isolate: "a", serving: 3 })).newer?.revision).toBe(4)
  })

  it("does not send again what the isolate refused", async () => {
    await commitMany(2)
    const refused = { revision: 2, reason: "unknown format" }
    expect(await table.pull({ isolate: "a", serving: 1, refused })).toEqual({ newer: undefined })
    await table.commit(commitOf(2))
    expect((await table.pull({ isolate: "a", serving: 1, refused })).newer?.revision).toBe(3)
  })

  it("notes who serves what, the last word of each", async () => {
    await commitMany(1)
    await table.pull({ isolate: "a", serving: 0, bindings: ["ORDERS"] })
    await table.pull({ isolate: "b", serving: 1, refused: { revision: 1, reason: "r".repeat(5_000) } })
    await table.pull({ isolate: "a", serving: 1 })
    const { isolates } = await table.view()
    expect(isolates.map(({ isolate, serving }) => [isolate, serving])).toEqual([
      ["b", 1],
      ["a", 1],
    ])
    expect(isolates[0]?.refused?.reason).toHaveLength(1_024)
    expect(isolates[1]?.bindings).toBeUndefined()
  })
})
