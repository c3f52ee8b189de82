/**
 * What an isolate asks the `Limiter` objects: shares of tokens, in the background and for many keys at once; single tokens,
 * while a request waits. A failed or late answer leaves the isolate alone with the limit for a while; nothing is asked twice.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, RateLimit } from "#shared/model/rate-limit.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import { type LimiterRpc, limiterName } from "#shared/protocol/limiter.ts"
import { answer, ask, giveBack, type Share, unanswered } from "#shared/resilience/lease.ts"
import type { Bucket } from "#shared/resilience/limit.ts"
import type { Background } from "./mesh.ts"
import type { Surroundings } from "./snapshots.ts"

/** The object of a name, fresh for each call; undefined when the proxy has no binding to limiters. */
export type StubOf = (name: string) => LimiterRpc | undefined

/** What is counted under one key of one limit. */
export interface Counted {
  limit: RateLimit
  readonly key: string
  /** What limiters know the key by. */
  hash: string | undefined
  readonly link: Link
  bucket: Bucket
  share: Share
}

/** The way to the limiters of one limit. */
export interface Link {
  /** A call is under way. Should it never end, the next one begins after this. */
  callingUntilMs: number
  readonly waiting: Map<Counted, Ask>
  /** Keys with leased tokens or debts, in the order in which they were leased: what expires unspent goes back, what is owed is paid. */
  readonly holding: Set<Counted>
  /** Somebody waits to give back what is not spent. */
  returningUntilMs: number
  aloneUntilMs: number
  failures: number
}

/** Calls that one request's background makes at most, one after the other. */
const CALLS_MAX = 8
/** How often it looks for leases to give back, each time a lease later: what it does not find then was leased by others. */
const RETURNS_MAX = 3

export function isAlone({ aloneUntilMs }: Link, nowMs: number): boolean {
  return nowMs < aloneUntilMs
}

export class Leases {
  readonly #stubOf: StubOf
  readonly #around: Surroundings
  readonly #links = new Map<string, Link>()

  constructor(stubOf: StubOf, around: Surroundings) {
    this.#stubOf = stubOf
    this.#around = around
  }

