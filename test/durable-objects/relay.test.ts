/** Relays and the root that tells them, as objects: what they keep, what survives, who is told. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { digest, encode } from "#shared/model/snapshot-codec.ts"
import { MESH, type Pull } from "#shared/protocol/route-table.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { RELAY, ROUTE_TABLE } = env as unknown as ControlEnv
/** The relays' root is the one of this name. */
const root = () => ROUTE_TABLE.getByName(MESH)

let relays = 0
let name = ""
const relay = () => RELAY.getByName(name)

beforeEach(() => {
  name = `relay-${relays++}`
})

const EMPTY = encode({ format: 1, services: [], gateways: [], routes: [] } satisfies Snapshot)

afterEach(() => {
  vi.useRealTimers()
})

let commits = 0

/** A revision on top of whatever there is, of a content of its own; its number. */
async function commit(snapshot = `${EMPTY} `.padEnd(100 + ++commits)): Promise<number> {
  const expected = (await root().head())?.revision ?? 0
  const about = { author: "ada", message: "", added: 0, changed: 0, removed: 0, documents: "{}" }
  const result = await root().commit({
    ...{ ...about, expected, snapshot, digest: await digest(snapshot) },
    idempotencyKey: crypto.randomUUID(),
  })
  if (result.outcome !== "committed") throw new Error(result.outcome)
  return result.revision.revision
}

const pull = (more: Partial<Pull> = {}) => relay().pull({ isolate: "a", serving: 0, digest: "", ...more })

