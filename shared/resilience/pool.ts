/**
 * The limiter's side of a limit that isolates share: the bucket, and what each isolate has of it.
 *
 *   time ---> bucket --- grant --> leased to isolates ---> spent by requests, and gone
 *                ^                     |
 *                +---- comes back -----+ or is forgotten, some time after its isolate let it expire
 *
 * Why all isolates together spend no more than burst + rate * (t + lease) + isolates * credit over any time t: look at the sum of
 * what is in the bucket, what is leased and not spent, less what isolates owe. A grant, a return and a paid debt move tokens within
 * the sum; each spent token takes one from it, and only time adds to it, by the rate. It never exceeds burst + rate * lease, because the
 * bucket does not fill beyond what the leases leave of that; it is never below -(isolates * credit), because the bucket is never below
 * zero and an isolate stops where its credit ends. What is spent is what the sum loses, and what time adds.
 *
 * A return must not move twice, nor after it was forgotten: hence accounts, of totals, with numbered asks. Asks without an account (of
 * exact limits) take tokens for good, and may bring them back.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"
import { type Bucket, fullBucket, holds, refill, take, waitMs } from "./limit.ts"

export interface Pool {
  readonly bucket: Bucket
  /** By name, in the order in which they will be forgotten. */
  readonly accounts: ReadonlyMap<string, Account>
}

/** What one isolate has had, and as much as it told of what it did with it. */
interface Account {
  /** The last of its asks that was heard. */
  readonly number: number
  /** All tokens that left the bucket for it, less those that came back. */
  readonly paid: number
  readonly spent: number
  readonly untilMs: number
}

/** Whose leases a limiter that starts anew has forgotten. */
const FORGOTTEN = ""

export function fullPool(rate: Rate, nowMs: number): Pool {
  return { bucket: fullBucket(rate, nowMs), accounts: new Map() }
}

/** With the bucket as it was written down last. As much as there can be may be leased: until that has expired, it does not fill. */
export function restoredPool(bucket: Bucket, rate: Rate): Pool {
  const paid = Math.max(0, roomOf(rate) - bucket.tokens)
  const account = { number: 0, paid, spent: 0, untilMs: bucket.atMs + LIMITS.limiterAccountMs }
  return { bucket, accounts: new Map([[FORGOTTEN, account]]) }
}

/** The pool as it is now: without accounts that are over, and with what it has gained. */
export function settled({ bucket, accounts }: Pool, rate: Rate, nowMs: number): Pool {
  const [oldest] = accounts.values()
  const isOver = oldest !== undefined && nowMs >= oldest.untilMs
  const kept = isOver ? new Map([...accounts].filter(([, { untilMs }]) => nowMs < untilMs)) : accounts
  const filled = refill(bucket, rate, nowMs)
  const most = Math.max(0, roomOf(rate) - leased({ bucket, accounts: kept }))
  return { bucket: { ...filled, tokens: Math.min(filled.tokens, most) }, accounts: kept }
}

/** Tokens that may still be spent, as far as the limiter knows. */
export function leased({ accounts }: Pool): number {
  let tokens = 0
  for (const { paid, spent } of accounts.values()) tokens += Math.max(0, paid - spent)
  return tokens
}

/** Whether there is nothing to remember: a full pool is as good as none. */
export function isFull({ bucket, accounts }: Pool, rate: Rate, nowMs: number): boolean {
  for (const { untilMs } of accounts.values()) if (nowMs < untilMs) return false
  return holds(refill(bucket, rate, nowMs), rate.burst)
}

export interface Granted {
  readonly pool: Pool
  readonly grant: Grant
  /** Whether what is in storage has to follow before the grant leaves. */
  readonly changed: boolean
}

/** What is granted for one ask. Half of what is there at most goes to one isolate. */
export function grant(before: Pool, rate: Rate, ask: Ask, nowMs: number): Granted {
  const pool = settled(before, rate, nowMs)
  const { account: told, debt } = ask
  if (!told) {
    const { bucket, repaid, granted, emptyMs } = serve(take(pool.bucket, rate, -ask.back), rate, ask, debt, 0)
    const changed = ask.back + repaid + granted > 0
    return { pool: { ...pool, bucket }, grant: { granted, left: whole(bucket), emptyMs }, changed }
  }
  const known = pool.accounts.get(told.id)
  const isOver = known ? told.number <= known.number : pool.accounts.size >= LIMITS.limiterAccountsMax
  if (isOver) return unheard(pool, known?.paid ?? told.spent - debt)
  // Whose account was forgotten, of his leases nothing is left: then he has had what he spent, less what he says that he owes.
  const had = Math.max(known?.paid ?? 0, told.spent - debt)
  const held = Math.max(0, had - told.spent)
  const { bucket, repaid, granted, emptyMs } = serve(pool.bucket, rate, ask, Math.max(0, told.spent - had), held)
  const accounts = new Map(pool.accounts)
  // Last in the order: the others will be forgotten before.
  accounts.delete(told.id)
  // Who wants nothing gives all back.
  const isClosed = ask.want === 0
  const after = isClosed ? take(bucket, rate, -held) : bucket
  const paid = had + repaid + (isClosed ? -held : granted)
  const { number, spent } = told
  accounts.set(told.id, { number, paid, spent, untilMs: nowMs + LIMITS.limiterAccountMs })
  return {
    pool: { bucket: after, accounts },
    grant: { granted, left: whole(after), emptyMs, paid },
    changed: held + repaid + granted > 0,
  }
}

/** An ask that was put twice or overtaken, so that it is settled; or of one isolate too many. */
function unheard(pool: Pool, paid: number): Granted {
  const grant = { granted: 0, left: whole(pool.bucket), emptyMs: LIMITS.limitAskMs, paid }
  return { pool, grant, changed: false }
}

/** Debts first: who cannot pay all of them is granted nothing. The bucket is never below zero. */
function serve(
  bucket: Bucket,
  rate: Rate,
  { want, least }: Ask,
  debt: number,
  held: number,
): { bucket: Bucket; repaid: number; granted: number; emptyMs: number } {
  const repaid = Math.min(debt, whole(bucket))
  const rest = take(bucket, rate, repaid)
  const needed = debt - repaid + Math.max(0, least - held)
  if (debt > repaid || !holds(rest, needed)) {
    return { bucket: rest, repaid, granted: 0, emptyMs: waitMs(rest, rate, needed) }
  }
  const granted = Math.max(0, Math.min(want - held, Math.max(needed, Math.floor(rest.tokens / 2))))
  return { bucket: take(rest, rate, granted), repaid, granted, emptyMs: 0 }
}

/** As much as the bucket and all leases may be together. */
function roomOf({ requests, perMs, burst }: Rate): number {
  return burst + (requests * LIMITS.limitLeaseMs) / perMs
}

function whole({ tokens }: Bucket): number {
  return Math.max(0, Math.floor(tokens))
}
