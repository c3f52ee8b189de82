/**
 * What was counted for objectives. Every whole minute is asked of every shard of telemetry once: a shard that does not answer is asked
 * for what is missing later, as long as it keeps it.
 */
import type { Indicator } from "#shared/model/alerting.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { CountHistory, type StoredStep } from "#shared/telemetry/count-history.ts"
import { byRoute, byService, type Counts, countsOf, indicatorKey } from "#shared/telemetry/objective.ts"
import { decode } from "#shared/telemetry/wire.ts"
import { askShards, type Shard } from "./telemetry-shards.ts"

export const COUNTS_SCHEMA = [
  `CREATE TABLE counts (
    width_ms INTEGER NOT NULL, start_ms INTEGER NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (width_ms, start_ms)
  ) WITHOUT ROWID`,
]

/** A shard keeps an hour; of the oldest minute of it a slot may be gone already. */
const KEPT_STEPS = Math.floor((LIMITS.telemetrySlots * LIMITS.telemetrySlotMs) / LIMITS.alertStepMs) - 2

/** Up to where each shard was read: whoever is not there is read from the last minute on. */
const KEY = "read"

type Minutes = readonly (readonly [startMs: number, key: string, counts: Counts])[]

export class AlertCounts {
  readonly #storage: DurableObjectStorage
  readonly #history: CountHistory
  /** Up to which minute each shard was read. */
  readonly #read = new Map<string, number>()
  #missing: readonly string[] = []

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#history = new CountHistory(storedIn(storage.sql))
    for (const [name, readMs] of Object.entries(storage.kv.get<Record<string, number>>(KEY) ?? {})) {
      this.#read.set(name, readMs)
    }
  }

  /** Shards that are behind, by what was read last. */
  get missing(): readonly string[] {
    return this.#missing
  }

  sums(key: string, spansMs: readonly number[], endMs: number): Counts[] {
    return this.#history.sums(key, spansMs, endMs)
  }

  /** Reads what was counted up to `endMs`, the end of a minute. Whether any shard answered. */
  async read(telemetry: DurableObjectNamespace, indicators: readonly Indicator[], endMs: number): Promise<boolean> {
    const answers = await askShards(telemetry, (shard, name) => this.#minutesOf(shard, name, indicators, endMs))
    this.#missing = answers.flatMap(({ name, answer }) => (answer ? [] : name))
    const read = answers.flatMap(({ name, answer }) => (answer ? [{ name, minutes: answer }] : []))
    for (const { minutes } of read)
      for (const [startMs, key, counts] of minutes) this.#history.add(startMs, key, counts)
    // What was read and up to where is one fact: a minute that is stored twice would count twice.
    this.#storage.transactionSync(() => {
      this.#store(endMs)
      for (const { name } of read) this.#read.set(name, endMs)
      this.#storage.kv.put(KEY, Object.fromEntries(this.#read))
    })
    return read.length > 0
  }

  /** Nothing is judged for now: what is counted meanwhile is nobody's. */
  rest(): void {
    this.#read.clear()
    this.#storage.kv.delete(KEY)
  }

  async #minutesOf(shard: Shard, name: string, indicators: readonly Indicator[], endMs: number): Promise<Minutes> {
    const fromMs = Math.max(this.#read.get(name) ?? endMs - LIMITS.alertStepMs, endMs - KEPT_STEPS * LIMITS.alertStepMs)
    const count = Math.round((endMs - fromMs) / LIMITS.alertStepMs)
    if (count <= 0) return []
    // One step more: what was counted after the end is none of these minutes'.
    const starts = Array.from({ length: count + 1 }, (_, minute) => fromMs + minute * LIMITS.alertStepMs)
    const kinds = [...new Set(indicators.map(({ of }) => of.kind))]
    const read = kinds.map(async (kind) => {
      const [by, grouped] = kind === "service" ? (["service", byService] as const) : (["rule", byRoute] as const)
      const steps = (await shard.window({ by, starts })).slice(0, count)
      const meant = indicators.filter(({ of }) => of.kind === kind)
      return steps.flatMap((bytes, minute) => {
        const counted = grouped(opened(bytes))
        return meant.map((one) => [starts[minute]!, indicatorKey(one), countsOf(counted, one)] as const)
      })
    })
    return (await Promise.all(read)).flat()
  }

  #store(endMs: number): void {
    const { sql } = this.#storage
    for (const { widthMs, startMs, counts } of this.#history.changed()) {
      sql.exec("INSERT OR REPLACE INTO counts VALUES (?, ?, ?)", widthMs, startMs, JSON.stringify(counts))
    }
    for (const { widthMs, beforeMs } of this.#history.expire(endMs)) {
      sql.exec("DELETE FROM counts WHERE width_ms = ? AND start_ms < ?", widthMs, beforeMs)
    }
  }
}

function opened(bytes: Uint8Array) {
  const series = decode(bytes, Number.MAX_SAFE_INTEGER)
  if ("reason" in series) throw new Error(`its series cannot be read: ${series.reason}`)
  return series
}

function* storedIn(sql: SqlStorage): Generator<StoredStep> {
  const rows = sql.exec<{ width_ms: number; start_ms: number; counts: string }>("SELECT * FROM counts")
  for (const { width_ms: widthMs, start_ms: startMs, counts } of rows) {
    yield { widthMs, startMs, counts: JSON.parse(counts) as StoredStep["counts"] }
  }
}
