/** The rate limits of isolates under limiters that are there, slow or down. Time passes only when a story says so. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Grant, RateLimit } from "#shared/model/rate-limit.ts"
import type { LeaseCall, LimiterRpc } from "#shared/protocol/limiter.ts"
import { fullPool, grant, type Pool } from "#shared/resilience/pool.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { idle, watchHashing } from "#test/support/hashing.ts"
import { Limiter } from "#workers/proxy/limiter.ts"

beforeAll(watchHashing)
afterAll(() => {
  vi.restoreAllMocks()
})

function limit(more: Partial<RateLimit> = {}): RateLimit {
  return {
    ...{ id: "default/api/0/all", name: "all", requests: 10, perMs: 10_000, burst: 10, key: [], scope: "mesh" },
    ...{ cost: { kind: "fixed", tokens: 1 }, shadow: false, whenUnavailable: "allow", headers: false },
    ...more,
  } as RateLimit
}

function head(headers: Record<string, string> = {}): RequestHead {
  return {
    ...{ method: "GET", path: "/", rawQuery: "", host: "", caller: undefined, rpc: undefined, dice: 0 },
    headers: new Headers(headers),
  }
}

/** A world with one limiter for all, and as many isolates as a story wants. */
function world() {
  let nowMs = 1_000_000
  let trouble: "none" | "down" | "overloaded" | "hangs" = "none"
  const pools = new Map<string, Pool>()
  let isolates = 0
  const calls: { name: string; call: LeaseCall }[] = []
  const lines: string[] = []
  let sleepers: { atMs: number; wake: () => void }[] = []
  const background: Promise<unknown>[] = []
  const limiter = (name: string): LimiterRpc => ({
    async lease(call): Promise<readonly Grant[]> {
      calls.push({ name, call })
      if (trouble === "down") throw new Error("the object is down")
      if (trouble === "overloaded") throw Object.assign(new Error("too much"), { overloaded: true })
      if (trouble === "hangs") return new Promise(() => {})
      return call.asks.map((ask) => {
        const before = pools.get(`${name} ${ask.key}`) ?? fullPool(call.rate, nowMs)
        const given = grant(before, call.rate, ask, nowMs)
        pools.set(`${name} ${ask.key}`, given.pool)
        return given.grant
      })
    },
  })
  const around = {
    nowMs: () => nowMs,
    roll: () => 0.5,
    log: (line: string) => void lines.push(line),
    sleep: (ms: number) => new Promise<void>((wake) => sleepers.push({ atMs: nowMs + ms, wake })),
  }
  const context = { waitUntil: (promise: Promise<unknown>) => void background.push(promise) }
  /** Until everything that can go on has gone on. */
  const settle = idle
  return {
    ...{ calls, lines, settle },
    left: () => [...pools.values()][0]!.bucket.tokens,
    trouble: (next: typeof trouble) => {
      trouble = next
    },
    async pass(ms: number) {
      nowMs += ms
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs)
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs)
      for (const { wake } of due) wake()
      await settle()
    },
    isolate() {
      const own = new Limiter(limiter, around, `isolate-${isolates++}`)
      const admit = (limits: readonly RateLimit[], request = head()) => own.admit(limits, request, undefined, context)
      return {
        admit,
        /** How many of so many requests are let through, one after the other. */
        async through(limits: readonly RateLimit[], count: number, request = head()): Promise<number> {
          let passed = 0
          for (let index = 0; index < count; index++) {
            if (!(await admit(limits, request)).refusal) passed += 1
            await settle()
          }
          return passed
        },
      }
    },
  }
}

