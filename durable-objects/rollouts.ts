/**
 * Guarded applies as the root keeps them: at most one is under way. The root is who divides traffic and who undoes; when, an object of
 * its own finds out (rollout.ts), and should that one fall silent, the root undoes by itself: a candidate that nobody watches does
 * not stay.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { RolloutCause, RolloutPhase } from "#shared/model/rollout.ts"
import type { CandidateNews, Guard, RolloutRecord, RolloutReport } from "#shared/protocol/rollout.ts"
import type { Commit } from "#shared/protocol/route-table.ts"
import { shareOf, stageMsMax } from "#shared/rollout/rollout.ts"
import type { Revisions } from "./revisions.ts"

export const ROLLOUTS_SCHEMA = `CREATE TABLE rollouts (
  revision INTEGER PRIMARY KEY, phase TEXT NOT NULL, checks TEXT NOT NULL, record TEXT NOT NULL
)`

/** Who undoes what nobody asked to be undone. */
export const GUARD = "guard"

type Row = { revision: number; phase: RolloutPhase; checks: string; record: string }

/** What has to be done about the one that is under way. */
export type Due =
  | { readonly do: "wake" }
  | { readonly do: "undo"; readonly reason: string; readonly cause: RolloutCause }
  | undefined

export class Rollouts {
  readonly #sql: SqlStorage
  /** When whoever watches was heard of last, by this instance: none has watched it before that was started. */
  #watchedAtMs: number
  #wokenAtMs = Number.NEGATIVE_INFINITY

  constructor(sql: SqlStorage, nowMs: number) {
    this.#sql = sql
    this.#watchedAtMs = nowMs
  }

  get running(): RolloutRecord | undefined {
    return this.#one("WHERE phase = 'running'")
  }

  get newest(): RolloutRecord | undefined {
    return this.#one("ORDER BY revision DESC LIMIT 1")
  }

  /** What undoes it: the content of the revision before it, as it was. Nothing is compiled, so that nothing can go wrong. */
  undoing({ revision, stable }: RolloutRecord, reason: string, revisions: Revisions): Commit {
    const content = revisions.content(stable)
    const undone = revisions.summary(revision)
    if (!content || !undone) throw new Error(`revision ${stable} or ${revision} is missing`)
    const { documents, snapshot, digest } = content
    return {
      ...{ expected: revision, idempotencyKey: `undo-${revision}`, documents, snapshot, digest, rollbackOf: stable },
      ...{ author: GUARD, message: `Revision ${revision} is undone: ${reason}` },
      ...{ added: undone.removed, changed: undone.changed, removed: undone.added },
    }
  }

  feed(): CandidateNews | undefined {
    const { running } = this
    return running && { revision: running.revision, digest: running.digest, share: running.share }
  }

  /** Within the transaction that writes the revision. */
  begin(
    guard: Guard,
    of: Pick<RolloutRecord, "revision" | "digest" | "stable">,
    checks: readonly string[],
    nowMs: number,
  ): void {
    const { policy } = guard
    const longestMs = policy.stages.length * stageMsMax(policy, LIMITS.rolloutLookMs) + LIMITS.rolloutUnwatchedMs
    const record: RolloutRecord = {
      ...{ ...of, ...guard, phase: "running", stage: 0, share: shareOf({ phase: "running", stage: 0 }, policy) },
      ...{ startedAtMs: nowMs, stageSinceMs: nowMs, endsByMs: nowMs + longestMs },
    }
    this.#watchedAtMs = nowMs
    this.#wokenAtMs = Number.NEGATIVE_INFINITY
    this.#sql.exec(
      "INSERT INTO rollouts VALUES (?, ?, ?, ?)",
      of.revision,
      "running",
      JSON.stringify(checks),
      JSON.stringify(record),
    )
  }

  /** What is said of another one than that which is under way says nothing. Whether isolates have to hear of it. */
  heed({ end: _end, ...report }: RolloutReport, nowMs: number): "news" | "nothing" {
    const { running } = this
    if (running?.revision !== report.revision) return "nothing"
    this.#watchedAtMs = nowMs
    // A report that comes late does not take back what a later one said.
    if (report.stage < running.stage) return "nothing"
    const { blindSinceMs: _blind, ...known } = running
    const next = { ...known, ...report }
    if (JSON.stringify(next) !== JSON.stringify(running)) this.#write(next)
    return report.share === running.share ? "nothing" : "news"
  }

  end(
    revision: number,
    end: Required<Pick<RolloutRecord, "phase" | "reason" | "endedAtMs">> & { undoneBy?: number },
  ): void {
    const { running } = this
    if (running?.revision === revision) this.#write({ ...running, ...end })
  }

  due(nowMs: number): Due {
    const { running } = this
    if (!running) return undefined
    const silentMs = nowMs - this.#watchedAtMs
    if (nowMs >= running.endsByMs) return { do: "undo", reason: "it has not come to an end in time", cause: "overdue" }
    if (silentMs >= LIMITS.rolloutUnwatchedMs) {
      const reason = `nobody has watched it for ${Math.round(silentMs / 1000)} s`
      return { do: "undo", reason, cause: "unwatched" }
    }
    const isNew = this.#wokenAtMs === Number.NEGATIVE_INFINITY
    const isSilent = silentMs >= LIMITS.rolloutWakeMs && nowMs - this.#wokenAtMs >= LIMITS.rolloutWakeMs
    if (!isNew && !isSilent) return undefined
    this.#wokenAtMs = nowMs
    return { do: "wake" }
  }

  /** The services whose health checks the candidate changes: they hear of it when it is everybody's. */
  checksOf(revision: number): readonly string[] {
    const [row] = this.#sql.exec<Row>("SELECT * FROM rollouts WHERE revision = ?", revision)
    return row ? (JSON.parse(row.checks) as string[]) : []
  }

  #one(where: string): RolloutRecord | undefined {
    const [row] = this.#sql.exec<Row>(`SELECT * FROM rollouts ${where}`)
    return row && (JSON.parse(row.record) as RolloutRecord)
  }

  #write(record: RolloutRecord): void {
    const values = [record.phase, JSON.stringify(record), record.revision]
    this.#sql.exec("UPDATE rollouts SET phase = ?, record = ? WHERE revision = ?", ...values)
  }
}
