import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"
import {
  affords,
  answer,
  ask,
  freshShare,
  giveBack,
  missed,
  type Share,
  spend,
  spendable,
  unanswered,
} from "#shared/resilience/lease.ts"
import type { Bucket } from "#shared/resilience/limit.ts"
import { fullPool, grant, isFull, leased, type Pool, restoredPool, settled } from "#shared/resilience/pool.ts"

/** One token a second. */
const RATE: Rate = { requests: 64, perMs: 64_000, burst: 64 }
/** An ask without an account, as exact limits put it. */
const wants = (more: Partial<Ask>): Ask => ({ want: 8, least: 1, debt: 0, back: 0, ...more })
const pooled = (tokens: number): Pool => ({ bucket: { tokens, atMs: 0 }, accounts: new Map() })

describe("what the limiter grants", () => {
  it.each([
    ["all that is wanted while there is plenty", 64, wants({}), 8, 56],
    ["half of what is there at most", 10, wants({}), 5, 5],
    ["the last token", 1, wants({}), 1, 0],
    ["nothing from an empty bucket", 0.9, wants({}), 0, 0.9],
    ["nothing rather than too little to be of use", 3, wants({ least: 4 }), 0, 3],
    ["more than half when less is of no use", 5, wants({ least: 4 }), 4, 1],
    ["what is left after the debt", 10, wants({ debt: 6 }), 2, 2],
    ["nothing when the debt is more than there is, and takes all of it", 3.5, wants({ debt: 6 }), 0, 0.5],
    ["what came back too", 2, wants({ back: 6 }), 4, 4],
    ["nothing for a key that only gives back", 2, wants({ want: 0, least: 0, back: 6 }), 0, 8],
    ["nothing that was never taken", 60, wants({ want: 0, least: 0, back: 600 }), 0, 64],
  ])("%s", (_what, tokens, asked, expected, left) => {
    const { pool, grant: given } = grant(pooled(tokens), RATE, asked, 0)
    expect(given.granted).toBe(expected)
    expect(pool.bucket.tokens).toBeCloseTo(left)
    expect(given.left).toBe(Math.floor(left))
  })

  it("says how long there will be nothing", () => {
    expect(grant(pooled(1), RATE, wants({ least: 3 }), 0).grant.emptyMs).toBe(2_000)
    expect(grant(pooled(1), RATE, wants({ least: 3, debt: 2 }), 0).grant.emptyMs).toBe(4_000)
    expect(grant(pooled(3), RATE, wants({ least: 3 }), 0).grant.emptyMs).toBe(0)
  })
})

