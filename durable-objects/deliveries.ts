/**
 * Notifications on their way to receivers: in storage before the first attempt, and gone from there when they were taken or given up. Who
 * dies in between sends one again under its id. Those of one alert go to a receiver one after the other, in their order.
 */
import type { Receiver } from "#shared/model/alerting.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { ReceiverStatus } from "#shared/protocol/alerts.ts"
import { retryAfterMs } from "#shared/telemetry/notification.ts"
import { send, type Way } from "./webhook.ts"

export const DELIVERIES_SCHEMA = [
  `CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, receiver TEXT NOT NULL, alert TEXT NOT NULL, body TEXT NOT NULL,
    created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, failures INTEGER NOT NULL, because TEXT
  )`,
]

type Row = {
  number: number
  id: string
  receiver: string
  alert: string
  body: string
  created_ms: number
  due_ms: number
  failures: number
  because: string | null
}

export interface NewDelivery {
  readonly receiver: string
  readonly alert: string
  readonly body: string
}

/** The first that waits for each receiver of each alert: those after it wait for it. */
const FIRST = "number IN (SELECT MIN(number) FROM deliveries GROUP BY receiver, alert)"

export class Deliveries {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Within the transaction that keeps what is told. */
  add({ receiver, alert, body }: NewDelivery, nowMs: number): void {
    this.#sql.exec(
      "INSERT INTO deliveries (id, receiver, alert, body, created_ms, due_ms, failures) VALUES (?, ?, ?, ?, ?, ?, 0)",
      ...[`msg_${crypto.randomUUID()}`, receiver, alert, body, nowMs, nowMs],
    )
    const { count } = this.#sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM deliveries").one()
    if (count <= LIMITS.webhooksWaitingMax) return
    this.#sql.exec("DELETE FROM deliveries WHERE number = (SELECT MIN(number) FROM deliveries)")
    console.error("weft: too many notifications wait; the oldest is given up")
  }

  /** When the next attempt is due; undefined when nothing waits. */
  get dueMs(): number | undefined {
    const { due } = this.#sql
      .exec<{ due: number | null }>(`SELECT MIN(due_ms) AS due FROM deliveries WHERE ${FIRST}`)
      .one()
    return due ?? undefined
  }

  /** Makes the attempts that are due, a few at a time. */
  async run(receivers: readonly Receiver[], way: Omit<Way, "nowMs">, nowMs: number): Promise<void> {
    const due = this.#sql.exec<Row>(
      `SELECT * FROM deliveries WHERE due_ms <= ? AND ${FIRST} ORDER BY due_ms, number LIMIT ?`,
      ...[nowMs, LIMITS.webhooksAtOnce],
    )
    await Promise.all(
      due.toArray().map((row) =>
        this.#attempt(
          row,
          receivers.find(({ id }) => id === row.receiver),
          way,
        ),
      ),
    )
  }

  statusOf(receiver: string): ReceiverStatus {
    const rows = this.#sql.exec<Row>("SELECT * FROM deliveries WHERE receiver = ? ORDER BY number", receiver).toArray()
    const [oldest] = rows
    const because = rows.find((row) => row.because !== null)?.because
    return {
      id: receiver,
      waiting: rows.length,
      ...(oldest && { sinceMs: oldest.created_ms }),
      ...(because && { because }),
    }
  }

  async #attempt(row: Row, receiver: Receiver | undefined, way: Omit<Way, "nowMs">): Promise<void> {
    // Nobody wants to hear of it any more.
    if (!receiver) return this.#forget(row)
    // Whoever is killed meanwhile goes on from here.
    const failures = row.failures + 1
    const retryMs = Date.now() + retryAfterMs(failures, Math.random())
    this.#delay(row, failures, retryMs, row.because ?? "it has not answered yet")
    const sent = await send(receiver, row, { ...way, nowMs: Date.now() })
    if (sent.outcome === "taken") return this.#forget(row)
    const isTooOld = Date.now() - row.created_ms >= LIMITS.webhookGivenUpMs
    if (sent.outcome === "refused" || isTooOld) {
      console.error(`weft: a notification for ${row.receiver} is given up: ${sent.because}`)
      return this.#forget(row)
    }
    if (failures === 1) console.warn(`weft: a notification for ${row.receiver} will be sent again: ${sent.because}`)
    const patienceMs = Math.min(sent.afterMs ?? 0, LIMITS.webhookRetryMsMax)
    this.#delay(row, failures, Math.max(retryMs, Date.now() + patienceMs), sent.because)
  }

  #delay({ number }: Row, failures: number, dueMs: number, because: string): void {
    this.#sql.exec(
      "UPDATE deliveries SET failures = ?, due_ms = ?, because = ? WHERE number = ?",
      ...[failures, Math.ceil(dueMs), because, number],
    )
  }

  #forget({ number }: Row): void {
    this.#sql.exec("DELETE FROM deliveries WHERE number = ?", number)
  }
}
