/**
 * The alerts of a mesh. Once a minute an alarm reads what was counted, judges every objective by whole minutes, and tells who is to hear; it
 * rings in between where a notification is to be tried again. A mesh without objectives has no alarm.
 *
 *   told of a revision ──► alarm ──► head ──► counts of telemetry ──► judge ──► log, deliveries ──► webhooks
 *                            ▲                                                                        │
 *                            └──────────────────── the next minute, or the next attempt ──────────────┘
 */
import { DurableObject } from "cloudflare:workers"
import { alertingOf } from "#shared/config/resolve-alerting.ts"
import { type Alerting, SEVERITIES, type Severity, type Slo } from "#shared/model/alerting.ts"
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { SloId } from "#shared/model/names.ts"
import type { AlertList, AlertStatus, AlertsRpc, Silence, Silenced, SloStatus } from "#shared/protocol/alerts.ts"
import type { ProberRpc } from "#shared/protocol/health.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import { parseLocalOrigins } from "#shared/std/egress.ts"
import { type Alert, acknowledge, advance, tell } from "#shared/telemetry/alert.ts"
import { type BurnReading, budgetLeft, readBurn, SPANS_MS } from "#shared/telemetry/burn-rate.ts"
import { countedMs, indicatorKey, NO_COUNTS } from "#shared/telemetry/objective.ts"
import { ALERT_BOOK_SCHEMA, AlertBook } from "./alert-book.ts"
import { AlertCounts, COUNTS_SCHEMA } from "./alert-counts.ts"
import { bodyOf, logged } from "./alert-text.ts"
import { DELIVERIES_SCHEMA, Deliveries } from "./deliveries.ts"
import { migrate } from "./migrations.ts"

interface Env {
  readonly ROUTE_TABLE: DurableObjectNamespace
  readonly TELEMETRY: DurableObjectNamespace
  readonly WEFT_LOCAL_ORIGINS?: string
  /** Brings notifications to services of the mesh. */
  readonly PROXY?: ProberRpc
}

const MIGRATIONS = [...COUNTS_SCHEMA, ...ALERT_BOOK_SCHEMA, ...DELIVERIES_SCHEMA]

/** What the object goes by; `judgedMs` is the end of the last minute that was judged. */
interface Kept {
  readonly revision: number
  readonly alerting: Alerting
  readonly judgedMs?: number
}

const KEY = "alerting"
const NOTHING: Kept = { revision: 0, alerting: { slos: [], receivers: [] } }
/** Until the next question after one that found nothing to judge, as while the route table does not answer. */
const RETRY_MS = LIMITS.alertStepMs
/** Until the next question after one that was answered by an older revision than the object was told of. */
const BEHIND_MS = 1_000

export class AlertsObject extends DurableObject<Env> implements AlertsRpc {
  #kept: Kept = this.ctx.storage.kv.get<Kept>(KEY) ?? NOTHING
  /** The newest revision that the object was told of: a round that is under way may not have seen it. */
  #toldRevision = 0
  #parts: { counts: AlertCounts; book: AlertBook; deliveries: Deliveries } | undefined

