/**
 * One limit for many isolates, without asking for each request. The limiter keeps the bucket and hands tokens out ahead; an
 * isolate spends its share, and asks for more in the background before the share is spent:
 *
 *   isolate                                                 limiter
 *   spend, spend (below a half: ask in the background)  --> debt paid, leftovers taken back, up to `want` granted
 *   spend on; the answer replaces what was left         <-- granted, what is left, or how long there will be none
 *
 * A token is taken from the bucket when it is granted, so that whatever is lost on the way is never spent twice. A share lives
 * for `limitLeaseMs`: over any stretch of time t all isolates together spend no more than burst + rate * (t + lease + the way of an
 * answer), and what they have on credit. Credit is what lets the first request of an isolate pass at once: a small part of the burst, paid by the
 * next ask. Who was refused a moment ago has none.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"
import { type Bucket, holds, refill, take, waitMs } from "./limit.ts"

/** What an isolate has of one bucket. */
export interface Share {
  /** Tokens leased and not spent; below zero: spent on credit, which the limiter has not been told yet. */
  readonly held: number
  readonly heldUntilMs: number
  /** Leased tokens to give back with the next ask. */
  readonly back: number
  /** Credit told by the ask under way. */
  readonly told: number
  /** An ask is under way. Should its answer get lost, the next one goes out after this. */
  readonly askingUntilMs: number
  /** The limiter has answered at least once. */
  readonly answered: boolean
  /** Nothing is asked for before. */
  readonly emptyUntilMs: number
  /** No credit before. */
  readonly paysAheadUntilMs: number
  /** Tokens asked of this share since `sinceMs`, admitted or not, and how many a millisecond there were before. */
  readonly used: number
  readonly sinceMs: number
  readonly usedPerMs: number
  readonly left: number
}

/** An ask may have to wait for one before it. */
const ANSWER_MS = LIMITS.limitCallMs * 3
/** How much of recent use a share covers. */
const COVERED_MS = 1_000
/** Shares of the burst: what may be spent on credit, what is leased at least and at most. */
const CREDIT = 1 / 32
const LEASE_LEAST = 1 / 16
const LEASE_MOST = 1 / 4

/** The limiter's side: what it grants for one ask. Half of what is there at most goes to one isolate. */
export function grant(bucket: Bucket, rate: Rate, ask: Ask, nowMs: number): { bucket: Bucket; grant: Grant } {
  const filled = take(refill(bucket, rate, nowMs), rate, -Math.max(0, ask.back))
  // However much credit there was, a bucket is empty for no longer than twice the time it takes to fill.
  const paid = { ...filled, tokens: Math.max(-rate.burst, filled.tokens - Math.max(0, ask.debt)) }
  if (!holds(paid, ask.least)) {
    return { bucket: paid, grant: { granted: 0, left: whole(paid), emptyMs: waitMs(paid, rate, ask.least) } }
  }
  const granted = Math.min(ask.want, Math.max(ask.least, Math.floor(paid.tokens / 2)))
  const rest = take(paid, rate, granted)
  return { bucket: rest, grant: { granted, left: whole(rest), emptyMs: 0 } }
}

export function freshShare(nowMs: number): Share {
  return {
    ...{ held: 0, heldUntilMs: 0, back: 0, told: 0, askingUntilMs: 0, answered: false },
    ...{ emptyUntilMs: 0, paysAheadUntilMs: 0, used: 0, sinceMs: nowMs, usedPerMs: 0, left: 0 },
  }
}

/** Whether the share pays for a request, by leased tokens or on credit. */
export function affords(share: Share, rate: Rate, cost: number, nowMs: number): boolean {
  const credit = nowMs < share.paysAheadUntilMs ? 0 : Math.max(cost, Math.floor(rate.burst * CREDIT))
  return spendable(share, nowMs) - share.told + credit >= cost
}

/** Less than nothing gives tokens back. */
export function spend(share: Share, cost: number, nowMs: number): Share {
  const { held, back } = withoutExpired(share, nowMs)
  return { ...share, held: held - cost, back, used: share.used + cost }
}

