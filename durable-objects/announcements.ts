/**
 * Which objects are still to be told that a revision concerns them. Written with the revision itself, so that one who dies
 * between the two forgets nobody.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Alarm } from "./alarm.ts"

export const ANNOUNCEMENTS_SCHEMA = `CREATE TABLE announcements (
  service TEXT PRIMARY KEY, revision INTEGER NOT NULL, due_ms INTEGER NOT NULL, tries INTEGER NOT NULL
)`

/** One try for each that is due is made at a time; each that fails waits twice as long as before, an hour at most. */
const WAIT_MS_MAX = 60 * 60 * 1000

export type Tell = (service: string, revision: number) => Promise<void>

export class Announcements {
  readonly #sql: SqlStorage
  readonly #alarm: Alarm

  constructor(sql: SqlStorage, alarm: Alarm) {
    this.#sql = sql
    this.#alarm = alarm
  }

  /** Within the transaction that writes the revision. The alarm is part of it. */
  add(services: readonly string[], revision: number, nowMs: number): void {
    if (services.length === 0) return
    for (const service of services) {
      this.#sql.exec("INSERT OR REPLACE INTO announcements VALUES (?, ?, ?, 0)", service, revision, nowMs)
    }
    this.#setAlarm()
  }

  /** Tells those that are due, and sees to it that the others are told later. */
  async run(tell: Tell, nowMs: number): Promise<void> {
    const due = [
      ...this.#sql.exec<{ service: string; revision: number; tries: number }>(
        "SELECT service, revision, tries FROM announcements WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
        nowMs,
        LIMITS.announcementsMax,
      ),
    ]
    // Before anything can fail: those that are told are struck off, the others are due again.
    for (const { service, tries } of due) {
      const dueMs = nowMs + Math.min(WAIT_MS_MAX, LIMITS.announcementRetryMs * 2 ** tries)
      this.#sql.exec("UPDATE announcements SET due_ms = ?, tries = tries + 1 WHERE service = ?", dueMs, service)
    }
    this.#setAlarm()
    await Promise.all(
      due.map(async ({ service, revision }) => {
        try {
          await tell(service, revision)
          this.#sql.exec("DELETE FROM announcements WHERE service = ? AND revision = ?", service, revision)
        } catch (error) {
          console.warn(`weft: ${service} could not be told of revision ${revision}: ${error}`)
        }
      }),
    )
    this.#setAlarm()
  }

  #setAlarm(): void {
    const { due } = this.#sql.exec<{ due: number | null }>("SELECT MIN(due_ms) AS due FROM announcements").one()
    if (due !== null) this.#alarm.wakeAt(due)
  }
}
