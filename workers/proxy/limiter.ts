/**
 * Rate limits as one isolate knows them. Every key has a bucket of its own here, so that an isolate by itself never lets more
 * through than the limit, whatever becomes of the limiter; limits that the mesh shares also spend tokens leased from the
 * `Limiter` objects (shared/resilience/lease.ts), and exact ones ask for each request.
 *
 *   with the limiter --an ask fails or takes too long--> alone for a second or so --> with the limiter
 *
 * Alone, a limit holds for each isolate by itself, unless it says to refuse. Several limits let a request through together or
 * take nothing: all are looked at first, then all are spent from; what an exact one refuses then is given back to the others.
 */

import type { Standing } from "#shared/exchange/limit-fields.ts"
import { limitCost, limitKey } from "#shared/exchange/limit-key.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { RateLimit } from "#shared/model/rate-limit.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import { affords, freshShare, missed, spend, spendable } from "#shared/resilience/lease.ts"
import { fullBucket, holds, refill, take, waitMs } from "#shared/resilience/limit.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { type Counted, isAlone, Leases, type StubOf } from "./leases.ts"
import type { Background } from "./mesh.ts"
import type { Surroundings } from "./snapshots.ts"

export interface LimitVerdict {
  readonly refusal: Refusal | undefined
  /** What the caller is to be told. */
  readonly standings: readonly Standing[]
  /** Ids of the limits that refused, and of those in shadow that would have. */
  readonly refusedBy: readonly string[]
  readonly shadowed: readonly string[]
}

/** One limit's word about one request. `pending`: the first answer for this key, or after a failure, is on its way. */
interface Claim {
  readonly counted: Counted
  readonly cost: number
  outcome: "admitted" | "refused" | "unavailable" | "pending" | "ask"
  retryAfterMs: number
}

/** How often a request that waits looks whether its tokens have come. */
const LOOK_MS = 5
/** Keys that are looked at to find one to forget. */
const CANDIDATES = 8

export class Limiter {
  readonly #around: Surroundings
  readonly #leases: Leases
  readonly #isolate: string
  readonly #keys = new Map<string, Counted>()
  #shares = 0

  /** `isolate`: no other one is called so. */
  constructor(stubOf: StubOf, around: Surroundings, isolate: string) {
    this.#around = around
    this.#isolate = isolate
    this.#leases = new Leases(stubOf, around)
  }

  async admit(
    limits: readonly RateLimit[],
    head: RequestHead,
    captures: Readonly<Record<string, string>> | undefined,
    background: Background,
  ): Promise<LimitVerdict> {
    const claims: Claim[] = []
    for (const limit of limits) {
      const key = limitKey(limit, head, captures)
      const counted = this.#counted(limit, key.length > LIMITS.limitKeyCharsMax ? await digest(key) : key)
      claims.push({ counted, cost: limitCost(limit, head), outcome: "admitted", retryAfterMs: 0 })
    }
    this.#judge(claims)
    if (claims.some(({ outcome }) => outcome === "pending")) await this.#wait(claims, background)
    // From here to the spending nothing waits, so that what was looked at is what is spent from.
    if (!isRefused(claims)) {
      for (const claim of claims) this.#spend(claim, claim.cost)
      if (claims.some(({ outcome }) => outcome === "ask")) await this.#ask(claims, background)
    }
    for (const { counted, cost, outcome } of claims) {
      if (counted.limit.scope !== "mesh") continue
      if (outcome === "refused") counted.share = missed(counted.share, cost, this.#around.nowMs())
      this.#leases.want(counted, cost, background)
    }
    return this.#verdict(claims)
  }

  #judge(claims: readonly Claim[]): void {
    const nowMs = this.#around.nowMs()
    for (const claim of claims) {
      const { counted, cost } = claim
      const { limit, share, link } = counted
      counted.bucket = refill(counted.bucket, limit, nowMs)
      claim.retryAfterMs = waitMs(counted.bucket, limit, cost)
      if (!holds(counted.bucket, cost)) claim.outcome = "refused"
      else if (limit.scope === "isolate") claim.outcome = "admitted"
      else if (isAlone(link, nowMs)) claim.outcome = limit.whenUnavailable === "allow" ? "admitted" : "unavailable"
      else if (limit.scope === "exact") claim.outcome = "ask"
      else if (limit.whenUnavailable === "deny" && !share.answered) claim.outcome = "pending"
      else if (affords(share, limit, cost, nowMs)) claim.outcome = "admitted"
      else {
        claim.outcome = !share.answered && share.asks > 0 ? "pending" : "refused"
        claim.retryAfterMs = Math.max(share.emptyUntilMs - nowMs, limit.perMs / limit.requests)
      }
    }
  }

