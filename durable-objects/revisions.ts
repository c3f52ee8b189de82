/** Numbered revisions 1, 2, 3 and so on in the root's storage, append-only, and the keys of the commits that made them. */
import { LIMITS } from "#shared/model/limits.ts"
import type { RolloutPhase } from "#shared/model/rollout.ts"
import type { Commit, RevisionContent, RevisionSummary } from "#shared/protocol/route-table.ts"
import { readText, writeText } from "./texts.ts"

export const REVISIONS_SCHEMA = `CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY, digest TEXT NOT NULL, author TEXT NOT NULL, message TEXT NOT NULL,
    at_ms INTEGER NOT NULL, rollback_of INTEGER,
    added INTEGER NOT NULL, changed INTEGER NOT NULL, removed INTEGER NOT NULL
  )`

type Row = {
  revision: number
  digest: string
  author: string
  message: string
  at_ms: number
  rollback_of: number | null
  added: number
  changed: number
  removed: number
  guard: RolloutPhase | null
}

const SUMMARIES = `SELECT revisions.*, rollouts.phase AS guard
  FROM revisions LEFT JOIN rollouts ON rollouts.revision = revisions.revision`

export class Revisions {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** The newest; 0 before the first. */
  get head(): number {
    return this.#sql.exec<{ head: number | null }>("SELECT MAX(revision) AS head FROM revisions").one().head ?? 0
  }

  summary(revision: number): RevisionSummary | undefined {
    const [row] = this.#sql.exec<Row>(`${SUMMARIES} WHERE revisions.revision = ?`, revision)
    return row && summaryOf(row)
  }

  content(revision: number): RevisionContent | undefined {
    const summary = this.summary(revision)
    if (!summary) return undefined
    return { ...summary, documents: readText(this.#sql, revision, "documents"), snapshot: this.snapshot(revision) }
  }

  snapshot(revision: number): string {
    return readText(this.#sql, revision, "snapshot")
  }

  /** Newest first. */
  history(query: { readonly before?: number; readonly limit: number }): readonly RevisionSummary[] {
    const before = query.before ?? Number.MAX_SAFE_INTEGER
    const limit = Math.min(Math.max(query.limit, 1), LIMITS.historyPageMax)
    const rows = this.#sql.exec<Row>(
      `${SUMMARIES} WHERE revisions.revision < ? ORDER BY revisions.revision DESC LIMIT ?`,
      before,
      limit,
    )
    return [...rows].map(summaryOf)
  }

  /** The revision that a commit with this key made. */
  committed(key: string): RevisionSummary | undefined {
    const [row] = this.#sql.exec<{ revision: number }>("SELECT revision FROM commits WHERE idempotency_key = ?", key)
    return row && this.summary(row.revision)
  }

  /** Within a transaction. */
  append(revision: number, commit: Commit, atMs: number): RevisionSummary {
    const { digest, author, message, rollbackOf, added, changed, removed } = commit
    this.#sql.exec(
      "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ...[revision, digest, author, message, atMs, rollbackOf ?? null, added, changed, removed],
    )
    writeText(this.#sql, revision, "documents", commit.documents)
    writeText(this.#sql, revision, "snapshot", commit.snapshot)
    this.#sql.exec("INSERT INTO commits VALUES (?, ?)", commit.idempotencyKey, revision)
    this.#sql.exec("DELETE FROM commits WHERE revision <= ?", revision - LIMITS.idempotencyKeysMax)
    return this.summary(revision)!
  }
}

function summaryOf(row: Row): RevisionSummary {
  const { at_ms: atMs, rollback_of: rollbackOf, guard, ...same } = row
  return { ...same, atMs, ...(rollbackOf !== null && { rollbackOf }), ...(guard !== null && { guard }) }
}