  link(limit: string): Link {
    const known = this.#links.get(limit)
    if (known) return known
    const empty = { waiting: new Map<Counted, Ask>(), holding: new Set<Counted>() }
    const times = { callingUntilMs: 0, returningUntilMs: 0, aloneUntilMs: 0 }
    const link: Link = { failures: 0, ...times, ...empty }
    this.#links.set(limit, link)
    // Limits that snapshots no longer have are the oldest.
    if (this.#links.size > LIMITS.limitLinksMax) this.#links.delete(this.#links.keys().next().value as string)
    return link
  }

  /** Sees to it that the key has tokens for its next requests. Nobody waits for it. */
  want(counted: Counted, cost: number, background: Background): void {
    const { link, limit } = counted
    const nowMs = this.#around.nowMs()
    if (isAlone(link, nowMs)) return
    // Ever new keys, faster than limiters answer, find the line full; until it moves they have their credit and no more.
    const isFull = link.waiting.size >= LIMITS.limitKeysMax
    const next = isFull ? undefined : ask(counted.share, limit, cost, nowMs)
    if (next) {
      counted.share = next.share
      link.waiting.set(counted, next.ask)
    }
    if (link.waiting.size === 0 || nowMs < link.callingUntilMs) return
    link.callingUntilMs = nowMs + LIMITS.limitCallMs * CALLS_MAX
    background.waitUntil(this.#callAll(link))
    if (nowMs < link.returningUntilMs) return
    link.returningUntilMs = nowMs + (LIMITS.limitLeaseMs + LIMITS.limitCallMs) * RETURNS_MAX
    background.waitUntil(this.#returnExpired(link))
  }

  /** One request's tokens, or none; undefined when the limiter did not say in time. */
  async now(counted: Counted, cost: number): Promise<Grant | undefined> {
    const asked = { want: cost, least: cost, debt: 0, back: 0 }
    const grants = await this.#call(counted.link, await this.#nameOf(counted), [[counted, asked]], LIMITS.limitWaitMs)
    return grants?.[0]
  }

  async giveBack(counted: Counted, tokens: number): Promise<void> {
    const back = { want: 0, least: 0, debt: 0, back: tokens }
    await this.#call(counted.link, await this.#nameOf(counted), [[counted, back]], LIMITS.limitCallMs)
  }

  async #callAll(link: Link): Promise<void> {
    for (let calls = 0; link.waiting.size > 0 && calls < CALLS_MAX; calls++) {
      const asks = [...link.waiting].slice(0, LIMITS.limitAsksMax)
      for (const [counted] of asks) link.waiting.delete(counted)
      await this.#callEach(link, asks)
    }
    link.callingUntilMs = 0
  }

  /** Keys that are not asked for any more are settled, so that an isolate that falls idle withholds no tokens, and owes none. */
  async #returnExpired(link: Link): Promise<void> {
    for (let rounds = 0; rounds < RETURNS_MAX; rounds++) {
      await this.#around.sleep(LIMITS.limitLeaseMs)
      if (!isAlone(link, this.#around.nowMs())) await this.#callEach(link, this.#expired(link))
      if (link.holding.size === 0) break
    }
    link.returningUntilMs = 0
  }

  #expired({ holding }: Link): [Counted, Ask][] {
    const nowMs = this.#around.nowMs()
    const asks: [Counted, Ask][] = []
    for (const counted of holding) {
      if (asks.length === LIMITS.limitAsksMax || nowMs < counted.share.heldUntilMs) break
      holding.delete(counted)
      const rest = giveBack(counted.share, nowMs)
      if (!rest) continue
      counted.share = rest.share
      asks.push([counted, rest.ask])
    }
    return asks
  }

  async #callEach(link: Link, asks: readonly [Counted, Ask][]): Promise<void> {
    const byName = new Map<string, [Counted, Ask][]>()
    for (const [counted, asked] of asks) {
      const name = await this.#nameOf(counted)
      const together = byName.get(name)
      if (together) together.push([counted, asked])
      else byName.set(name, [[counted, asked]])
    }
    await Promise.all([...byName].map(([name, together]) => this.#settle(link, name, together)))
  }

  async #settle(link: Link, name: string, asks: readonly [Counted, Ask][]): Promise<void> {
    const grants = await this.#call(link, name, asks, LIMITS.limitCallMs)
    const nowMs = this.#around.nowMs()
    for (const [index, [counted, asked]] of asks.entries()) {
      const grant = grants?.[index]
      counted.share = grant
        ? answer(counted.share, asked, grant, nowMs, this.#around.roll())
        : unanswered(counted.share)
      link.holding.delete(counted)
      if (counted.share.paid !== counted.share.spent) link.holding.add(counted)
      // What is forgotten here is not given back: its tokens count as spent.
      const [oldest] = link.holding
      if (link.holding.size > LIMITS.limitKeysMax && oldest) link.holding.delete(oldest)
    }
  }

  async #call(
    link: Link,
    name: string,
    asks: readonly [Counted, Ask][],
    withinMs: number,
  ): Promise<readonly Grant[] | undefined> {
    const { requests, perMs, burst } = asks[0]![0].limit
    const keyed = asks.map(([counted, asked]) => ({ ...asked, key: counted.hash! }))
    try {
      const lease = this.#stubOf(name)?.lease({ rate: { requests, perMs, burst }, asks: keyed })
      const grants = await Promise.race([lease, this.#around.sleep(withinMs)])
      if (!grants) throw new Error(lease ? "no answer in time" : "the proxy has no binding LIMITER")
      if (link.failures > 0) this.#around.log(`the limiter of ${name} answers again after ${link.failures} failures`)
      link.failures = 0
      return grants
    } catch (error) {
      this.#fail(link, name, error)
      return undefined
    }
  }

  /** Fails open or closed, as the limit says: by `isAlone`. Overload is never answered with another try. */
  #fail(link: Link, name: string, error: unknown): void {
    if (link.failures === 0) this.#around.log(`the limiter of ${name} does not answer: ${error}`)
    link.failures += 1
    const { overloaded = false } = error as { overloaded?: boolean }
    const pauseMs = overloaded ? LIMITS.limitOverloadedMs : LIMITS.limitAloneMs
    link.aloneUntilMs = this.#around.nowMs() + pauseMs * (0.75 + this.#around.roll() / 2)
  }

  async #nameOf(counted: Counted): Promise<string> {
    const { limit, key } = counted
    counted.hash ??= (await digest(`${limit.id} ${key}`)).slice(0, 32)
    return limiterName(limit.id, counted.hash, limit.key.length === 0 ? 1 : LIMITS.limiterShards)
  }
}
