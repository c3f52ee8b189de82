import { evictDurableObject, runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { ControlEnv } from "#workers/control/env.ts"

const { TOKENS } = env as unknown as ControlEnv

let objects = 0
let tokens: ReturnType<typeof TOKENS.getByName>

beforeEach(() => {
  tokens = TOKENS.getByName(`tokens-${objects++}`)
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

describe("tokens", () => {
  it("are found by their hash, also after an eviction", async () => {
    await tokens.create({ name: "ci", role: "operator", hash: "h1" })
    await tokens.create({ name: "ada", role: "admin", hash: "h2" })
    await evictDurableObject(tokens)
    expect(await tokens.verify("h1")).toEqual({ name: "ci", role: "operator" })
    expect(await tokens.verify("h2")).toEqual({ name: "ada", role: "admin" })
    expect(await tokens.verify("h3")).toBeUndefined()
    expect(await tokens.verify("")).toBeUndefined()
  })

  it("are listed by name, without hash", async () => {
    await tokens.create({ name: "zoe", role: "viewer", hash: "h1" })
    await tokens.create({ name: "ada", role: "admin", hash: "h2", expiresAtMs: 2_000_000 })
    expect(await tokens.list()).toEqual([
      { name: "ada", role: "admin", createdAtMs: 1_000_000, expiresAtMs: 2_000_000 },
      { name: "zoe", role: "viewer", createdAtMs: 1_000_000 },
    ])
  })

  it("are no longer valid once revoked; the name is free again", async () => {
    await tokens.create({ name: "ci", role: "operator", hash: "h1" })
    expect(await tokens.revoke("ci")).toBe(true)
    expect(await tokens.revoke("ci")).toBe(false)
    expect(await tokens.verify("h1")).toBeUndefined()
    expect(await tokens.create({ name: "ci", role: "viewer", hash: "h2" })).toMatchObject({ outcome: "created" })
  })

  it("expire to the millisecond, and then their name is free again", async () => {
    await tokens.create({ name: "ci", role: "operator", hash: "h1", expiresAtMs: 1_000_100 })
    vi.setSystemTime(1_000_099)
    expect(await tokens.verify("h1")).toBeDefined()
    vi.setSystemTime(1_000_100)
    expect(await tokens.verify("h1")).toBeUndefined()
    expect(await tokens.create({ name: "ci", role: "viewer", hash: "h2" })).toMatchObject({ outcome: "created" })
    expect(await tokens.verify("h1")).toBeUndefined()
    expect(await tokens.verify("h2")).toEqual({ name: "ci", role: "viewer" })
  })

  it("cannot take a valid token's name", async () => {
    await tokens.create({ name: "ci", role: "operator", hash: "h1" })
    expect(await tokens.create({ name: "ci", role: "admin", hash: "h2" })).toEqual({ outcome: "exists" })
    expect(await tokens.verify("h2")).toBeUndefined()
  })

  it("note their last use at most once a minute", async () => {
    await tokens.create({ name: "ci", role: "operator", hash: "h1" })
    const uses = async (nowMs: number) => {
      vi.setSystemTime(nowMs)
      await tokens.verify("h1")
      return (await tokens.list())[0]?.lastUsedAtMs
    }
    expect(await uses(1_000_001)).toBe(1_000_001)
    expect(await uses(1_060_000)).toBe(1_000_001)
    expect(await uses(1_060_001)).toBe(1_060_001)
  })

  it("are limited in number", async () => {
    await runInDurableObject(tokens, (_instance, state) => {
      for (let index = 0; index < LIMITS.tokensMax; index++) {
        state.storage.sql.exec(
          "INSERT INTO tokens (name, role, hash, created_at_ms) VALUES (?, 'viewer', ?, 0)",
          `t${index}`,
          `h${index}`,
        )
      }
    })
    expect(await tokens.create({ name: "one-more", role: "viewer", hash: "x" })).toEqual({ outcome: "full" })
  })
})
