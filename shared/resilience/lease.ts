/**
 * One limit for many isolates, without asking for each request. The limiter keeps the bucket and hands tokens out ahead
 * (shared/resilience/pool.ts); an isolate spends its share, and asks for more in the background before the share is spent:
 *
 *   isolate                                                 limiter
 *   spend, spend (below a half: ask in the background)  --> all that was spent so far; topped up to `want`
 *   spend on; what was paid and not spent is held       <-- all that was paid so far, what is left, or how long there will be none
 *
 * Both tell totals, so that a message that gets lost, comes late or comes twice is made up for by the next one. A token is taken from the
 * bucket when it is granted, and a share that was not renewed for `limitLeaseMs` is worth nothing.
 *
 * Credit is what lets the first request of an isolate pass at once: a small part of the burst, which the bucket is charged with the
 * next ask. Until it could pay there is no more. Who was refused a moment ago has none.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"

/** What an isolate has of one bucket. */
export interface Share {
  /** What the limiter keeps its account under, and how often it was asked. */
  readonly account: string
  readonly asks: number
  /** Tokens taken by requests, and paid by the limiter, both in all. Paid and not spent: held. Spent and not paid: on credit. */
  readonly spent: number
  readonly paid: number
  readonly heldUntilMs: number
  /** When the last ask was made. While it is under way there is no other; should its answer get lost, the next one goes out after this. */
  readonly askedAtMs: number
  readonly askingUntilMs: number
  /** The last ask was answered. */
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
const LEASE_LEAST = 1 / 64
const LEASE_MOST = 1 / 4

export function freshShare(account: string, nowMs: number): Share {
  return {
    ...{ account, asks: 0, spent: 0, paid: 0, heldUntilMs: 0, askedAtMs: 0, askingUntilMs: 0 },
    ...{ answered: false, emptyUntilMs: 0, paysAheadUntilMs: 0, used: 0, sinceMs: nowMs, usedPerMs: 0, left: 0 },
  }
}

/** Whether the share pays for a request, by leased tokens or on credit. */
export function affords(share: Share, rate: Rate, cost: number, nowMs: number): boolean {
  const credit = nowMs < share.paysAheadUntilMs ? 0 : Math.max(cost, Math.floor(rate.burst * CREDIT))
  return spendable(share, nowMs) + credit >= cost
}

/** Less than nothing gives tokens back. */
export function spend(share: Share, cost: number, nowMs: number): Share {
  const alive = withoutExpired(share, nowMs)
  return { ...alive, spent: alive.spent + cost, used: alive.used + cost }
}

/** A request that the share did not pay for: it says how much is wanted, and that credit is over. */
export function missed(share: Share, cost: number, nowMs: number): Share {
  return { ...share, used: share.used + cost, paysAheadUntilMs: nowMs + LIMITS.limitLeaseMs }
}

/** The next ask and the share while it is under way; undefined while nothing is wanted, or nothing to be had. */
export function ask(share: Share, rate: Rate, cost: number, nowMs: number): { share: Share; ask: Ask } | undefined {
  if (isAsking(share, nowMs) || nowMs < share.emptyUntilMs) return undefined
  const recentPerMs = share.used / Math.max(nowMs - share.sinceMs, LIMITS.limitAskMs)
  // Of the first request nothing follows: isolates that begin together would take all there is.
  const usedPerMs = share.asks === 0 ? 0 : Math.max(recentPerMs, share.usedPerMs / 2)
  const want = target(rate, usedPerMs, cost)
  if (spendable(share, nowMs) * 2 >= want) return undefined
  return asking({ ...share, used: 0, sinceMs: nowMs, usedPerMs }, want, Math.min(want, cost), nowMs)
}

/** Settles a share that nobody uses any more: what was leased goes back, what is owed is charged. */
export function giveBack(share: Share, nowMs: number): { share: Share; ask: Ask } | undefined {
  if (isAsking(share, nowMs) || spendable(share, nowMs) > 0 || share.paid === share.spent) return undefined
  return asking(share, 0, 0, nowMs)
}

function asking(share: Share, want: number, least: number, nowMs: number): { share: Share; ask: Ask } {
  const alive = withoutExpired(share, nowMs)
  const { account: id, spent, paid } = alive
  const number = alive.asks + 1
  return {
    share: { ...alive, asks: number, askedAtMs: nowMs, askingUntilMs: nowMs + ANSWER_MS },
    ask: { want, least, debt: Math.max(0, spent - paid), back: 0, account: { id, number, spent } },
  }
}

/** The share with the limiter's answer. A lease is counted from its ask, so that it has ended here before the limiter forgets it. */
export function answer(share: Share, asked: Ask, grant: Grant, nowMs: number, dice: number): Share {
  const { granted, left, emptyMs } = grant
  // A limiter of an earlier version keeps no accounts.
  const paid = grant.paid ?? withoutExpired(share, nowMs).paid + asked.debt + granted
  // One that was given up may be answered after all, while a later one is under way.
  const isLast = asked.account?.number === share.asks
  const heldUntilMs = isLast ? share.askedAtMs + LIMITS.limitLeaseMs : share.heldUntilMs
  const settled = {
    ...{ ...share, paid, heldUntilMs, askingUntilMs: isLast ? 0 : share.askingUntilMs },
    ...{ answered: true, left, emptyUntilMs: 0, paysAheadUntilMs: 0 },
  }
  if (paid - (asked.account?.spent ?? 0) >= asked.want) return settled
  // Little is left. Isolates that found that out together do not come back together, and none spends what is not there.
  const emptyUntilMs = nowMs + Math.max(emptyMs, LIMITS.limitAskMs * (0.5 + dice))
  const paysAheadUntilMs = granted > 0 ? emptyUntilMs : Math.max(emptyUntilMs, nowMs + LIMITS.limitLeaseMs)
  return { ...settled, emptyUntilMs, paysAheadUntilMs }
}

/** The share after an ask that nobody answered. What it was granted or not, the next answer tells. */
export function unanswered(share: Share): Share {
  return { ...share, askingUntilMs: 0, answered: false, emptyUntilMs: 0 }
}

export function isAsking({ askingUntilMs }: Share, nowMs: number): boolean {
  return nowMs < askingUntilMs
}

/** Tokens that may be spent now; below zero on credit. */
export function spendable(share: Share, nowMs: number): number {
  const { paid, spent } = withoutExpired(share, nowMs)
  return paid - spent
}

/** What expired counts as spent already: it does not pay for what is spent later. */
function withoutExpired(share: Share, nowMs: number): Share {
  return share.paid > share.spent && nowMs >= share.heldUntilMs ? { ...share, paid: share.spent } : share
}

/** Tokens that cover recent use for a while, within reason, and at least one request. */
function target({ burst }: Rate, usedPerMs: number, cost: number): number {
  const covered = Math.ceil(usedPerMs * COVERED_MS)
  const most = Math.max(1, Math.floor(burst * LEASE_MOST))
  return Math.max(cost, Math.min(most, Math.max(covered, Math.ceil(burst * LEASE_LEAST))))
}