describe("a limit of each isolate", () => {
  it("lets its burst through and asks nobody", async () => {
    const { isolate, calls } = world()
    expect(await isolate().through([limit({ scope: "isolate" })], 15)).toBe(10)
    expect(calls).toEqual([])
  })

  it("says when to come back", async () => {
    const { isolate } = world()
    const { admit } = isolate()
    const rule = [limit({ scope: "isolate", burst: 1 })]
    await admit(rule)
    expect((await admit(rule)).refusal).toEqual({ refusal: "rate_limited", retryAfterMs: 1_000 })
  })

  it("counts by key", async () => {
    const { isolate } = world()
    const { through } = isolate()
    const rule = [limit({ scope: "isolate", key: [{ by: "header", name: "x-user" }] })]
    expect(await through(rule, 15, head({ "x-user": "a" }))).toBe(10)
    expect(await through(rule, 15, head({ "x-user": "b" }))).toBe(10)
  })

  it("counts a very long key by its hash", async () => {
    const { isolate } = world()
    const { through } = isolate()
    const rule = [limit({ scope: "isolate", key: [{ by: "header", name: "x-user" }] })]
    const long = "a".repeat(5_000)
    expect(await through(rule, 15, head({ "x-user": `${long}1` }))).toBe(10)
    expect(await through(rule, 15, head({ "x-user": `${long}2` }))).toBe(10)
    expect(await through(rule, 15, head({ "x-user": `${long}1` }))).toBe(0)
  })

  it("is not washed out by a flood of other keys", async () => {
    const { isolate } = world()
    const { admit, through } = isolate()
    const rule = [limit({ scope: "isolate", key: [{ by: "header", name: "x-user" }] })]
    await through(rule, 10, head({ "x-user": "spent" }))
    for (let index = 0; index <= LIMITS.limitKeysMax; index++) await admit(rule, head({ "x-user": `${index}` }))
    expect(await through(rule, 5, head({ "x-user": "spent" }))).toBe(0)
  })

  it("forgets the longest unused key when there are too many", async () => {
    const { isolate } = world()
    const { admit, through } = isolate()
    const rule = [limit({ scope: "isolate", burst: 1, key: [{ by: "header", name: "x-user" }] })]
    for (let index = 0; index <= LIMITS.limitKeysMax; index++) await admit(rule, head({ "x-user": `${index}` }))
    expect(await through(rule, 1, head({ "x-user": "5000" }))).toBe(0)
    expect(await through(rule, 1, head({ "x-user": "0" }))).toBe(1)
  })
})