/** Waits for what the root does in the background. */
async function eventually<T>(ask: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  let value = await ask()
  for (const deadline = performance.now() + 60_000; !holds(value); value = await ask()) {
    if (performance.now() > deadline) throw new Error("not in time")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return value
}

describe("a relay", () => {
  it("asks the root when it is asked first, and is told of every change from then on", async () => {
    const first = await commit()
    expect((await pull()).newer?.revision).toBe(first)
    const second = await commit()
    await eventually(
      () => relay().view(),
      ({ revision }) => revision === second,
    )
    const mine = (await root().relays()).find((one) => one.name === name)
    expect(mine).toMatchObject({ acknowledged: second, failures: 0 })
  })

  it("sends the text to who does not have it, and only the number to who has the same content", async () => {
    const text = `${EMPTY}    `
    const first = await commit(text)
    const newer = { revision: first, digest: await digest(text) }
    expect((await pull()).newer).toEqual({ ...newer, text })
    expect((await pull({ digest: newer.digest })).newer).toEqual(newer)
    expect((await pull({ serving: first, digest: newer.digest })).newer).toBeUndefined()
  })

  it("tells of a large snapshot by its digest, and has its text for who asks for that", async () => {
    const text = EMPTY.padEnd(LIMITS.snapshotInlineBytesMax + 1)
    const revision = await commit(text)
    const hash = await digest(text)
    expect((await pull()).newer).toEqual({ revision, digest: hash })
    expect(await relay().text(hash)).toBe(text)
    expect(await relay().text("of something else")).toBeUndefined()
  })

  it("goes to the root at once for a revision that it has not heard of", async () => {
    // It does not ask by itself because it has heard nothing for a while.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() })
    await commit()
    const { newer } = await pull()
    // As if the push of the next one was lost.
    await runInDurableObject(root(), (_object, state) => {
      state.storage.sql.exec("DELETE FROM relays")
    })
    await evict(root())
    const next = await commit()
    expect((await pull()).newer?.revision).toBe(newer?.revision)
    expect((await pull({ atLeast: next })).newer?.revision).toBe(next)
  })

  it("has what it had when it is started anew, and asks what there is since", async () => {
    const first = await commit()
    await pull()
    await evict(relay())
    const view = await relay().view()
    expect(view.revision).toBe(first)
    // There may be isolates that it has forgotten.
    expect(view.watchingSinceMs).toBeGreaterThan(0)
    const second = await commit()
    expect((await pull()).newer?.revision).toBe(second)
  })

  it("still tells of the isolates that asked a moment ago when it was put away meanwhile", async () => {
    await pull({ isolate: "front-1", serving: 7 })
    await evict(relay())
    expect((await relay().view()).isolates).toMatchObject([{ isolate: "front-1", serving: 7, relay: name }])
  })

  it("takes no damaged snapshot, neither from the root nor from its own disk", async () => {
    const first = await commit()
    await pull()
    const head = { revision: first + 100, digest: "0".repeat(64) }
    const said = await relay().push({ head, text: EMPTY, news: { version: 0, feed: {} } })
    expect(said.revision).toBe(first)
    await runInDurableObject(relay(), (_object, state) => {
      state.storage.sql.exec("UPDATE texts SET bytes = ?", new TextEncoder().encode(`${EMPTY}x`).buffer)
    })
    await evict(relay())
    expect((await relay().view()).revision).toBe(0)
    const { newer } = await pull()
    expect(newer?.revision).toBe(first)
    expect(await digest(newer!.text!)).toBe(newer?.digest)
  })

  it.each([
    ["of its revision", "head", { revision: 1_000_000 }],
    ["of its news", "news", { version: 1_000_000 }],
  ])("takes no number %s from its own disk that it did not write", async (_what, key, change) => {
    const first = await commit()
    await pull()
    await runInDurableObject(relay(), (_object, { storage }) => {
      storage.kv.put(key, { ...storage.kv.get<object>(key), ...change })
    })
    await evict(relay())
    expect((await pull()).newer?.revision).toBe(first)
    const second = await commit()
    await eventually(
      () => relay().view(),
      ({ revision }) => revision === second,
    )
  })

  it("never goes back, whatever comes late", async () => {
    const first = await commit()
    await pull()
    const old = { revision: first - 1, digest: await digest(EMPTY) }
    const said = await relay().push({ head: old, text: EMPTY, news: { version: 0, feed: {} } })
    expect(said).toMatchObject({ revision: first, idle: false })
  })

  it("passes on verdicts, with their age, and new ones at once", async () => {
    await commit()
    await pull()
    const verdict = { cluster: `default/${name}`, generation: 3, phase: "open", restMs: 60_000 } as const
    await root().hear({ ...verdict, sinceMs: 0 })
    const { verdicts, ageMs = 0 } = await eventually(
      () => pull(),
      ({ verdicts = [] }) => verdicts.some(({ cluster }) => cluster === verdict.cluster),
    )
    expect(verdicts?.find(({ cluster }) => cluster === verdict.cluster)).toMatchObject({ generation: 3, phase: "open" })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect((await pull()).ageMs).toBeGreaterThanOrEqual(ageMs + 40)
  })

  it("knows its isolates, and hears between pulls what they serve", async () => {
    const first = await commit()
    await pull({ isolate: "b", bindings: ["ORDERS"] })
    await relay().confirm({ isolate: "b", serving: first })
    const { isolates } = await relay().view()
    expect(isolates).toMatchObject([{ isolate: "b", serving: first, relay: name, bindings: ["ORDERS"] }])
  })
})

describe("the root's outbox", () => {
  it("survives the object, and goes on by its alarm", async () => {
    await commit()
    await pull()
    const before = (await root().head())!.revision
    // A revision that was committed, and an object that died before it told anybody.
    await runInDurableObject(root(), (_object, state) => {
      const { sql } = state.storage
      const text = new TextEncoder().encode(EMPTY).buffer
      sql.exec("INSERT INTO revisions VALUES (?, ?, 'ada', '', 0, NULL, 0, 0, 0)", before + 1, "")
      sql.exec("INSERT INTO texts VALUES (?, 'snapshot', 0, ?)", before + 1, text)
    })
    const hash = await digest(EMPTY)
    await runInDurableObject(root(), (_object, state) => {
      state.storage.sql.exec("UPDATE revisions SET digest = ? WHERE revision = ?", hash, before + 1)
      void state.storage.setAlarm(Date.now() + 60_000)
    })
    await evict(root())
    await runDurableObjectAlarm(root())
    await eventually(
      () => relay().view(),
      ({ revision }) => revision === before + 1,
    )
  })

  it("forgets nobody who was told nothing new, and writes no more about it", async () => {
    await commit()
    await pull()
    const rows = () =>
      runInDurableObject(root(), (_object, state) => [
        ...state.storage.sql.exec("SELECT * FROM relays WHERE name = ?", name),
      ])
    const before = await rows()
    await root().follow(name, { revision: 0, digest: "", news: 0, idle: false })
    expect(await rows()).toEqual(before)
  })
})

describe("API keys at a relay", () => {
  const record = (id: string) => ({ id, hash: `hash of ${id}`, owner: "Acme", scopes: [], createdBy: "ci" })

  it("are known to isolates by their version soon after a change, and by the relay's list", async () => {
    await pull()
    await root().createKey(record(`one-${name}`))
    const { apiKeys: keys } = await eventually(pull, (reply) => (reply.apiKeys ?? 0) > 0)
    const first = await relay().keysSince(-1)
    expect(first).toMatchObject({ whole: true, version: keys })
    expect(first?.made.map(({ id }) => id)).toContain(`one-${name}`)
    expect(await relay().keysSince(keys!)).toBeUndefined()

    await root().revokeKey(`one-${name}`)
    const later = await eventually(pull, (reply) => reply.apiKeys !== keys)
    expect(await relay().keysSince(keys!)).toEqual({
      version: later.apiKeys,
      made: [],
      gone: [{ id: `one-${name}`, version: later.apiKeys }],
    })
    await evict(relay())
    expect((await relay().keysSince(keys!))?.whole).toBe(true)
  })

  it("have their uses passed on to the root", async () => {
    await root().createKey(record(`used-${name}`))
    await pull({ keyUses: [{ id: `used-${name}`, atMs: 1_000 }] })
    const used = async () => (await root().listKeys()).find(({ id }) => id === `used-${name}`)?.lastUsedAtMs
    expect(await eventually(used, (atMs) => atMs !== undefined)).toBe(1_000)
  })
})
