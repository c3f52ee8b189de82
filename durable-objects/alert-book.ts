/** The alerts of all objectives, and the silences over them, as they stand in storage. */
import type { Severity } from "#shared/model/alerting.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Silence, Silenced } from "#shared/protocol/alerts.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { type Alert, INACTIVE } from "#shared/telemetry/alert.ts"

export const ALERT_BOOK_SCHEMA = [
  `CREATE TABLE alerts (slo TEXT NOT NULL, severity TEXT NOT NULL, alert TEXT NOT NULL, PRIMARY KEY (slo, severity)) WITHOUT ROWID`,
  `CREATE TABLE silences (id TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, silence TEXT NOT NULL) WITHOUT ROWID`,
]

type AlertRow = { slo: string; severity: Severity; alert: string }

export class AlertBook {
  readonly #sql: SqlStorage
  /** As in storage; who is not there is inactive. */
  readonly #alerts = new Map<string, { readonly slo: string; readonly severity: Severity; readonly alert: Alert }>()
  #silences: readonly Silence[]

  constructor(sql: SqlStorage) {
    this.#sql = sql
    for (const { slo, severity, alert } of sql.exec<AlertRow>("SELECT * FROM alerts")) {
      this.#alerts.set(`${slo} ${severity}`, { slo, severity, alert: JSON.parse(alert) as Alert })
    }
    const rows = sql.exec<{ silence: string }>("SELECT silence FROM silences ORDER BY until_ms, id")
    this.#silences = [...rows].map(({ silence }) => JSON.parse(silence) as Silence)
  }

  alert(slo: string, severity: Severity): Alert {
    return this.#alerts.get(`${slo} ${severity}`)?.alert ?? INACTIVE
  }

  all(): readonly { readonly slo: string; readonly severity: Severity; readonly alert: Alert }[] {
    return [...this.#alerts.values()]
  }

  /** What did not change costs no write. */
  keep(slo: string, severity: Severity, alert: Alert): void {
    const before = this.alert(slo, severity)
    if (alert === before || canonicalJson(alert) === canonicalJson(before)) return
    if (alert.state.phase === "inactive") {
      this.forget(slo, severity)
      return
    }
    this.#alerts.set(`${slo} ${severity}`, { slo, severity, alert })
    this.#sql.exec("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?)", slo, severity, JSON.stringify(alert))
  }

  forget(slo: string, severity: Severity): void {
    this.#alerts.delete(`${slo} ${severity}`)
    this.#sql.exec("DELETE FROM alerts WHERE slo = ? AND severity = ?", slo, severity)
  }

  silences(nowMs: number): readonly Silence[] {
    return this.#silences.filter(({ untilMs }) => nowMs < untilMs)
  }

  /** The one that lasts longest, of those over this objective. */
  silenceOf(slo: string, nowMs: number): Silence | undefined {
    const [namespace, name] = slo.split("/")
    return this.silences(nowMs).findLast(
      (one) =>
        (one.namespace === undefined || one.namespace === namespace) && (one.slo === undefined || one.slo === name),
    )
  }

  silence(asked: Omit<Silence, "id" | "createdAtMs">, nowMs: number): Silenced {
    this.#set(this.silences(nowMs))
    this.#sql.exec("DELETE FROM silences WHERE until_ms <= ?", nowMs)
    if (this.#silences.length >= LIMITS.silencesMax) return { outcome: "full" }
    const silence = { id: crypto.randomUUID().slice(0, 8), ...asked, createdAtMs: nowMs }
    this.#sql.exec("INSERT INTO silences VALUES (?, ?, ?)", silence.id, silence.untilMs, JSON.stringify(silence))
    this.#set([...this.#silences, silence])
    return { outcome: "silenced", silence }
  }

  unsilence(id: string, within: readonly string[] | undefined, nowMs: number): Silence | undefined {
    const found = this.silences(nowMs).find((one) => one.id === id)
    const isTheirs = !within || (found?.namespace !== undefined && within.includes(found.namespace))
    if (!found || !isTheirs) return undefined
    this.#sql.exec("DELETE FROM silences WHERE id = ?", id)
    this.#set(this.#silences.filter((one) => one.id !== id))
    return found
  }

  #set(silences: readonly Silence[]): void {
    this.#silences = [...silences].sort((a, b) => a.untilMs - b.untilMs)
  }
}
