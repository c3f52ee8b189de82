import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Rate } from "#shared/model/rate-limit.ts"
import type { KeyedAsk } from "#shared/protocol/limiter.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { LIMITER } = env as unknown as ControlEnv

/** Full again within ten seconds, and not. */
const FAST: Rate = { requests: 10, perMs: 1_000, burst: 20 }
const SLOW: Rate = { requests: 10, perMs: 60_000, burst: 10 }

let objects = 0
let limiter: ReturnType<typeof LIMITER.getByName>

beforeEach(() => {
  limiter = LIMITER.getByName(`limiter-${objects++}`)
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

const ask = (key: string, want: number, more: Partial<KeyedAsk> = {}): KeyedAsk => ({
  ...{ key, want, least: want, debt: 0, back: 0 },
  ...more,
})

async function granted(rate: Rate, ...asks: KeyedAsk[]): Promise<number[]> {
  return (await limiter.lease({ rate, asks })).map((grant) => grant.granted)
}

describe.each([
  ["in memory", FAST],
  ["in storage", SLOW],
])("buckets %s", (_where, rate) => {
  it("give what they hold, one answer an ask", async () => {
    expect(await granted(rate, ask("a", 3), ask("b", rate.burst), ask("a", rate.burst))).toEqual([3, rate.burst, 0])
  })

  it("fill with time", async () => {
    await granted(rate, ask("a", rate.burst))
    const [refused] = await limiter.lease({ rate, asks: [ask("a", 1)] })
    expect(refused).toEqual({ granted: 0, left: 0, emptyMs: rate.perMs / rate.requests })
    vi.setSystemTime(1_000_000 + refused!.emptyMs)
    expect(await granted(rate, ask("a", 1), ask("a", 1))).toEqual([1, 0])
  })

  it("take back what was not spent, and are paid what was spent on credit", async () => {
    await granted(rate, ask("a", rate.burst))
    expect(await granted(rate, ask("a", 0, { back: 4 }), ask("a", 0, { debt: 3 }), ask("a", 2))).toEqual([0, 0, 0])
    expect(await granted(rate, ask("a", 1))).toEqual([1])
  })
})

describe.each([
  ["in memory", FAST],
  ["in storage", SLOW],
])("accounts of buckets %s", (_where, rate) => {
  const told = (number: number, spent: number, want: number): KeyedAsk =>
    ask("a", want, { least: Math.min(1, want), account: { id: "isolate 0", number, spent } })
  const paid = async (...asks: KeyedAsk[]) => (await limiter.lease({ rate, asks })).map((grant) => grant.paid)

  it("are told what they have had in all, and give back once what they did not spend", async () => {
    expect(await paid(told(1, 0, 4))).toEqual([4])
    expect(await paid(told(2, 3, 4))).toEqual([7])
    const closed = await limiter.lease({ rate, asks: [told(3, 4, 0), told(3, 4, 0)] })
    expect(closed.map(({ paid, left }) => [paid, left])).toEqual(Array(2).fill([4, rate.burst - 4]))
  })

  it("are over some time after they were last heard of", async () => {
    await paid(told(1, 0, 4))
    vi.setSystemTime(1_000_000 + LIMITS.limiterAccountMs)
    expect(await paid(told(2, 3, 0))).toEqual([3])
  })
})

describe("a limiter", () => {
  it("takes nothing back after an eviction, nor fills its buckets until what it leased has expired", async () => {
    const open = ask("a", 6, { least: 1, account: { id: "isolate 0", number: 1, spent: 0 } })
    const other = ask("a", 1, { account: { id: "isolate 1", number: 1, spent: 0 } })
    const close = ask("a", 0, { account: { id: "isolate 0", number: 2, spent: 0 } })
    // Half of what is there.
    expect(await granted(SLOW, open)).toEqual([5])
    await evict(limiter)
    expect(await granted(SLOW, close, other)).toEqual([0, 1])
    vi.setSystemTime(1_000_000 + LIMITS.limiterAccountMs - 1)
    const left = async () => (await limiter.lease({ rate: SLOW, asks: [{ ...close, key: "a" }] }))[0]!.left
    expect(await left()).toBe(4)
  })

  it("keeps what fills slowly over an eviction", async () => {
    await granted(SLOW, ask("a", 10))
    await evict(limiter)
    expect(await granted(SLOW, ask("a", 1), ask("b", 1))).toEqual([0, 1])
  })

  it("writes nothing for what fills fast", async () => {
    await granted(FAST, ask("a", 10))
    expect(await tables()).toEqual([])
  })

  it("writes nothing when there is nothing to give", async () => {
    await granted(SLOW, ask("a", 10))
    const before = await rows()
    vi.setSystemTime(1_001_000)
    expect(await granted(SLOW, ask("a", 1))).toEqual([0])
    expect(await rows()).toEqual(before)
  })

  it("throws out what is full again", async () => {
    await granted(SLOW, ask("a", 10), ask("b", 1))
    vi.setSystemTime(1_000_000 + 59_999)
    for (let index = 0; index < 1_000; index += 250) {
      await granted(SLOW, ...Array.from({ length: 250 }, (_, each) => ask(`${index + each}`, 1)))
    }
    const keys = (await rows()).map(({ key }) => key)
    expect(keys).toContain("a")
    expect(keys).not.toContain("b")
  })

  it("answers no more asks than its limit in one call", async () => {
    const asks = Array.from({ length: LIMITS.limitAsksMax + 5 }, (_, index) => ask(`${index}`, 1))
    expect(await granted(FAST, ...asks)).toHaveLength(LIMITS.limitAsksMax)
  })

  it.each([
    ["no number", { back: Number.NaN }],
    ["without end", { debt: Number.POSITIVE_INFINITY }],
    ["below nothing", { debt: -100 }],
    ["under no key", { key: 7 as never }],
    ["under a key without end", { key: "k".repeat(10_000) }],
    ["for an account without a name", { account: { id: "", number: 1, spent: 0 } }],
    ["for an account of no number", { account: { id: "i", number: 1, spent: Number.NaN } }],
    ["by no account", { account: 7 as never }],
  ])("grants nothing for what cannot be asked, and its bucket stays as it is: %s", async (_what, more) => {
    for (const [index, rate] of [FAST, SLOW].entries()) {
      expect(await granted(rate, ask(`a${index}`, 1, more), ask(`b${index}`, 1))).toEqual([0, 1])
      expect(await granted(rate, ask(`a${index}`, rate.burst))).toEqual([rate.burst])
    }
  })

  it("grants nothing by a rate that is none", async () => {
    expect(await granted({ ...SLOW, burst: Number.NaN }, ask("a", 1))).toEqual([0])
    expect(await granted({ ...SLOW, perMs: 0 }, ask("a", 1))).toEqual([0])
    expect(await granted(SLOW, ask("a", 10))).toEqual([10])
  })

  it("holds a bucket to a smaller burst at once", async () => {
    await granted(FAST, ask("a", 1))
    expect(await granted({ ...FAST, burst: 5 }, ask("a", 6), ask("a", 5))).toEqual([0, 5])
  })
})

function tables(): Promise<string[]> {
  return runInDurableObject(limiter, (_instance, { storage }) =>
    [...storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name = 'buckets'")].map(
      ({ name }) => name,
    ),
  )
}

function rows(): Promise<{ key: string; tokens: number; at_ms: number }[]> {
  return runInDurableObject(limiter, (_instance, { storage }) => [
    ...storage.sql.exec<{ key: string; tokens: number; at_ms: number }>("SELECT key, tokens, at_ms FROM buckets"),
  ])
}
