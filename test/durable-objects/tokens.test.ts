import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Presented, TokenRecord } from "#shared/protocol/tokens.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

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

const create = (record: Omit<TokenRecord, "createdBy">) => tokens.create({ ...record, createdBy: "root" })
const present = (hash: string, extra: Partial<Presented> = {}) =>
  tokens.verify({ hash, address: "203.0.113.9", cost: 1, ...extra })
const verify = async (hash: string) => {
  const verdict = await present(hash)
  return "known" in verdict ? verdict.known : verdict
}

describe("tokens", () => {
  it("are found by their hash, also after an eviction", async () => {
    await create({ name: "ci", role: "operator", hash: "h1" })
    await create({ name: "ada", role: "admin", hash: "h2" })
    await evict(tokens)
    expect(await verify("h1")).toEqual({ name: "ci", role: "operator" })
    expect(await verify("h2")).toEqual({ name: "ada", role: "admin" })
    expect(await verify("h3")).toBeUndefined()
    expect(await verify("")).toBeUndefined()
  })

  it("are listed by name, without hash", async () => {
    await create({ name: "zoe", role: "viewer", hash: "h1" })
    await create({ name: "ada", role: "admin", hash: "h2", expiresAtMs: 2_000_000 })
    expect(await tokens.list()).toEqual([
      { name: "ada", role: "admin", createdAtMs: 1_000_000, createdBy: "root", expiresAtMs: 2_000_000 },
      { name: "zoe", role: "viewer", createdAtMs: 1_000_000, createdBy: "root" },
    ])
  })

  it("are no longer valid once revoked; the name is free again", async () => {
    await create({ name: "ci", role: "operator", hash: "h1" })
    expect(await tokens.revoke("ci")).toBe(true)
    expect(await tokens.revoke("ci")).toBe(false)
    expect(await verify("h1")).toBeUndefined()
    expect(await create({ name: "ci", role: "viewer", hash: "h2" })).toMatchObject({ outcome: "created" })
  })

  it("expire to the millisecond, and then their name is free again", async () => {
    await create({ name: "ci", role: "operator", hash: "h1", expiresAtMs: 1_000_100 })
    vi.setSystemTime(1_000_099)
    expect(await verify("h1")).toBeDefined()
    vi.setSystemTime(1_000_100)
    expect(await verify("h1")).toBeUndefined()
    expect(await create({ name: "ci", role: "viewer", hash: "h2" })).toMatchObject({ outcome: "created" })
    expect(await verify("h1")).toBeUndefined()
    expect(await verify("h2")).toEqual({ name: "ci", role: "viewer" })
  })

  it("cannot take a valid token's name", async () => {
    await create({ name: "ci", role: "operator", hash: "h1" })
    expect(await create({ name: "ci", role: "admin", hash: "h2" })).toEqual({ outcome: "exists" })
    expect(await verify("h2")).toBeUndefined()
  })

  it("note their last use at most once a minute", async () => {
    await create({ name: "ci", role: "operator", hash: "h1" })
    const uses = async (nowMs: number) => {
      vi.setSystemTime(nowMs)
      await verify("h1")
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
    expect(await create({ name: "one-more", role: "viewer", hash: "x" })).toEqual({ outcome: "full" })
  })

  it("keep to namespaces, and say by whom they were made and until when they are good", async () => {
    const namespaces = ["team-a", "team-b"]
    await create({ name: "ci", role: "operator", hash: "h1", namespaces, expiresAtMs: 2_000_000 })
    await evict(tokens)
    expect(await verify("h1")).toEqual({ name: "ci", role: "operator", namespaces, expiresAtMs: 2_000_000 })
    expect(await tokens.list()).toMatchObject([{ name: "ci", namespaces, createdBy: "root" }])
  })

  it("of an object that is older than namespaces are good for the whole mesh", async () => {
    await runInDurableObject(tokens, (_instance, state) => {
      state.storage.sql.exec("INSERT INTO tokens (name, role, hash, created_at_ms) VALUES ('old', 'admin', 'h1', 7)")
    })
    expect(await verify("h1")).toEqual({ name: "old", role: "admin" })
    expect(await tokens.list()).toMatchObject([{ name: "old", role: "admin", createdAtMs: 7 }])
  })
})

describe("the rate of requests", () => {
  const rate = { requests: 60, perMs: 60_000, burst: 10 }

  it("is each token's own, and comes back with time", async () => {
    await create({ name: "ci", role: "operator", hash: "h1" })
    await create({ name: "ada", role: "viewer", hash: "h2" })
    for (let request = 0; request < 2; request++) expect(await present("h1", { rate, cost: 5 })).toHaveProperty("known")
    expect(await present("h1", { rate, cost: 5 })).toEqual({ waitMs: 5_000, because: "token" })
    expect(await present("h1", { rate, cost: 1 })).toEqual({ waitMs: 1_000, because: "token" })
    expect(await present("h2", { rate, cost: 5 })).toMatchObject({ known: { name: "ada" } })
    vi.setSystemTime(1_001_000)
    expect(await present("h1", { rate, cost: 1 })).toMatchObject({ known: { name: "ci" } })
  })

  it("lets one request through that costs more than there can be at once", async () => {
    await create({ name: "ci", role: "operator", hash: "h1" })
    expect(await present("h1", { rate, cost: 1_000 })).toHaveProperty("known")
    expect(await present("h1", { rate, cost: 1 })).toHaveProperty("waitMs")
  })

  it("of wrong tokens is each address's own, and keeps no right one out", async () => {
    await create({ name: "ci", role: "operator", hash: "h1" })
    for (let guess = 0; guess < LIMITS.tokenFailuresPerMinute; guess++)
      expect(await present(`wrong-${guess}`)).toEqual({ known: undefined })
    expect(await present("wrong")).toEqual({ waitMs: 3_000, because: "address" })
    expect(await present("wrong", { address: "203.0.113.10" })).toEqual({ known: undefined })
    expect(await present("h1")).toMatchObject({ known: { name: "ci" } })
    vi.setSystemTime(1_003_000)
    expect(await present("wrong")).toEqual({ known: undefined })
    expect(await present("wrong")).toHaveProperty("waitMs")
  })
})
