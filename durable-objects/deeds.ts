/**
 * What an object did by itself and the audit log has not heard of yet. Written with the deed, so that one who dies between the two
 * forgets nothing; told until it is heard, and the log takes each once.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { AUDIT, type AuditRpc, type Deed } from "#shared/protocol/audit.ts"

export const DEEDS_SCHEMA = `CREATE TABLE deeds (
  id TEXT PRIMARY KEY, deed TEXT NOT NULL, due_ms INTEGER NOT NULL, tries INTEGER NOT NULL
)`

/** Each that fails waits twice as long as before, an hour at most. */
const WAIT_MS_MAX = 60 * 60 * 1000

export interface DeedsEnv {
  /** Absent in a mesh whose objects are bound by hand: then its deeds are in the Worker's log alone. */
  readonly AUDIT?: DurableObjectNamespace
}

export class Deeds {
  readonly #sql: SqlStorage
  readonly #env: DeedsEnv

  constructor(sql: SqlStorage, env: DeedsEnv) {
    this.#sql = sql
    this.#env = env
  }

  /** Within the transaction that does it. Whoever adds sees to it that `run` is called, now and when `dueMs` says. */
  add(deed: Deed): void {
    if (!this.#env.AUDIT) {
      console.log(JSON.stringify({ message: "the mesh did something by itself", ...deed }))
      return
    }
    this.#sql.exec("INSERT OR IGNORE INTO deeds VALUES (?, ?, ?, 0)", deed.id, JSON.stringify(deed), deed.atMs)
  }

  /** When the next one is to be told; undefined when all were heard. */
  get dueMs(): number | undefined {
    return this.#sql.exec<{ due: number | null }>("SELECT MIN(due_ms) AS due FROM deeds").one().due ?? undefined
  }

  /** Never rejects. */
  async run(nowMs: number): Promise<void> {
    const due = [
      ...this.#sql.exec<{ id: string; deed: string; tries: number }>(
        "SELECT id, deed, tries FROM deeds WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
        nowMs,
        LIMITS.announcementsMax,
      ),
    ]
    for (const { id, tries } of due) {
      const dueMs = nowMs + Math.min(WAIT_MS_MAX, LIMITS.announcementRetryMs * 2 ** tries)
      this.#sql.exec("UPDATE deeds SET due_ms = ?, tries = tries + 1 WHERE id = ?", dueMs, id)
    }
    const log = this.#env.AUDIT?.getByName(AUDIT) as unknown as AuditRpc | undefined
    for (const { id, deed } of due) {
      try {
        await log?.did(JSON.parse(deed) as Deed)
        this.#sql.exec("DELETE FROM deeds WHERE id = ?", id)
      } catch (error) {
        console.warn(`weft: the audit log was not told of ${id}: ${error}`)
      }
    }
  }
}
