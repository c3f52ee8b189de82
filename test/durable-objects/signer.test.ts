/** Tokens as control signs them and as the proxy checks them. */
import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { Consistency } from "#workers/proxy/consistency.ts"
import { evict } from "./evict.ts"

const { ROUTE_TABLE } = env as unknown as ControlEnv
let tables = 0

async function signed(revision: number) {
  const table = ROUTE_TABLE.getByName(`signer-${tables++}`)
  const token = await table.consistencyToken(revision)
  const { consistencyKeys = [] } = await table.pull({ isolate: "a", serving: 0 })
  const consistency = new Consistency()
  consistency.hear(consistencyKeys)
  return { table, token, keys: consistencyKeys, consistency }
}

// A moment before the end of a second: what is signed ends with one, and what is asked afterwards comes in the next.
const NOW_MS = 1_800_000_000_990
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: NOW_MS }))
afterEach(() => vi.useRealTimers())

describe("a consistency token", () => {
  it("is good for its revision, until it is over", async () => {
    const { token, consistency } = await signed(12)
    const endsAtMs = NOW_MS + 10 + LIMITS.consistencyTokenMs
    for (const nowMs of [NOW_MS, NOW_MS + 10, endsAtMs]) expect(await consistency.floorOf(token, nowMs)).toBe(12)
    expect(await consistency.floorOf(token, endsAtMs + 1)).toBe(0)
  })

  it("is worth nothing when any character of it is another", async () => {
    const { token, consistency } = await signed(12)
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === "1" ? "2" : "1"
      const forged = token.slice(0, at) + other + token.slice(at + 1)
      expect(await consistency.floorOf(forged, Date.now()), forged).toBe(0)
    }
  })

  it("is worth nothing in another mesh, or before its key was heard", async () => {
    const [{ token }, other] = [await signed(12), await signed(12)]
    expect(await other.consistency.floorOf(token, Date.now())).toBe(0)
    expect(await new Consistency().floorOf(token, Date.now())).toBe(0)
    const confused = new Consistency()
    confused.hear(["", "AAAA", "not base64url!", ...other.keys])
    expect(await confused.floorOf(other.token, Date.now())).toBe(12)
  })

  it("is signed by the same key after the object is started anew, and the private half stays there", async () => {
    const { table, consistency } = await signed(1)
    await evict(table)
    expect(await consistency.floorOf(await table.consistencyToken(2), Date.now())).toBe(2)
    const { keys } = await runInDurableObject(table, (_object, { storage }) => {
      const kept = storage.kv.get<{ privateKey: { d: string } }>("consistency-key")
      return { keys: kept?.privateKey.d ?? "" }
    })
    expect(keys).not.toBe("")
    expect(JSON.stringify(await table.pull({ isolate: "a", serving: 0 }))).not.toContain(keys)
  })
})