  async follow(revision: number): Promise<void> {
    if (revision <= this.#kept.revision) return
    this.#toldRevision = revision
    await this.ctx.storage.setAlarm(Date.now())
  }

  async list(): Promise<AlertList> {
    const { alerting, judgedMs } = this.#kept
    if (this.#isNew()) return { slos: [], silences: [], receivers: [], missing: [] }
    const { counts, book, deliveries } = this.#open()
    const nowMs = Date.now()
    return {
      slos: alerting.slos.map((slo) => this.#statusOf(slo, judgedMs ?? 0, nowMs)),
      silences: book.silences(nowMs),
      receivers: alerting.receivers.map(({ id }) => deliveries.statusOf(id)),
      ...(judgedMs !== undefined && { judgedMs }),
      missing: counts.missing,
    }
  }

  async silence(silence: Omit<Silence, "id" | "createdAtMs">): Promise<Silenced> {
    return this.#open().book.silence(silence, Date.now())
  }

  async unsilence(id: string, within?: readonly string[]): Promise<Silence | undefined> {
    return this.#open().book.unsilence(id, within, Date.now())
  }

  async acknowledge({ slo, severity, ...acknowledged }: Parameters<AlertsRpc["acknowledge"]>[0]): Promise<number> {
    const { book } = this.#open()
    let found = 0
    for (const one of severity ? [severity] : SEVERITIES) {
      const next = acknowledge(book.alert(slo, one), acknowledged)
      if (!next) continue
      book.keep(slo, one, next)
      found += 1
    }
    return found
  }

  override async alarm(): Promise<void> {
    // First of all: whatever becomes of this round, there is a next one.
    await this.ctx.storage.setAlarm(Date.now() + RETRY_MS)
    try {
      const { revision } = this.#kept
      const isHeard = await this.#refresh()
      const endMs = lastMinute(Date.now())
      const { judgedMs = 0 } = this.#kept
      if (this.#kept.alerting.slos.length === 0) this.#conclude()
      else if (endMs > judgedMs) await this.#judge(endMs)
      else if (this.#kept.revision !== revision) this.#tellNew(judgedMs)
      const { receivers } = this.#kept.alerting
      const way = { local: parseLocalOrigins(this.env.WEFT_LOCAL_ORIGINS), proxy: this.env.PROXY }
      await this.#open().deliveries.run(receivers, way, Date.now())
      await this.#sleep(isHeard)
    } catch (error) {
      // What is in memory may be ahead of storage, which alone says what was judged and told.
      this.#parts = undefined
      this.#kept = this.ctx.storage.kv.get<Kept>(KEY) ?? NOTHING
      console.error(`weft: alerts could not be judged, and will be within a minute: ${error}`)
    }
  }

  /** Counts, readings and what they come to, of one minute. */
  async #judge(endMs: number): Promise<void> {
    const { counts } = this.#open()
    const { slos } = this.#kept.alerting
    const indicators = [...new Map(slos.map(({ indicator }) => [indicatorKey(indicator), indicator])).values()]
    const heard = await counts.read(this.env.TELEMETRY, indicators, endMs)
    this.ctx.storage.transactionSync(() => {
      for (const slo of slos) {
        const readings = this.#readings(slo, endMs)
        for (const severity of SEVERITIES) {
          const holds = readings.some((reading) => reading.severity === severity && reading.holds)
          // While a shard is behind, that nothing shows is no proof that all is well.
          const isKnown = heard && (holds || counts.missing.length === 0)
          this.#step(slo, severity, isKnown ? holds : undefined, readings, endMs)
        }
      }
      this.#drop(slos, endMs)
      this.#keep({ ...this.#kept, judgedMs: endMs })
    })
  }

  /** Who has just become a receiver of what fires does not wait for the next minute. Nothing is judged anew. */
  #tellNew(judgedMs: number): void {
    this.ctx.storage.transactionSync(() => {
      for (const slo of this.#kept.alerting.slos) {
        const readings = this.#readings(slo, judgedMs)
        for (const severity of SEVERITIES) this.#step(slo, severity, undefined, readings, judgedMs)
      }
    })
  }

  #step(
    slo: Slo,
    severity: Severity,
    holds: boolean | undefined,
    readings: readonly BurnReading[],
    endMs: number,
  ): void {
    const { book, deliveries } = this.#open()
    const before = book.alert(slo.id, severity)
    const state = advance(before.state, holds, slo.forMs, endMs)
    const silence = book.silenceOf(slo.id, Date.now())
    const told = tell({ ...before, state }, { receivers: slo.notify, isSilenced: silence !== undefined, nowMs: endMs })
    if (state.phase !== before.state.phase) logged(slo, severity, state, readings, silence)
    for (const receiver of told.telling?.receivers ?? []) {
      const body = bodyOf({ slo, severity, state, readings, receiver })
      deliveries.add({ receiver, alert: `${slo.id}/${severity}`, body }, Date.now())
    }
    book.keep(slo.id, severity, told.alert)
  }

  /** Alerts of objectives that are gone are over. */
  #drop(slos: readonly Slo[], endMs: number): void {
    const { book, deliveries } = this.#open()
    const ids = new Set<string>(slos.map(({ id }) => id))
    for (const { slo, severity, alert } of book.all()) {
      if (ids.has(slo)) continue
      const { told, state } = alert
      if (told && state.phase === "firing") {
        const ended = { phase: "resolved", sinceMs: state.sinceMs, endedMs: endMs } as const
        for (const receiver of told.receivers) {
          const body = bodyOf({ slo: { id: slo as SloId }, severity, state: ended, readings: [], receiver })
          deliveries.add({ receiver, alert: `${slo}/${severity}`, body }, Date.now())
        }
      }
      book.forget(slo, severity)
    }
  }

  /** Nothing is promised any more. */
  #conclude(): void {
    const { counts } = this.#open()
    this.ctx.storage.transactionSync(() => {
      this.#drop([], Date.now())
      counts.rest()
    })
  }