describe("the account of an isolate", () => {
  /** The `number`-th ask of isolate `id`, which has spent so much in all. */
  const told = (id: string, number: number, spent: number, more: Partial<Ask> = {}): Ask =>
    wants({ account: { id, number, spent }, ...more })
  const heard = (pool: Pool, asked: Ask, atMs = 0) => grant(pool, RATE, asked, atMs)
  const opened = heard(pooled(64), told("a", 1, 0)).pool

  it("is topped up to what is wanted, and told what it has had in all", () => {
    const { pool, grant: given } = heard(opened, told("a", 2, 5))
    expect(given).toEqual({ granted: 5, left: 51, emptyMs: 0, paid: 13 })
    expect(leased(pool)).toBe(8)
  })

  it("is told again of what it was granted when it did not hear of it", () => {
    const { pool, grant: given } = heard(opened, told("a", 2, 0))
    expect(given).toEqual({ granted: 0, left: 56, emptyMs: 0, paid: 8 })
    expect(leased(pool)).toBe(8)
  })

  it("hears an ask once, and none that was overtaken", () => {
    const { pool } = heard(opened, told("a", 3, 5))
    for (const number of [1, 2, 3]) {
      const again = heard(pool, told("a", number, 0, { want: 0, least: 0, debt: 5 }))
      expect(again.pool).toEqual(pool)
      expect(again.grant).toMatchObject({ granted: 0, paid: 13 })
      expect(again.changed).toBe(false)
    }
  })

  it("is closed by who wants nothing: what it did not spend comes back, once", () => {
    const close = told("a", 2, 5, { want: 0, least: 0 })
    const { pool, grant: given } = heard(opened, close)
    expect(given).toEqual({ granted: 0, left: 59, emptyMs: 0, paid: 5 })
    expect(leased(pool)).toBe(0)
    expect(heard(pool, close).pool.bucket.tokens).toBe(59)
  })

  it("is charged with what was spent on credit, once, as far as there is something", () => {
    const { pool, grant: given } = heard(pooled(2), told("a", 1, 3, { debt: 3 }))
    expect(given).toEqual({ granted: 0, left: 0, emptyMs: 2_000, paid: 2 })
    expect(leased(pool)).toBe(0)
    // The isolate has not heard that two are paid.
    expect(heard(pool, told("a", 2, 3, { debt: 3, least: 0, want: 0 }), 1_000).grant.paid).toBe(3)
  })

  it("is forgotten after a while, and what it held does not come back", () => {
    const atMs = LIMITS.limiterAccountMs
    expect(leased(settled(opened, RATE, atMs - 1))).toBe(8)
    expect(leased(settled(opened, RATE, atMs))).toBe(0)
    const { pool, grant: given } = heard({ ...opened, bucket: { tokens: 20, atMs } }, told("a", 2, 5), atMs)
    expect(given.paid).toBe(13)
    expect([pool.bucket.tokens, leased(pool)]).toEqual([12, 8])
  })

  it("keeps the bucket from filling beyond what all may be together", () => {
    const [after1s, full] = [1_000, 4_999].map((atMs) => settled(opened, RATE, atMs)) as [Pool, Pool]
    expect([after1s.bucket.tokens, leased(after1s)]).toEqual([57, 8])
    expect([full.bucket.tokens, leased(full)]).toEqual([RATE.burst + 2 - 8, 8])
    expect(isFull(full, RATE, 4_999)).toBe(false)
    expect(isFull(full, RATE, 20_000)).toBe(true)
  })

  it("is not opened for one isolate too many", () => {
    const account = { number: 1, paid: 0, spent: 0, untilMs: 1 }
    const ids = Array.from({ length: LIMITS.limiterAccountsMax }, (_each, index) => `${index}`)
    const crowd = { ...pooled(64), accounts: new Map(ids.map((id) => [id, account])) }
    const { pool, grant: given } = heard(crowd, told("a", 1, 3, { debt: 2 }))
    expect(given).toEqual({ granted: 0, left: 64, emptyMs: LIMITS.limitAskMs, paid: 1 })
    expect(pool).toEqual(crowd)
  })
})

describe("a pool whose limiter starts anew", () => {
  const bucket: Bucket = { tokens: 10, atMs: 0 }

  it("gives what was written down, and does not fill while earlier leases may be spent", () => {
    const pool = restoredPool(bucket, RATE)
    expect(settled(pool, RATE, LIMITS.limiterAccountMs - 1).bucket.tokens).toBe(10)
    expect(settled(pool, RATE, LIMITS.limiterAccountMs).bucket.tokens).toBe(15)
    expect(grant(pool, RATE, wants({ want: 4 }), 0).grant.granted).toBe(4)
  })

  it("takes nothing back of a lease that it does not know", () => {
    const asked = wants({ want: 0, least: 0, account: { id: "a", number: 9, spent: 5 } })
    const { pool, grant: given } = grant(restoredPool(bucket, RATE), RATE, asked, 0)
    expect(given.paid).toBe(5)
    expect(pool.bucket.tokens).toBe(10)
  })
})

/** As many isolates as there are; every message may be lost, put twice or late, and everybody may start anew. */
class Story {
  readonly isolates: number
  readonly #rate: Rate
  readonly #shares: Share[]
  #pool: Pool
  #written: Bucket
  #lives = 0
  #messages: { readonly atMs: number; readonly run: () => void }[] = []
  nowMs = 0
  /** When each request was let through, and when each isolate began. */
  readonly spent: number[] = []
  readonly begun: number[] = []

