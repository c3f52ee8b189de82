/**
 * The audit log of a control Worker. Entries are only ever added; one that was begun is completed once. Each outcome has room of
 * its own, so that a flood of refusals, or of failures, pushes nobody's deeds out of the log.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type {
  AuditEnd,
  AuditEntry,
  AuditOutcome,
  AuditQuery,
  AuditRpc,
  AuditSubject,
  Deed,
  Denial,
} from "#shared/protocol/audit.ts"
import { migrate } from "./migrations.ts"

const MIGRATIONS = [
  `CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, at_ms INTEGER NOT NULL,
    who TEXT NOT NULL, operation TEXT NOT NULL, target TEXT, request_id TEXT NOT NULL, address TEXT NOT NULL,
    outcome TEXT NOT NULL, status INTEGER, revision INTEGER, count INTEGER NOT NULL DEFAULT 1, last_at_ms INTEGER
  )`,
  `CREATE INDEX entries_by_room ON entries (room, at_ms)`,
  `ALTER TABLE entries ADD COLUMN deed TEXT`,
  `ALTER TABLE entries ADD COLUMN on_behalf_of TEXT`,
  `ALTER TABLE entries ADD COLUMN reason TEXT`,
  `ALTER TABLE entries ADD COLUMN shown INTEGER`,
  `CREATE UNIQUE INDEX entries_by_deed ON entries (deed) WHERE deed IS NOT NULL`,
]

/**
 * What is crowded out by its like only. What is under way will most likely be done; what there was nothing to do for stands with the
 * failures, so that nobody can push his deeds out by applying the same again and again. What was read stands by itself, however it ended.
 */
type Room = "deeds" | "failures" | "denials" | "reads"

const ROOM_MAX: Readonly<Record<Room, number>> = {
  deeds: LIMITS.auditDeedsMax,
  failures: LIMITS.auditFailuresMax,
  denials: LIMITS.auditDenialsMax,
  reads: LIMITS.auditReadsMax,
}
/** The status of what lasts: a tap, which ends later than it is answered. */
const SWITCHED = 101

/** How many are added to a room before it is looked at whether the oldest have to go. */
const SWEEP_EVERY = 100

type Row = {
  id: number
  at_ms: number
  who: string
  operation: string
  target: string | null
  request_id: string
  address: string
  outcome: AuditOutcome
  status: number | null
  revision: number | null
  count: number
  last_at_ms: number | null
  on_behalf_of: string | null
  reason: string | null
  shown: number | null
}

