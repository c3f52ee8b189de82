/** Recorded exchanges that a shard of telemetry keeps for `weft trace`: the newest ones, for an hour, a row a report. */
import { LIMITS } from "#shared/model/limits.ts"

export const KEPT_MIGRATION = `CREATE TABLE exchanges (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, traces TEXT NOT NULL, records TEXT NOT NULL
)`

const TRACE_ID = /^[0-9a-f]{32}$/

/** What is no record of an exchange, or too long, is left out: isolates may be newer than this code. */
export function keepExchanges(sql: SqlStorage, texts: readonly string[], nowMs: number): void {
  if (!Array.isArray(texts)) return
  const kept = texts.slice(0, LIMITS.keptMax).flatMap((text) => {
    const traceId = traceIdIn(text)
    return traceId === undefined ? [] : [{ text, traceId }]
  })
  if (kept.length === 0) return
  const traces = [...new Set(kept.map(({ traceId }) => traceId))].join(" ")
  const records = `[${kept.map(({ text }) => text).join(",")}]`
  sql.exec("INSERT INTO exchanges (at_ms, traces, records) VALUES (?, ?, ?)", nowMs, traces, records)
  sql.exec("DELETE FROM exchanges WHERE number <= (SELECT max(number) FROM exchanges) - ?", LIMITS.keptReportsMax)
}

export function exchangesOf(sql: SqlStorage, traceId: string, nowMs: number): string[] {
  if (!TRACE_ID.test(traceId)) return []
  const rows = sql.exec<{ records: string }>(
    "SELECT records FROM exchanges WHERE at_ms > ? AND instr(traces, ?) > 0 ORDER BY number",
    nowMs - LIMITS.keptForMs,
    traceId,
  )
  return [...rows].flatMap(({ records }) =>
    (JSON.parse(records) as { trace: { traceId: string } }[])
      .filter(({ trace }) => trace.traceId === traceId)
      .map((record) => JSON.stringify(record)),
  )
}

function traceIdIn(text: string): string | undefined {
  if (typeof text !== "string" || text.length > LIMITS.keptCharsMax) return undefined
  try {
    const { traceId } = (JSON.parse(text) as { trace: { traceId: string } }).trace
    return TRACE_ID.test(traceId) ? traceId : undefined
  } catch {
    return undefined
  }
}
