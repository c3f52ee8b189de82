/** What health checks of the mesh's services found out last: a bounded table, in storage. */
import { LIMITS } from "#shared/model/limits.ts"
import type { HealthNews, HealthRecord, HealthReport } from "#shared/protocol/health.ts"

export const HEALTH_SCHEMA = `CREATE TABLE health (
  service TEXT PRIMARY KEY, generation INTEGER NOT NULL, report TEXT NOT NULL, at_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL
)`

type Row = { report: string; at_ms: number }

export class HealthTable {
  readonly #sql: SqlStorage
  /** As in storage, so that a pull reads none of it. Only this object writes there. */
  #known: readonly HealthRecord[] | undefined

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /**
   * News that come late are none. An object that has lost its storage begins at low generations: it is heard once its last word is over.
   * Whether it says something else than before, or the same again.
   */
  hear(report: HealthReport, nowMs: number): "news" | "again" {
    const before = this.list().find(({ service }) => service === report.service)
    this.#sql.exec(
      `INSERT INTO health VALUES (?, ?, ?, ?, ?) ON CONFLICT (service) DO UPDATE SET generation = excluded.generation,
        report = excluded.report, at_ms = excluded.at_ms, until_ms = excluded.until_ms
        WHERE excluded.generation >= health.generation OR health.until_ms <= excluded.at_ms`,
      ...[report.service, report.generation, JSON.stringify(report), nowMs, nowMs + report.forMs],
    )
    this.#sql.exec(
      "DELETE FROM health WHERE service NOT IN (SELECT service FROM health ORDER BY at_ms DESC LIMIT ?)",
      LIMITS.servicesMax,
    )
    this.#known = undefined
    return before?.generation === report.generation ? "again" : "news"
  }

  forget(service: string): void {
    this.#sql.exec("DELETE FROM health WHERE service = ?", service)
    this.#known = undefined
  }

  list(): readonly HealthRecord[] {
    this.#known ??= [...this.#sql.exec<Row>("SELECT report, at_ms FROM health ORDER BY service")].map((row) => ({
      ...(JSON.parse(row.report) as HealthReport),
      heardAtMs: row.at_ms,
    }))
    return this.#known
  }

  /** What isolates are told: of services that have something to avoid, as long as it was heard lately. */
  feed(nowMs: number): HealthNews[] {
    return this.list().flatMap(({ service, generation, unhealthy, strict, places, forMs, heardAtMs }) => {
      const leftMs = heardAtMs + forMs - nowMs
      if (leftMs <= 0 || (unhealthy.length === 0 && !strict)) return []
      const avoided = unhealthy.map(({ place }) => place)
      return { service, generation, unhealthy: avoided, ...(strict && { known: places }), forMs: leftMs }
    })
  }
}
