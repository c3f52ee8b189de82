/**
 * What isolates of one place counted, once each: `Collector` of shared/telemetry with its storage. A report is acknowledged when it
 * stands in storage, so that whatever becomes of this object nothing acknowledged is lost, and nothing is counted twice when its
 * isolate asks again. Reports that come within a second are stored together: rows are what writing costs.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { SampledHead } from "#shared/model/sample.ts"
import type { OpenTaps, TapBatch } from "#shared/model/tap.ts"
import type { ComparisonQuery, TelemetryReport, WindowQuery } from "#shared/model/telemetry.ts"
import { TAP, type TapRpc } from "#shared/protocol/tap.ts"
import type {
  Comparison,
  ShardVitals,
  TelemetryReply,
  TelemetryRpc,
  TelemetryTotals,
} from "#shared/protocol/telemetry.ts"
import { Collector, candidateIn } from "#shared/telemetry/collector.ts"
import { FIELD } from "#shared/telemetry/series.ts"
import type { StoredSlot } from "#shared/telemetry/slot.ts"
import { Sums } from "#shared/telemetry/sums.ts"
import { cut, type TimedSeries } from "#shared/telemetry/window.ts"
import { encode } from "#shared/telemetry/wire.ts"
import { Heads } from "./heads.ts"
import { exchangesOf, KEPT_MIGRATION, keepExchanges } from "./kept-exchanges.ts"
import { migrate } from "./migrations.ts"

/** Slot 0 is the base: the sums of all slots up to one of them. A row holds 2 MB at most, so that long ones are kept in pieces. */
const MIGRATIONS = [
  `CREATE TABLE slots (
    number INTEGER NOT NULL, piece INTEGER NOT NULL, start_ms INTEGER NOT NULL, about TEXT NOT NULL, series BLOB NOT NULL,
    PRIMARY KEY (number, piece)
  )`,
  KEPT_MIGRATION,
]
const BASE = 0

type SlotRow = { number: number; start_ms: number; about: string; series: ArrayBuffer }

interface TelemetryEnv {
  readonly TAP: DurableObjectNamespace
}

export class TelemetryObject extends DurableObject<TelemetryEnv> implements TelemetryRpc {
  readonly #sql = this.ctx.storage.sql
  readonly #heads = new Heads(this.ctx.storage.kv)
  #collector: Collector | undefined
  #taps: OpenTaps | undefined
  #storing: Promise<void> | undefined
  #storedAtMs = Number.NEGATIVE_INFINITY
  /** How long it takes to hear of each isolate once, at as many reports a second as there should be. */
  #roundMs = 0