export class AuditObject extends DurableObject<unknown> implements AuditRpc {
  readonly #sql = this.ctx.storage.sql
  readonly #added: Record<Room, number> = { deeds: 0, failures: 0, denials: 0, reads: 0 }

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env)
    migrate(ctx.storage, MIGRATIONS)
  }

  async begin(subject: AuditSubject, kind?: "read"): Promise<number> {
    return this.#add(kind === "read" ? "reads" : "deeds", subject, { outcome: "unknown" }, Date.now())
  }

  async end(id: number, { outcome, status, target, revision, idle, shown }: AuditEnd): Promise<void> {
    const room: Room = outcome === "failed" || outcome === "denied" || idle ? "failures" : "deeds"
    this.#sql.exec(
      `UPDATE entries SET outcome = ?, room = IIF(room = 'reads', room, ?), status = ?, target = COALESCE(?, target),
         revision = ?, shown = ?, last_at_ms = ?
       WHERE id = ? AND outcome = 'unknown' AND status IS NULL`,
      ...[outcome, room, status, target ?? null, revision ?? null, shown ?? null],
      ...[status === SWITCHED ? Date.now() : null, id],
    )
    if (room === "failures") this.#sweep(room)
  }

  async refused(subject: AuditSubject, end: AuditEnd): Promise<void> {
    this.#add("failures", { ...subject, ...(end.target !== undefined && { target: end.target }) }, end, Date.now())
  }

  async denied(denials: readonly Denial[]): Promise<void> {
    for (const denial of denials.slice(0, 2 * LIMITS.auditDenialKeysMax)) this.#deny(denial)
  }

  async did({ id, who, operation, target, onBehalfOf, reason, revision, atMs }: Deed): Promise<void> {
    this.#sql.exec(
      `INSERT OR IGNORE INTO entries
         (room, at_ms, who, operation, target, request_id, address, outcome, revision, deed, on_behalf_of, reason)
       VALUES ('deeds', ?1, ?2, ?3, ?4, ?5, 'mesh', 'done', ?6, ?5, ?7, ?8)`,
      ...[atMs, who, operation, target, id, revision ?? null, onBehalfOf ?? null, reason],
    )
    this.#sweep("deeds")
  }

  async list(query: AuditQuery): Promise<readonly AuditEntry[]> {
    const { before = Number.MAX_SAFE_INTEGER, who, operation, outcome } = query
    const limit = Math.min(Math.max(query.limit, 1), LIMITS.historyPageMax)
    const rows = this.#sql.exec<Row>(
      `SELECT * FROM entries WHERE id < ?1
       AND (?2 IS NULL OR who = ?2) AND (?3 IS NULL OR operation = ?3) AND (?4 IS NULL OR outcome = ?4)
       AND COALESCE(last_at_ms, at_ms) >= ?5 AND at_ms <= ?6
       ORDER BY id DESC LIMIT ?7`,
      ...[before, who ?? null, operation ?? null, outcome ?? null],
      ...[query.sinceMs ?? 0, query.untilMs ?? Number.MAX_SAFE_INTEGER, limit],
    )
    return [...rows].map(entryOf)
  }

  /** Equal ones of one window are one entry; and where too many addresses are at it, they are one together. */
  #deny(denial: Denial): void {
    const { who, operation, status, count, firstAtMs, lastAtMs } = denial
    const sinceMs = lastAtMs - LIMITS.auditDenialWindowMs
    const recent = this.#sql.exec<{ count: number }>(
      "SELECT COUNT(*) AS count FROM entries WHERE room = 'denials' AND at_ms > ?",
      sinceMs,
    )
    let subject = denial
    let known = this.#denialOf(denial, sinceMs)
    if (known === undefined && recent.one().count >= LIMITS.auditDenialKeysMax) {
      subject = { ...denial, address: "others" }
      known = this.#denialOf(subject, sinceMs)
    }
    if (known !== undefined) {
      this.#countIn(known, denial)
      return
    }
    const { target, requestId, address } = subject
    const about = { who, operation, requestId, address, ...(target !== undefined && { target }) }
    this.#add("denials", about, { outcome: "denied", status, count, lastAtMs }, firstAtMs)
  }

  #denialOf({ who, operation, status, address }: Denial, sinceMs: number): number | undefined {
    const [row] = this.#sql.exec<{ id: number }>(
      `SELECT id FROM entries WHERE room = 'denials' AND at_ms > ? AND who = ? AND operation = ? AND status = ? AND address = ?
       ORDER BY id DESC LIMIT 1`,
      ...[sinceMs, who, operation, status, address],
    )
    return row?.id
  }

  #countIn(id: number, { count, lastAtMs }: Denial): void {
    this.#sql.exec(
      "UPDATE entries SET count = count + ?, last_at_ms = MAX(last_at_ms, ?) WHERE id = ?",
      count,
      lastAtMs,
      id,
    )
  }

  #add(
    room: Room,
    { who, operation, target, requestId, address }: AuditSubject,
    end: { outcome: AuditOutcome; status?: number; revision?: number; count?: number; lastAtMs?: number },
    atMs: number,
  ): number {
    const { id } = this.#sql
      .exec<{ id: number }>(
        `INSERT INTO entries (room, at_ms, who, operation, target, request_id, address, outcome, status, revision, count, last_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
        ...[room, atMs, who, operation, target ?? null, requestId, address, end.outcome],
        ...[end.status ?? null, end.revision ?? null, end.count ?? 1, end.lastAtMs ?? null],
      )
      .one()
    this.#sweep(room)
    return id
  }

  #sweep(room: Room): void {
    if (this.#added[room]++ % SWEEP_EVERY !== 0) return
    this.#sql.exec(
      `DELETE FROM entries WHERE room = ?1
       AND at_ms <= (SELECT at_ms FROM entries WHERE room = ?1 ORDER BY at_ms DESC LIMIT 1 OFFSET ?2)`,
      ...[room, ROOM_MAX[room]],
    )
  }
}

function entryOf(row: Row): AuditEntry {
  return {
    id: row.id,
    atMs: row.at_ms,
    who: row.who,
    operation: row.operation,
    ...(row.target !== null && { target: row.target }),
    requestId: row.request_id,
    address: row.address,
    outcome: row.outcome,
    ...(row.status !== null && { status: row.status }),
    ...(row.revision !== null && { revision: row.revision }),
    ...(row.shown !== null && { shown: row.shown }),
    count: row.count,
    ...(row.last_at_ms !== null && { lastAtMs: row.last_at_ms }),
    ...(row.on_behalf_of !== null && { onBehalfOf: row.on_behalf_of }),
    ...(row.reason !== null && { reason: row.reason }),
  }
}