  constructor(rate: Rate, isolates: number) {
    this.isolates = isolates
    this.#rate = rate
    this.#pool = fullPool(rate, 0)
    this.#written = this.#pool.bucket
    this.#shares = Array.from({ length: isolates }, () => this.#fresh())
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms
    for (;;) {
      const next = Math.min(...this.#messages.map(({ atMs }) => atMs))
      if (next > untilMs) break
      this.nowMs = next
      const due = this.#messages.filter(({ atMs }) => atMs <= next)
      this.#messages = this.#messages.filter(({ atMs }) => atMs > next)
      for (const { run } of due) run()
    }
    this.nowMs = untilMs
  }

  /** A request; whether it is let through. */
  request(isolate: number, way: Way = PROMPT): boolean {
    const share = this.#shares[isolate]!
    const passes = affords(share, this.#rate, 1, this.nowMs)
    if (passes) this.spent.push(this.nowMs)
    this.#shares[isolate] = passes ? spend(share, 1, this.nowMs) : missed(share, 1, this.nowMs)
    this.#send(isolate, ask(this.#shares[isolate]!, this.#rate, 1, this.nowMs), way)
    return passes
  }

  giveBack(isolate: number, way: Way = PROMPT): void {
    this.#send(isolate, giveBack(this.#shares[isolate]!, this.nowMs), way)
  }

  restartIsolate(isolate: number): void {
    this.#shares[isolate] = this.#fresh()
  }

  restartLimiter(): void {
    this.#pool = restoredPool(this.#written, this.#rate)
  }

  held(isolate: number): number {
    return Math.max(0, spendable(this.#shares[isolate]!, this.nowMs))
  }

  /** What is held is leased, and fits beside the bucket: else what is wrong. */
  fault(): string | undefined {
    const held = this.#shares.reduce((sum, _share, isolate) => sum + this.held(isolate), 0)
    const booked = leased(settled(this.#pool, this.#rate, this.nowMs))
    if (held > booked + 1e-6) return `${held} held of ${booked} leased`
    const { requests, perMs, burst } = this.#rate
    const most = burst + (LIMITS.limitLeaseMs * requests) / perMs
    const { tokens } = this.#pool.bucket
    return tokens + held > most + 1e-6 ? `${held} held and ${tokens} left of at most ${most}` : undefined
  }

  get left(): number {
    return settled(this.#pool, this.#rate, this.nowMs).bucket.tokens
  }

  #fresh(): Share {
    this.begun.push(this.nowMs)
    return freshShare(`${this.#lives++}`, this.nowMs)
  }

  #send(isolate: number, next: { share: Share; ask: Ask } | undefined, { thereMs, backMs, twiceMs }: Way): void {
    if (!next) return
    this.#shares[isolate] = next.share
    const { account } = next.share
    const isHeard = () => this.#shares[isolate]!.account === account && this.#shares[isolate]!.asks === next.share.asks
    let isSettled = false
    const settle = (given: Grant | undefined) => {
      if (isSettled || !isHeard()) return
      isSettled = true
      const share = this.#shares[isolate]!
      this.#shares[isolate] = given ? answer(share, next.ask, given, this.nowMs, 0.5) : unanswered(share)
    }
    const put = () => {
      const given = grant(this.#pool, this.#rate, next.ask, this.nowMs)
      this.#pool = given.pool
      if (given.changed) this.#written = given.pool.bucket
      if (backMs !== undefined) this.#later(backMs, () => settle(given.grant))
    }
    if (thereMs !== undefined) this.#later(thereMs, put)
    if (twiceMs !== undefined) this.#later(twiceMs, put)
    this.#later(LIMITS.limitCallMs, () => settle(undefined))
  }

  #later(ms: number, run: () => void): void {
    this.#messages.push({ atMs: this.nowMs + ms, run })
  }
}

/** How long an ask and its answer are under way; undefined when lost. `twiceMs`: the ask comes again. */
interface Way {
  readonly thereMs: number | undefined
  readonly backMs: number | undefined
  readonly twiceMs: number | undefined
}

const PROMPT: Way = { thereMs: 5, backMs: 5, twiceMs: undefined }

/** The documented bound over every stretch of time between two requests, ends included: the first stretch that breaks it. */
function broken({ spent, begun, isolates }: Story, rate: Rate): string | undefined {
  const perMs = rate.requests / rate.perMs
  const credit = Math.max(1, Math.floor(rate.burst / 32))
  // An isolate that begins has taken the place of one that is gone.
  const comeUntil = (atMs: number) => begun.filter((begunAtMs) => begunAtMs <= atMs).length
  let least = Number.POSITIVE_INFINITY
  for (const [index, atMs] of spent.entries()) {
    const beyond = index - perMs * atMs - comeUntil(atMs) * credit
    least = Math.min(least, beyond)
    const most = rate.burst + perMs * LIMITS.limitLeaseMs + isolates * credit
    if (beyond + 1 - least > most + 1e-6) return `at ${atMs} ms: ${beyond + 1 - least} of at most ${most}`
  }
  return undefined
}

describe("the law of leases", () => {
  const ISOLATES = 6

  it("holds at any time, and over any: burst + rate * (t + lease) + isolates * credit, whatever becomes of messages", () => {
    const rates = fc.record({
      requests: fc.integer({ min: 1, max: 200 }),
      perMs: fc.integer({ min: 1_000, max: 60_000 }),
      burst: fc.integer({ min: 4, max: 200 }),
    })
    const way = fc.record({
      thereMs: fc.option(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 4_000 })), {
        nil: undefined,
      }),
      backMs: fc.option(fc.integer({ min: 1, max: 600 }), { nil: undefined }),
      twiceMs: fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined, freq: 2 }),
    })
    const gapMs = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 60 }) },
      { weight: 5, arbitrary: fc.integer({ min: 100, max: 1_000 }) },
      fc.integer({ min: 2_000, max: 9_000 }),
    )
    const event = fc.record({
      gapMs,
      isolate: fc.integer({ min: 0, max: ISOLATES - 1 }),
      requests: fc.oneof(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 12 })),
      way: fc.oneof({ weight: 2, arbitrary: fc.constant(PROMPT) }, way),
      what: fc.oneof(
        { weight: 30, arbitrary: fc.constant("request" as const) },
        { weight: 6, arbitrary: fc.constant("give back" as const) },
        fc.constantFrom("restart isolate" as const, "restart limiter" as const),
      ),
    })
    fc.assert(
      fc.property(rates, fc.array(event, { minLength: 50, maxLength: 300 }), (rate, events) => {
        const story = new Story(rate, ISOLATES)
        for (const { gapMs, isolate, requests, way: messages, what } of events) {
          story.pass(gapMs)
          if (what === "give back") story.giveBack(isolate, messages)
          else if (what === "restart isolate") story.restartIsolate(isolate)
          else if (what === "restart limiter") story.restartLimiter()
          else for (let count = 0; count < requests; count++) story.request(isolate, messages)
          const fault = story.fault()
          if (fault !== undefined) expect.fail(`at ${story.nowMs} ms: ${fault}`)
        }
        expect(broken(story, rate)).toBeUndefined()
      }),
      { numRuns: 100 },
    )
  })

  it("holds where leases come back to a bucket that time has filled meanwhile (schedule 1029464)", () => {
    const rate: Rate = { requests: 64, perMs: 11_000, burst: 64 }
    const story = new Story(rate, 3)
    const flood = (isolate: number, requests: number) => {
      for (let count = 0; count < requests; count++, story.pass(10)) story.request(isolate)
    }
    // Each isolate leases ahead, does not spend it all, and falls idle: nothing goes back in time.
    for (const isolate of [0, 1, 2]) flood(isolate, 7)
    expect(Math.min(...[0, 1, 2].map((isolate) => story.held(isolate)))).toBeGreaterThan(4)
    story.pass(12_000)
    expect(story.left).toBe(64)
    // Then all come at once. What they had leased was given back three times: by time, and once more by each of them.
    const before = story.spent.length
    for (let round = 0; round < 60; round++, story.pass(10)) for (const isolate of [0, 1, 2]) story.request(isolate)
    const creditOfAll = 3 * 2
    expect(story.spent.length - before).toBeLessThanOrEqual(64 + (64 / 11_000) * (600 + 2_000) + creditOfAll)
    expect(broken(story, rate)).toBeUndefined()
  })
})