describe("a limit of the mesh", () => {
  it("lets the first request of an isolate through at once, and pays for it after", async () => {
    const { isolate, left, settle } = world()
    const verdict = await isolate().admit([limit()])
    expect(verdict.refusal).toBeUndefined()
    await settle()
    expect(left()).toBeLessThan(10)
  })

  it("holds for all isolates together", async () => {
    const { isolate, pass } = world()
    const isolates = Array.from({ length: 5 }, isolate)
    let passed = 0
    const rule = [limit({ requests: 1, perMs: 1_000_000, burst: 100 })]
    for (let round = 0; round < 60; round++) {
      for (const each of isolates) passed += await each.through(rule, 1)
      await pass(LIMITS.limitAskMs)
    }
    expect(passed).toBe(100)
  })

  it("knows keys by their hash only, outside the isolate", async () => {
    const { isolate, calls, settle } = world()
    await isolate().admit([limit({ key: [{ by: "header", name: "x-user" }] })], head({ "x-user": "secret" }))
    await settle()
    expect(calls).toHaveLength(1)
    expect(JSON.stringify(calls)).not.toContain("secret")
    expect(calls[0]!.call.asks[0]!.key).toMatch(/^[0-9a-f]{32}$/)
  })

  it("has requests that come at once wait for the first tokens, for a moment at most", async () => {
    const { isolate, pass } = world()
    const { admit } = isolate()
    const verdicts = Promise.all(Array.from({ length: 3 }, () => admit([limit()])))
    await pass(5)
    await pass(5)
    expect((await verdicts).filter(({ refusal }) => refusal)).toEqual([])
  })

  it("gives back what an isolate that falls idle has not spent", async () => {
    const { isolate, left, pass, settle } = world()
    await isolate().admit([limit({ requests: 10, perMs: 100_000_000, burst: 64 })])
    await settle()
    expect(left()).toBeLessThan(63)
    await pass(LIMITS.limitLeaseMs)
    expect(Math.round(left())).toBe(63)
  })

  it("asks once for many requests", async () => {
    const { isolate, calls } = world()
    const rule = [limit({ requests: 1_000, perMs: 1_000, burst: 1_000 })]
    expect(await isolate().through(rule, 200)).toBe(200)
    expect(calls.length).toBeLessThan(20)
  })

  it("is gone by alone while the limiter is down: each isolate lets the limit through by itself, and no more", async () => {
    const { isolate, trouble, lines, pass } = world()
    trouble("down")
    const [one, other] = [isolate(), isolate()]
    expect(await one.through([limit()], 20)).toBe(10)
    expect(await other.through([limit()], 20)).toBe(10)
    await pass(5_000)
    expect(await one.through([limit()], 20)).toBe(5)
    expect(lines.filter((line) => line.includes("does not answer"))).toHaveLength(2)
  })

  it("is asked about again after a while, and not sooner", async () => {
    const { isolate, trouble, calls, pass, lines } = world()
    const { through } = isolate()
    trouble("down")
    await through([limit()], 5)
    expect(calls).toHaveLength(1)
    trouble("none")
    await pass(LIMITS.limitAloneMs)
    // What it spent on credit is not paid yet: the next request waits for the limiter's word.
    const passed = through([limit()], 1)
    await pass(5)
    await pass(5)
    expect(await passed).toBe(1)
    expect(calls.length).toBeGreaterThan(1)
    expect(lines.at(-1)).toContain("answers again")
  })

  it("is not asked about for longer when the limiter is overloaded", async () => {
    const { isolate, trouble, calls, pass } = world()
    const { through } = isolate()
    trouble("overloaded")
    await through([limit()], 1)
    await pass(LIMITS.limitAloneMs * 2)
    await through([limit()], 1)
    expect(calls).toHaveLength(1)
    await pass(LIMITS.limitOverloadedMs)
    const passed = through([limit()], 1)
    await pass(5)
    await pass(5)
    expect(await passed).toBe(1)
    expect(calls.length).toBeGreaterThan(1)
  })

  it("is paid what was spent on credit, also when its answer got lost, and when nobody asks any more", async () => {
    const { isolate, trouble, pass, calls, left } = world()
    trouble("hangs")
    await isolate().through([limit()], 1)
    await pass(LIMITS.limitCallMs)
    trouble("none")
    await pass(LIMITS.limitAloneMs * 2)
    const told = calls.map(({ call: { asks } }) => [asks[0]!.want, asks[0]!.debt, asks[0]!.account?.spent])
    expect(told).toEqual([
      [1, 1, 1],
      [0, 1, 1],
    ])
    expect(left()).toBe(9)
  })

  it("that hangs has nobody wait for longer than a moment, and each isolate go on alone", async () => {
    const { isolate, trouble, pass } = world()
    const { through, admit } = isolate()
    trouble("hangs")
    await through([limit()], 1)
    await pass(LIMITS.limitCallMs)
    expect(await through([limit()], 2)).toBe(2)
    await pass(LIMITS.limitAloneMs * 2)
    const verdict = admit([limit()])
    for (let waitedMs = 0; waitedMs < LIMITS.limitWaitMs; waitedMs += 5) await pass(5)
    expect((await verdict).refusal).toBeUndefined()
  })

  it("lets nothing through unseen when it would rather refuse", async () => {
    const { isolate, trouble, pass } = world()
    trouble("down")
    const { admit } = isolate()
    const verdict = admit([limit({ whenUnavailable: "deny" })])
    await pass(5)
    await pass(5)
    expect((await verdict).refusal).toMatchObject({ refusal: "overloaded" })
    expect((await admit([limit({ whenUnavailable: "deny" })])).refusal).toMatchObject({ refusal: "overloaded" })
  })

  it("lets everything through as usual, when it would rather refuse and the limiter is there", async () => {
    const { isolate, pass } = world()
    const { admit, through } = isolate()
    const rule = [limit({ whenUnavailable: "deny" })]
    const first = admit(rule)
    await pass(5)
    await pass(5)
    let passed = (await first).refusal ? 0 : 1
    for (let round = 0; round < 4; round++, await pass(LIMITS.limitAskMs * 2)) passed += await through(rule, 15)
    expect(passed).toBe(10)
  })
})