  /** What the newest revision says. While the route table does not answer, what the last one said; and whether it answered. */
  async #refresh(): Promise<boolean> {
    try {
      const table = this.env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
      const [head, rollout] = await Promise.all([table.head(), table.rollout()])
      // What is under guard may be undone, and then nobody would be told of it.
      const revision = rollout?.phase === "running" ? rollout.stable : head?.revision
      if (revision === undefined || revision === this.#kept.revision) return true
      const content = await table.revision(revision)
      if (!content) return true
      const { resources } = JSON.parse(content.documents) as { resources: Resource[] }
      this.#keep({ ...this.#kept, revision, alerting: alertingOf(resources) })
      return true
    } catch (error) {
      console.warn(`weft: alerts go on by revision ${this.#kept.revision}: ${error}`)
      return false
    }
  }

  /** Until the next minute is over, or the next attempt is due. Who does not know what is promised asks again. */
  async #sleep(isHeard: boolean): Promise<void> {
    const { dueMs } = this.#open().deliveries
    const nowMs = Date.now()
    const isBehind = this.#toldRevision > this.#kept.revision
    const minuteMs = lastMinute(nowMs) + LIMITS.alertStepMs + LIMITS.alertSettleMs
    const wakes = [
      ...(this.#kept.alerting.slos.length > 0 || !isHeard ? [minuteMs] : []),
      ...(dueMs === undefined ? [] : [Math.max(dueMs, nowMs + 1)]),
      ...(isBehind && isHeard ? [nowMs + BEHIND_MS] : []),
    ]
    if (wakes.length === 0) await this.ctx.storage.deleteAlarm()
    else await this.ctx.storage.setAlarm(Math.min(...wakes))
  }

  #readings(slo: Slo, endMs: number): BurnReading[] {
    const sums = this.#open().counts.sums(indicatorKey(slo.indicator), SPANS_MS, endMs)
    const bySpan = new Map(SPANS_MS.map((spanMs, index) => [spanMs, sums[index]!]))
    return readBurn(slo, (spanMs) => bySpan.get(spanMs) ?? NO_COUNTS)
  }

  #statusOf(slo: Slo, judgedMs: number, nowMs: number): SloStatus {
    const { counts, book } = this.#open()
    const { indicator, target, notify, id } = slo
    const readings = this.#readings(slo, judgedMs)
    const [sum = NO_COUNTS] = counts.sums(indicatorKey(indicator), [LIMITS.alertPeriodMs], judgedMs)
    const silence = book.silenceOf(id, nowMs)
    return {
      ...{ id, of: indicator.of, target, notify, ...sum, budgetLeft: budgetLeft(sum, target) },
      ...(indicator.latencyMs !== undefined && { withinMs: countedMs(indicator.latencyMs) }),
      alerts: SEVERITIES.map((severity) => ({
        severity,
        ...shown(book.alert(id, severity), nowMs),
        ...(silence && { silenced: { id: silence.id, untilMs: silence.untilMs } }),
        burn: readings
          .filter((reading) => reading.severity === severity)
          .map(({ factor, longMs, shortMs, long, short, holds }) => ({ factor, longMs, shortMs, long, short, holds })),
      })),
    }
  }

  #keep(next: Kept): void {
    this.#kept = next
    this.ctx.storage.kv.put(KEY, next)
  }

  /** Nobody has ever asked anything of it: who only looks must not leave storage behind. */
  #isNew(): boolean {
    if (this.#parts) return false
    return [...this.ctx.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'counts'")].length === 0
  }

  /** A mesh that promises nothing leaves nothing in storage. */
  #open(): { counts: AlertCounts; book: AlertBook; deliveries: Deliveries } {
    if (this.#parts) return this.#parts
    const { storage } = this.ctx
    migrate(storage, MIGRATIONS)
    this.#parts = {
      counts: new AlertCounts(storage),
      book: new AlertBook(storage.sql),
      deliveries: new Deliveries(storage.sql),
    }
    return this.#parts
  }
}

/** The end of the last minute of which everything is known. */
function lastMinute(nowMs: number): number {
  return Math.floor((nowMs - LIMITS.alertSettleMs) / LIMITS.alertStepMs) * LIMITS.alertStepMs
}

function shown({ state, acknowledged }: Alert, nowMs: number): Omit<AlertStatus, "severity" | "burn"> {
  const { phase } = state
  return {
    phase,
    ...(phase !== "inactive" && { sinceMs: state.sinceMs }),
    ...(phase === "resolved" && { endedMs: state.endedMs }),
    ...(acknowledged && nowMs < acknowledged.untilMs && { acknowledged }),
  }
}
