/** What the breakers of the mesh said last: a bounded table of those that are not simply closed. */
import { LIMITS } from "#shared/model/limits.ts"
import type { BreakerStatus, Verdict } from "#shared/protocol/breaker.ts"

export const VERDICTS_SCHEMA = `CREATE TABLE verdicts (
  cluster TEXT PRIMARY KEY, generation INTEGER NOT NULL, status TEXT NOT NULL, at_ms INTEGER NOT NULL
)`

type Row = { status: string; at_ms: number }

export class Verdicts {
  readonly #sql: SqlStorage
  /** As in storage, so that a pull reads none of it. Only this object writes there. */
  #known: { readonly status: BreakerStatus; readonly atMs: number }[] | undefined

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** News that come late are none. */
  hear(status: BreakerStatus, nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO verdicts VALUES (?, ?, ?, ?) ON CONFLICT (cluster) DO UPDATE SET
        generation = excluded.generation, status = excluded.status, at_ms = excluded.at_ms
        WHERE excluded.generation >= verdicts.generation`,
      ...[status.cluster, status.generation, JSON.stringify(status), nowMs],
    )
    this.#sql.exec(
      "DELETE FROM verdicts WHERE json_extract(status, '$.phase') = 'closed' AND at_ms < ?",
      nowMs - LIMITS.verdictClosedMs,
    )
    this.#sql.exec(
      "DELETE FROM verdicts WHERE cluster NOT IN (SELECT cluster FROM verdicts ORDER BY at_ms DESC LIMIT ?)",
      LIMITS.verdictsMax,
    )
    this.#known = undefined
  }

  /** With the rest that is left now. */
  list(nowMs: number): BreakerStatus[] {
    this.#known ??= [...this.#sql.exec<Row>("SELECT status, at_ms FROM verdicts ORDER BY cluster")].map((row) => ({
      status: JSON.parse(row.status) as BreakerStatus,
      atMs: row.at_ms,
    }))
    return this.#known
      .filter(({ status, atMs }) => status.phase !== "closed" || nowMs - atMs <= LIMITS.verdictClosedMs)
      .map(({ status, atMs }) => ({ ...status, restMs: Math.max(0, status.restMs - (nowMs - atMs)) }))
  }

  /** What isolates are told. */
  feed(nowMs: number): Verdict[] {
    return this.list(nowMs).map(({ cluster, generation, phase, restMs }) => ({ cluster, generation, phase, restMs }))
  }
}