describe("an exact limit", () => {
  const exact = (more: Partial<RateLimit> = {}) => limit({ scope: "exact", ...more })

  it("holds for all isolates together, whatever their order", async () => {
    const { isolate } = world()
    const isolates = Array.from({ length: 5 }, isolate)
    const verdicts = await Promise.all(Array.from({ length: 30 }, (_, index) => isolates[index % 5]!.admit([exact()])))
    expect(verdicts.filter(({ refusal }) => !refusal)).toHaveLength(10)
  })

  it("says when to come back, by the limiter's clock", async () => {
    const { isolate } = world()
    const [one, other] = [isolate(), isolate()]
    await one.through([exact()], 10)
    expect((await other.admit([exact()])).refusal).toEqual({ refusal: "rate_limited", retryAfterMs: 1_000 })
  })

  it("tells what all isolates together have left", async () => {
    const { isolate } = world()
    const [one, other] = [isolate(), isolate()]
    await one.through([exact()], 3)
    const { standings } = await other.admit([exact({ headers: true })])
    expect(standings.map(({ left }) => left)).toEqual([6])
  })

  it("waits a moment for a limiter that hangs, then goes on alone", async () => {
    const { isolate, trouble, pass, settle } = world()
    trouble("hangs")
    const { admit, through } = isolate()
    const slow = admit([exact()])
    let done = false
    void slow.then(() => {
      done = true
    })
    await settle()
    expect(done).toBe(false)
    await pass(LIMITS.limitWaitMs)
    expect(done).toBe(true)
    expect((await slow).refusal).toBeUndefined()
    expect(await through([exact()], 20)).toBe(9)
  })
})

describe("several limits", () => {
  const small = (more: Partial<RateLimit> = {}) =>
    limit({ id: "default/api/0/small", name: "small", burst: 2, ...more })

  it("must all let a request through, and what one refuses costs the others nothing", async () => {
    const { isolate } = world()
    const { through } = isolate()
    const wide = limit({ scope: "isolate" })
    expect(await through([wide, small({ scope: "isolate" })], 8)).toBe(2)
    expect(await through([wide], 15)).toBe(8)
  })

  it.each([["isolate"], ["mesh"], ["exact"]] as const)("give back to %s what an exact one refused", async (scope) => {
    const { isolate, pass } = world()
    const [one, other] = [isolate(), isolate()]
    const slow = small({ scope: "exact", requests: 1, perMs: 1_000_000 })
    const wide = limit({ scope, requests: 1, perMs: 1_000_000 })
    await one.through([slow], 2)
    expect(await other.through([wide, slow], 5)).toBe(0)
    let passed = 0
    for (let round = 0; round < 6; round++, await pass(LIMITS.limitAskMs * 2)) passed += await other.through([wide], 15)
    expect(passed).toBe(10)
  })

  it("ask an exact one again and again, however often it refused", async () => {
    const { isolate, calls } = world()
    const [one, other] = [isolate(), isolate()]
    const slow = small({ scope: "exact", requests: 1, perMs: 1_000_000 })
    await one.through([slow], 2)
    const before = calls.length
    await other.through([slow], 4)
    expect(calls.length - before).toBe(4)
  })

  it("in shadow take nothing for what they would have refused", async () => {
    const { isolate, pass } = world()
    const { admit } = isolate()
    const limits = [small({ scope: "isolate", shadow: true })]
    for (let index = 0; index < 10; index++) await admit(limits)
    await pass(1_000)
    expect((await admit(limits)).shadowed).toEqual([])
  })

  it("in shadow count and refuse nothing", async () => {
    const { isolate } = world()
    const { admit } = isolate()
    const limits = [limit({ scope: "isolate" }), small({ scope: "isolate", shadow: true })]
    const verdicts = [await admit(limits), await admit(limits), await admit(limits)]
    expect(verdicts.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined])
    expect(verdicts.map(({ shadowed }) => shadowed)).toEqual([[], [], ["default/api/0/small"]])
  })

  it("tell the caller of those that refused, and of those that always tell", async () => {
    const { isolate } = world()
    const { admit } = isolate()
    const limits = [limit({ scope: "isolate", headers: true }), small({ scope: "isolate" })]
    const left = ({ standings }: Awaited<ReturnType<typeof admit>>) =>
      standings.map((standing) => [standing.limit.name, Math.floor(standing.left)])
    expect(left(await admit(limits))).toEqual([["all", 9]])
    await admit(limits)
    const refused = await admit(limits)
    expect(left(refused)).toEqual([
      ["all", 8],
      ["small", 0],
    ])
    expect(refused.refusedBy).toEqual(["default/api/0/small"])
  })
})