  async report(report: TelemetryReport): Promise<TelemetryReply> {
    const nowMs = Date.now()
    const collector = this.#open(nowMs)
    if (collector.isOver(nowMs)) this.#turn(collector, nowMs)
    const outcome = collector.take(report, nowMs)
    if (outcome.outcome === "refused") return outcome
    if (report.recorded && outcome.outcome === "counted") keepExchanges(this.#sql, report.recorded, nowMs)
    if (outcome.outcome === "counted") this.#heads.take(report.heads)
    await this.#stored(collector, nowMs)
    const taps = this.#tapsAt(nowMs)
    const gapMs = Math.min(this.#roundMs, LIMITS.telemetryPaceMsMax)
    return {
      ...{ outcome: "counted", paceMs: Math.max(gapMs, LIMITS.telemetryPaceMs) },
      ...(gapMs > LIMITS.telemetryGapMs && { gapMs }),
      ...(taps && { taps }),
    }
  }

  async recordedOf(traceId: string): Promise<readonly string[]> {
    if (this.#isNew()) return []
    const nowMs = Date.now()
    this.#open(nowMs)
    return exchangesOf(this.#sql, traceId, nowMs)
  }

  /** In memory only: the object of taps says it again every few seconds. */
  async openTaps(open: OpenTaps | undefined): Promise<void> {
    this.#taps = open
  }

  async tapped(batch: TapBatch): Promise<OpenTaps | undefined> {
    this.#taps = await (this.env.TAP.getByName(TAP) as unknown as TapRpc).deliver(batch)
    return this.#tapsAt(Date.now())
  }

  #tapsAt(nowMs: number): OpenTaps | undefined {
    if (this.#taps && nowMs >= this.#taps.untilMs) this.#taps = undefined
    return this.#taps
  }

  async totals(): Promise<TelemetryTotals> {
    const nowMs = Date.now()
    const collector = this.#isNew() ? new Collector(nowMs) : this.#open(nowMs)
    const totals = collector.totals()
    return {
      series: encode(totals),
      createdMs: totals.map(({ createdMs }) => createdMs),
      exemplars: totals.flatMap(({ exemplars }, series) =>
        [...exemplars.values()].map((exemplar) => ({ series, ...exemplar })),
      ),
      tallies: collector.tallies(),
      ...collector.isolates(nowMs),
    }
  }

  async vitals(): Promise<ShardVitals> {
    const nowMs = Date.now()
    const collector = this.#isNew() ? new Collector(nowMs) : this.#open(nowMs)
    const totals = collector.totals()
    return {
      series: totals.length,
      requests: totals.reduce((sum, { numbers }) => sum + numbers[FIELD.requests]!, 0),
      tallies: collector.tallies(),
      ...collector.isolates(nowMs),
    }
  }

  async window(query: WindowQuery): Promise<readonly Uint8Array[]> {
    if (this.#isNew()) return query.starts.map(() => encode([]))
    return cut(this.#since(query.starts[0] ?? 0, this.#open(Date.now())), query).map(encode)
  }

  async compare({ revision, sinceMs }: ComparisonQuery): Promise<Comparison> {
    const [all, candidate] = [new Sums(), new Sums()]
    if (!this.#isNew()) {
      const collector = this.#open(Date.now())
      for (const { series, about } of this.#slots(sinceMs - LIMITS.telemetrySlotMs, collector)) {
        all.addEncoded(series)
        const ofCandidate = candidateIn(about)
        if (ofCandidate?.revision === revision) candidate.addEncoded(ofCandidate.series)
      }
      for (const one of collector.current()) all.add(one)
      const current = collector.candidate()
      if (current?.revision === revision) for (const one of current.series) candidate.add(one)
    }
    return { all: encode(all.series), candidate: encode(candidate.series) }
  }

  async heads(): Promise<readonly SampledHead[]> {
    return this.#isNew() ? [] : this.#heads.list()
  }

  /** Nobody has reported to it: readers ask all shards that there can be, and must not leave storage behind. */
  #isNew(): boolean {
    if (this.#collector) return false
    return [...this.#sql.exec("SELECT name FROM sqlite_master WHERE name = 'slots'")].length === 0
  }

  #open(nowMs: number): Collector {
    if (this.#collector) return this.#collector
    migrate(this.ctx.storage, MIGRATIONS)
    try {
      const [base] = this.#read("number = ?", BASE)
      const through = base ? (JSON.parse(base.about) as { through: number }).through : BASE
      this.#collector = new Collector(nowMs, base, this.#read("number > ?", through))
    } catch (error) {
      // Written by a newer version, before a rollback. Sums begin anew, and say so by when they were created.
      console.error(`weft: telemetry begins anew: ${error}`)
      this.#sql.exec("DELETE FROM slots")
      this.#collector = new Collector(nowMs)
    }
    return this.#collector
  }

  /** Resolves when all that was counted stands in storage. */
  #stored(collector: Collector, nowMs: number): Promise<void> | undefined {
    if (!collector.isDirty) return undefined
    const sinceMs = nowMs - this.#storedAtMs
    if (sinceMs < 0 || sinceMs >= LIMITS.telemetryStoreMs) return this.#store(collector)
    this.#storing ??= scheduler.wait(LIMITS.telemetryStoreMs - sinceMs).then(() => {
      this.#storing = undefined
      this.#store(collector)
    })
    return this.#storing
  }

  #store(collector: Collector): undefined {
    if (!collector.isDirty) return
    this.#storedAtMs = Date.now()
    this.#write({ ...collector.slot, ...collector.stored() })
    collector.kept()
    const { isolates } = collector.isolates(this.#storedAtMs)
    this.#roundMs = Math.ceil((isolates * 1000) / LIMITS.shardReportsPerSecond)
  }

  #turn(collector: Collector, nowMs: number): void {
    this.#store(collector)
    this.#heads.store()
    const { number } = collector.slot
    if (number % LIMITS.telemetryBaseSlots === 0) {
      this.ctx.storage.transactionSync(() => {
        this.#sql.exec("DELETE FROM slots WHERE number = ?", BASE)
        this.#write({ number: BASE, startMs: nowMs, ...collector.base() })
        this.#sql.exec("DELETE FROM slots WHERE number > ? AND number <= ?", BASE, number - LIMITS.telemetrySlots)
      })
    }
    collector.turn(nowMs)
  }

  #write({ number, startMs, about, series }: StoredSlot): void {
    for (let piece = 0; piece === 0 || piece * LIMITS.chunkBytesMax < series.length; piece++) {
      const start = piece * LIMITS.chunkBytesMax
      const bytes = series.slice(start, start + LIMITS.chunkBytesMax).buffer
      const values = [number, piece, startMs, piece === 0 ? about : "", bytes]
      this.#sql.exec("INSERT OR REPLACE INTO slots VALUES (?, ?, ?, ?, ?)", ...values)
    }
  }

  *#since(startMs: number, collector: Collector): Generator<TimedSeries> {
    yield* this.#slots(startMs, collector)
    yield { startMs: collector.slot.startMs, series: collector.current() }
  }

  /** Those that are over, one in memory at a time. */
  *#slots(startMs: number, collector: Collector): Generator<StoredSlot> {
    const numbers = this.#sql.exec<{ number: number }>(
      "SELECT DISTINCT number FROM slots WHERE number > ? AND number < ? AND start_ms >= ?",
      ...[BASE, collector.slot.number, startMs],
    )
    for (const { number } of numbers.toArray()) {
      yield this.#read("number = ?", number)[0]!
    }
  }

  /** In their order, joined from their pieces. */
  #read(where: string, ...values: number[]): StoredSlot[] {
    const rows = this.#sql.exec<SlotRow>(
      `SELECT number, start_ms, about, series FROM slots WHERE ${where} ORDER BY number, piece`,
      ...values,
    )
    const slots: { number: number; startMs: number; about: string; pieces: Uint8Array[] }[] = []
    for (const { number, start_ms, about, series } of rows) {
      const last = slots.at(-1)
      if (last?.number === number) last.pieces.push(new Uint8Array(series))
      else slots.push({ number, startMs: start_ms, about, pieces: [new Uint8Array(series)] })
    }
    return slots.map(({ pieces, ...slot }) => ({ ...slot, series: joined(pieces) }))
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}