  /**
   * The first requests for a key may come faster than its first tokens. A limit that would rather refuse than let anything pass
   * unseen has no request go ahead of them.
   */
  async #wait(claims: readonly Claim[], background: Background): Promise<void> {
    const pending = claims.filter(({ outcome }) => outcome === "pending")
    for (const { counted, cost } of pending) this.#leases.want(counted, cost, background)
    // By looking again and again: a promise that another request settles must not be waited for once that one may be gone.
    for (let waitedMs = 0; waitedMs < LIMITS.limitWaitMs; waitedMs += LOOK_MS) {
      await this.#around.sleep(LOOK_MS)
      this.#judge(claims)
      if (!claims.some(({ outcome }) => outcome === "pending")) return
    }
    for (const claim of claims) {
      if (claim.outcome !== "pending") continue
      claim.outcome = claim.counted.limit.whenUnavailable === "allow" ? "admitted" : "unavailable"
    }
  }

  /** Less than nothing gives back. Limits in shadow pay only for what they would let through. */
  #spend({ counted, outcome }: Claim, cost: number): void {
    if (outcome === "refused" || outcome === "unavailable") return
    counted.bucket = take(counted.bucket, counted.limit, cost)
    if (counted.limit.scope !== "mesh") return
    const nowMs = this.#around.nowMs()
    if (!isAlone(counted.link, nowMs)) counted.share = spend(counted.share, cost, nowMs)
  }

  /** Asks for all exact limits at once. */
  async #ask(claims: readonly Claim[], background: Background): Promise<void> {
    const asking = claims.filter(({ outcome }) => outcome === "ask")
    const paid = new Set(claims.filter(({ outcome }) => outcome === "admitted"))
    const granted: Claim[] = []
    const answers = asking.map(async (claim) => {
      const grant = await this.#leases.now(claim.counted, claim.cost)
      // What the caller is told is the limiter's word.
      if (grant) claim.counted.share = { ...claim.counted.share, answered: true, left: grant.left }
      if (!grant) claim.outcome = claim.counted.limit.whenUnavailable === "allow" ? "admitted" : "unavailable"
      else if (grant.granted >= claim.cost) {
        claim.outcome = "admitted"
        granted.push(claim)
      } else {
        claim.outcome = "refused"
        claim.retryAfterMs = grant.emptyMs
      }
      // Its own bucket was spent from before it asked.
      if (claim.outcome === "admitted") paid.add(claim)
      else claim.counted.bucket = take(claim.counted.bucket, claim.counted.limit, -claim.cost)
    })
    await Promise.all(answers)
    if (!isRefused(claims)) return
    for (const claim of paid) this.#spend(claim, -claim.cost)
    for (const { counted, cost } of granted) background.waitUntil(this.#leases.giveBack(counted, cost))
  }

  #verdict(claims: readonly Claim[]): LimitVerdict {
    const nowMs = this.#around.nowMs()
    const failed = claims.filter(({ outcome }) => outcome === "refused" || outcome === "unavailable")
    const enforced = failed.filter(({ counted }) => !counted.limit.shadow)
    const told = claims.filter(
      (claim) => !claim.counted.limit.shadow && (claim.counted.limit.headers || claim.outcome === "refused"),
    )
    return {
      refusal: refusalOf(enforced),
      standings: told.map((claim) => ({ limit: claim.counted.limit, left: leftOf(claim, nowMs) })),
      refusedBy: enforced.map(({ counted }) => counted.limit.id),
      shadowed: failed.filter(({ counted }) => counted.limit.shadow).map(({ counted }) => counted.limit.id),
    }
  }

  /** What is counted under a key, the last used at the end. */
  #counted(limit: RateLimit, key: string): Counted {
    const name = `${limit.id} ${key}`
    const known = this.#keys.get(name)
    if (known) this.#keys.delete(name)
    const nowMs = this.#around.nowMs()
    const counted = known ?? {
      ...{ limit, key, hash: undefined, link: this.#leases.link(limit.id) },
      ...{ bucket: fullBucket(limit, nowMs), share: freshShare(`${this.#isolate} ${this.#shares++}`, nowMs) },
    }
    // A newer snapshot may have it with other figures.
    counted.limit = limit
    this.#keys.set(name, counted)
    if (this.#keys.size > LIMITS.limitKeysMax) this.#forgetOne(nowMs)
    return counted
  }

  /** Of the longest unused keys, the one that has spent least: who floods the isolate with keys does not wash a spent one out. */
  #forgetOne(nowMs: number): void {
    let [forgotten, least] = ["", Number.POSITIVE_INFINITY]
    let looked = 0
    for (const [name, { limit, bucket }] of this.#keys) {
      const spent = 1 - refill(bucket, limit, nowMs).tokens / limit.burst
      if (spent < least) [forgotten, least] = [name, spent]
      looked += 1
      if (looked === CANDIDATES) break
    }
    this.#keys.delete(forgotten)
  }
}

function isRefused(claims: readonly Claim[]): boolean {
  return claims.some(
    ({ counted, outcome }) => !counted.limit.shadow && (outcome === "refused" || outcome === "unavailable"),
  )
}

function refusalOf(enforced: readonly Claim[]): Refusal | undefined {
  if (enforced.length === 0) return undefined
  const spent = enforced.filter(({ outcome }) => outcome === "refused")
  if (spent.length === 0) return refuse("overloaded", "a rate limit cannot be checked at the moment")
  return { ...refuse("rate_limited"), retryAfterMs: Math.max(...spent.map(({ retryAfterMs }) => retryAfterMs)) }
}

function leftOf({ counted: { bucket, limit, link, share }, outcome }: Claim, nowMs: number): number {
  if (outcome === "refused") return 0
  if (limit.scope === "isolate" || isAlone(link, nowMs) || !share.answered) return bucket.tokens
  return Math.min(bucket.tokens, share.left + Math.max(0, spendable(share, nowMs)))
}
