/**
 * Some of the buckets of one rate limit, for all isolates. What it grants is taken from the bucket at once, so that an answer
 * that gets lost is never spent twice.
 *
 * Buckets that fill up within seconds live in memory: a platform that resets the object gives one burst away, and an idle one
 * is full again before it is evicted. Slower ones are in storage before their grant leaves. Who has leased what is only in memory: for
 * a few seconds after a reset a bucket does not fill, and takes nothing back.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { Grant, Rate } from "#shared/model/rate-limit.ts"
import type { KeyedAsk, LeaseCall, LimiterRpc } from "#shared/protocol/limiter.ts"
import { waitMs } from "#shared/resilience/limit.ts"
import { fullPool, grant, isFull, type Pool, restoredPool } from "#shared/resilience/pool.ts"
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
  readonly #pools = new Map<string, Pool>()
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
      const before = this.#pools.get(ask.key) ?? (slow ? this.#read(ask, rate) : undefined) ?? fullPool(rate, nowMs)
      const { pool, grant: granted, changed } = grant(before, rate, ask, nowMs)
      if (changed && slow) this.#write(ask.key, pool, rate, nowMs)
      this.#remember(ask.key, pool, rate, nowMs)
      return granted
    })
  }

  #prepare(): void {
    if (this.#stored) return
    migrate(this.ctx.storage, MIGRATIONS)
    this.#stored = true
  }

  #read({ key, account }: KeyedAsk, rate: Rate): Pool | undefined {
    const [row] = this.#sql.exec<{ tokens: number; at_ms: number }>(
      "SELECT tokens, at_ms FROM buckets WHERE key = ?",
      key,
    )
    if (!row) return undefined
    const bucket = { tokens: row.tokens, atMs: row.at_ms }
    // Of exact limits nothing is leased.
    return account ? restoredPool(bucket, rate) : { bucket, accounts: new Map() }
  }

  #write(key: string, { bucket }: Pool, rate: Rate, nowMs: number): void {
    const { tokens, atMs } = bucket
    const fullAtMs = atMs + Math.max(waitMs(bucket, rate, rate.burst), LIMITS.limiterAccountMs)
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

  #remember(key: string, pool: Pool, rate: Rate, nowMs: number): void {
    // Moved to the end: the longest unused stand first.
    this.#pools.delete(key)
    this.#pools.set(key, pool)
    let looked = 0
    for (const [oldest, old] of this.#pools) {
      if (isFull(old, rate, nowMs) || this.#pools.size > LIMITS.limiterKeysMax) this.#pools.delete(oldest)
      looked += 1
      if (looked === 2) return
    }
  }
}