/** A request that the share did not pay for: it says how much is wanted, and that credit is over. */
export function missed(share: Share, cost: number, nowMs: number): Share {
  return { ...share, used: share.used + cost, paysAheadUntilMs: nowMs + LIMITS.limitLeaseMs }
}

/** The next ask and the share while it is under way; undefined while nothing is wanted, or nothing to be had. */
export function ask(share: Share, rate: Rate, cost: number, nowMs: number): { share: Share; ask: Ask } | undefined {
  if (isAsking(share, nowMs) || nowMs < share.emptyUntilMs) return undefined
  const usedPerMs = Math.max(share.used / Math.max(nowMs - share.sinceMs, LIMITS.limitAskMs), share.usedPerMs / 2)
  const want = target(rate, usedPerMs, cost)
  const { held, back } = withoutExpired(share, nowMs)
  if (held * 2 >= want) return undefined
  const debt = Math.max(0, -held)
  const asking = { held: held + debt, back: 0, told: debt, askingUntilMs: nowMs + ANSWER_MS }
  return {
    share: { ...share, ...asking, used: 0, sinceMs: nowMs, usedPerMs },
    ask: { want, least: Math.min(want, cost), debt, back },
  }
}

/** What to give back of a share that nobody uses any more. */
export function giveBack(share: Share, nowMs: number): { share: Share; ask: Ask } | undefined {
  const { held, back } = withoutExpired(share, nowMs)
  if (isAsking(share, nowMs) || back === 0) return undefined
  return {
    share: { ...share, held, back: 0, askingUntilMs: nowMs + ANSWER_MS },
    ask: { want: 0, least: 0, debt: 0, back },
  }
}

/**
 * The share with the limiter's answer. A whole lease replaces what was left of the one before, which goes back: no token lives
 * longer than one lease. A part of one is added, and lives no longer than what it is added to.
 */
export function answer(share: Share, asked: Ask, grant: Grant, nowMs: number, dice: number): Share {
  const { held, back } = withoutExpired(share, nowMs)
  const { granted, left, emptyMs } = grant
  const settled = { ...share, told: 0, askingUntilMs: 0, answered: true, left, emptyUntilMs: 0, paysAheadUntilMs: 0 }
  const heldUntilMs = nowMs + LIMITS.limitLeaseMs
  if (granted >= asked.want) {
    return { ...settled, held: granted + Math.min(0, held), heldUntilMs, back: back + Math.max(0, held) }
  }
  // Little is left. Isolates that found that out together do not come back together, and none spends what is not there.
  const pausedUntilMs = nowMs + Math.max(emptyMs, LIMITS.limitAskMs * (0.5 + dice))
  const paused = { ...settled, emptyUntilMs: pausedUntilMs, paysAheadUntilMs: pausedUntilMs }
  if (granted === 0) return { ...paused, held, back, paysAheadUntilMs: Math.max(pausedUntilMs, share.paysAheadUntilMs) }
  return { ...paused, held: held + granted, heldUntilMs: held > 0 ? share.heldUntilMs : heldUntilMs, back }
}

export function isAsking({ askingUntilMs }: Share, nowMs: number): boolean {
  return nowMs < askingUntilMs
}

/** Tokens that may be spent now; below zero on credit. */
export function spendable(share: Share, nowMs: number): number {
  return withoutExpired(share, nowMs).held
}

function withoutExpired({ held, heldUntilMs, back }: Share, nowMs: number): { held: number; back: number } {
  return held > 0 && nowMs >= heldUntilMs ? { held: 0, back: back + held } : { held, back }
}

/** Tokens that cover recent use for a while, within reason, and at least one request. */
function target({ burst }: Rate, usedPerMs: number, cost: number): number {
  const covered = Math.ceil(usedPerMs * COVERED_MS)
  const most = Math.max(1, Math.floor(burst * LEASE_MOST))
  return Math.max(cost, Math.min(most, Math.max(covered, Math.ceil(burst * LEASE_LEAST))))
}

function whole({ tokens }: Bucket): number {
  return Math.max(0, Math.floor(tokens))
}
