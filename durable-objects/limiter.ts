/**
 * Some of the buckets of one rate limit, for all isolates. What it grants is taken from the bucket at once, so that an answer
 * that gets lost is never spent twice.
 *
 * Buckets that fill up within seconds live in memory: a platform that resets the object gives one burst away, and an idle one
 * is full again before it is evicted. Slower ones are in storage before their grant leaves.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { Grant, Rate } from "#shared/model/rate-limit.ts"
import type { LeaseCall, LimiterRpc } from "#shared/protocol/limiter.ts"
import { grant } from "#shared/resilience/lease.ts"
import { type Bucket, fullBucket, refill, waitMs } from "#shared/resilience/limit.ts"
import { admitAsks } from "./limiter-input.ts"
import { migrate } from "./migrations.ts"

const MIGRATIONS = [
  `CREATE TABLE buckets (key TEXT PRIMARY KEY, tokens REAL NOT NULL, at_ms INTEGER NOT NULL, full_at_ms INTEGER NOT NULL)
   WITHOUT ROWID`,
]

/** For who asks in words that mean nothing. */
const NOTHING: Grant = { granted: 0, left: 0, emptyMs: LIMITS.limitAskMs }

/** How many buckets are written before those that are full again are thrown out. */
const SWEEP_EVERY = 1_000

export class LimiterObject extends DurableObject<unknown> implements LimiterRpc {
  readonly #sql = this.ctx.storage.sql
  readonly #memory = new Map<string, Bucket>()
  #stored = false
  #written = 0

  async lease(call: LeaseCall): Promise<readonly Grant[]> {
    const nowMs = Date.now()
    const asks = admitAsks(call)
    if (asks.every((ask) => ask === undefined)) return asks.map(() => NOTHING)
    const { rate } = call
    const slow = waitMs({ tokens: 0, atMs: nowMs }, rate, rate.burst) > LIMITS.limitVolatileMs
    if (slow) this.#prepare()
    return asks.map((ask) => {
      if (!ask) return NOTHING
      const before = slow ? this.#read(ask.key) : this.#memory.get(ask.key)
      const { bucket, grant: granted } = grant(before ?? fullBucket(rate, nowMs), rate, ask, nowMs)
      const changed = granted.granted > 0 || ask.debt > 0 || ask.back > 0
      if (changed && slow) this.#write(ask.key, bucket, rate, nowMs)
      else if (changed) this.#remember(ask.key, bucket, rate, nowMs)
      return granted
    })
  }

  #prepare(): void {
    if (this.#stored) return
    migrate(this.ctx.storage, MIGRATIONS)
    this.#stored = true
  }

  #read(key: string): Bucket | undefined {
    const [row] = this.#sql.exec<{ tokens: number; at_ms: number }>(
      "SELECT tokens, at_ms FROM buckets WHERE key = ?",
      key,
    )
    return row && { tokens: row.tokens, atMs: row.at_ms }
  }

  #write(key: string, bucket: Bucket, rate: Rate, nowMs: number): void {
    const { tokens, atMs } = bucket
    const fullAtMs = atMs + waitMs(bucket, rate, rate.burst)
    this.#sql.exec("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?)", key, tokens, atMs, fullAtMs)
    this.#written += 1
    if (this.#written % SWEEP_EVERY !== 0) return
    // A full bucket is as good as none. Are there still too many, those go that are the first to be full.
    this.#sql.exec("DELETE FROM buckets WHERE full_at_ms <= ?", nowMs)
    const { count } = this.#sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM buckets").one()
    const excess = count - LIMITS.limiterKeysMax
    if (excess <= 0) return
    this.#sql.exec(
      "DELETE FROM buckets WHERE key IN (SELECT key FROM buckets ORDER BY full_at_ms LIMIT ?)",
      excess + SWEEP_EVERY,
    )
  }

  #remember(key: string, bucket: Bucket, rate: Rate, nowMs: number): void {
    // Moved to the end: the longest unused stand first.
    this.#memory.delete(key)
    this.#memory.set(key, bucket)
    let looked = 0
    for (const [oldest, old] of this.#memory) {
      const full = waitMs(refill(old, rate, nowMs), rate, rate.burst) === 0
      if (full || this.#memory.size > LIMITS.limiterKeysMax) this.#memory.delete(oldest)
      looked += 1
      if (looked === 2) return
    }
  }
}
