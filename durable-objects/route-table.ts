/**
 * The mesh's source of truth: numbered revisions 1, 2, 3 and so on, append-only, written by compare-and-set on the head.
 * Every answer starts from a read of storage: an object that touches none may be a stale twin and must not speak.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { Published } from "#shared/model/snapshot.ts"
import { decideCommit } from "#shared/propagation/commit.ts"
import { ALERTS, type AlertsRpc } from "#shared/protocol/alerts.ts"
import type { ApiKeyCreation, ApiKeyInfo, ApiKeyNews, ApiKeyRecord, ApiKeyUse } from "#shared/protocol/api-keys.ts"
import type { BreakerStatus } from "#shared/protocol/breaker.ts"
import type { Feed } from "#shared/protocol/feed.ts"
import type { HealthRecord, HealthReport, HealthRpc } from "#shared/protocol/health.ts"
import type { Acknowledgement, Bulletin, Confirmation, RelayStatus, RelayView } from "#shared/protocol/relay.ts"
import {
  type Commit,
  type CommitResult,
  MESH,
  type Pull,
  type PullReply,
  type RevisionContent,
  type RevisionSummary,
  type RouteTableRpc,
} from "#shared/protocol/route-table.ts"
import { Alarm } from "./alarm.ts"
import { ANNOUNCEMENTS_SCHEMA, Announcements } from "./announcements.ts"
import { API_KEYS_SCHEMA, ApiKeyTable } from "./api-keys.ts"
import { HEALTH_SCHEMA, HealthTable } from "./health-news.ts"
import { migrate } from "./migrations.ts"
import { RELAYS_SCHEMA } from "./outbox.ts"
import { Publisher, type PublisherEnv } from "./publisher.ts"
import { Signer } from "./signer.ts"
import { readText, TEXTS_SCHEMA, writeText } from "./texts.ts"
import { VERDICTS_SCHEMA, Verdicts } from "./verdicts.ts"

const MIGRATIONS = [
  `CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY, digest TEXT NOT NULL, author TEXT NOT NULL, message TEXT NOT NULL,
    at_ms INTEGER NOT NULL, rollback_of INTEGER,
    added INTEGER NOT NULL, changed INTEGER NOT NULL, removed INTEGER NOT NULL
  )`,
  TEXTS_SCHEMA,
  `CREATE TABLE commits (idempotency_key TEXT PRIMARY KEY, revision INTEGER NOT NULL)`,
  `CREATE INDEX commits_by_revision ON commits (revision)`,
  VERDICTS_SCHEMA,
  HEALTH_SCHEMA,
  ANNOUNCEMENTS_SCHEMA,
  RELAYS_SCHEMA,
  API_KEYS_SCHEMA,
]

interface Env extends PublisherEnv {
  /** The objects that make health checks; absent where a mesh has none. */
  readonly HEALTH?: DurableObjectNamespace
  /** The object that judges objectives. */
  readonly ALERTS?: DurableObjectNamespace
}

type RevisionRow = {
  revision: number
  digest: string
  author: string
  message: string
  at_ms: number
  rollback_of: number | null
  added: number
  changed: number
  removed: number
}

export class RouteTableObject extends DurableObject<Env> implements RouteTableRpc {
  readonly #storage = this.ctx.storage
  readonly #sql = this.ctx.storage.sql
  readonly #verdicts = new Verdicts(this.ctx.storage.sql)
  readonly #health = new HealthTable(this.ctx.storage.sql)
  readonly #apiKeys = new ApiKeyTable(this.ctx.storage)
  readonly #alarm = new Alarm(this.ctx.storage)
  readonly #announcements = new Announcements(this.ctx.storage.sql, this.#alarm)
  readonly #publisher: Publisher
  readonly #signer = new Signer(this.ctx.storage.kv)
  /** The newest snapshot. Its text never changes, so that only its number is asked of storage. */
  #newest: Published | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    migrate(this.#storage, MIGRATIONS)
    this.#publisher = new Publisher(ctx, env, this.#alarm, {
      head: () => this.#head(),
      newest: () => this.#published(this.#head()),
      feed: (nowMs) => this.#feed(nowMs),
    })
  }

  async head(): Promise<RevisionSummary | undefined> {
    return this.#summary(this.#head())
  }

  async revision(revision: number): Promise<RevisionContent | undefined> {
    const summary = this.#summary(revision)
    if (!summary) return undefined
    const documents = readText(this.#sql, revision, "documents")
    return { ...summary, documents, snapshot: readText(this.#sql, revision, "snapshot") }
  }

  async history(query: { readonly before?: number; readonly limit: number }): Promise<readonly RevisionSummary[]> {
    const before = query.before ?? Number.MAX_SAFE_INTEGER
    const limit = Math.min(Math.max(query.limit, 1), LIMITS.historyPageMax)
    const rows = this.#sql.exec<RevisionRow>(
      "SELECT * FROM revisions WHERE revision < ? ORDER BY revision DESC LIMIT ?",
      before,
      limit,
    )
    return [...rows].map(summaryOf)
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const nowMs = Date.now()
    const result = this.#storage.transactionSync((): CommitResult => {
      const earlier = this.#committed(commit.idempotencyKey)
      const decided = decideCommit(this.#head(), commit.expected, earlier?.revision)
      if (decided.outcome === "repeated") return { outcome: "repeated", revision: earlier! }
      if (decided.outcome === "stale") return decided
      const revision = this.#append(decided.revision, commit, nowMs)
      this.#publisher.announce(nowMs)
      return { outcome: "committed", revision }
    })
    this.#publisher.run(nowMs)
    return result
  }

  consistencyToken(revision: number): Promise<string> {
    return this.#signed(this.#signer.consistencyToken(revision, Date.now()))
  }

  probeTicket(): Promise<string> {
    return this.#signed(this.#signer.ticket(Date.now()))
  }

  async #signed(signing: Promise<string>): Promise<string> {
    const isFirst = this.#signer.publicKey === undefined
    const text = await signing
    if (isFirst) this.#publisher.announceNews(Date.now())
    return text
  }

  async committed(idempotencyKey: string): Promise<RevisionSummary | undefined> {
    return this.#committed(idempotencyKey)
  }

  async pull(pull: Pull): Promise<PullReply> {
    const nowMs = Date.now()
    if (pull.keyUses) this.#apiKeys.note(pull.keyUses, nowMs)
    return this.#publisher.pull(pull, nowMs)
  }

  async confirm(confirmation: Confirmation): Promise<void> {
    this.#publisher.confirm(confirmation, Date.now())
  }

  async text(digest: string): Promise<string | undefined> {
    return this.#publisher.text(digest)
  }

  async follow(relay: string, has: Acknowledgement): Promise<Bulletin> {
    return this.#publisher.follow(relay, has, Date.now())
  }

  async relays(): Promise<readonly RelayStatus[]> {
    return this.#publisher.relays()
  }

  async view(): Promise<RelayView> {
    return this.#publisher.view(this.#summary(this.#head())?.atMs ?? 0, Date.now())
  }

  async hear(status: BreakerStatus): Promise<void> {
    this.#verdicts.hear(status, Date.now())
    this.#publisher.announceNews(Date.now())
  }

  async breakers(): Promise<readonly BreakerStatus[]> {
    return this.#verdicts.list(Date.now())
  }

  async hearHealth(report: HealthReport): Promise<void> {
    const nowMs = Date.now()
    if (this.#health.hear(report, nowMs) === "news") this.#publisher.announceNews(nowMs)
    else if (report.unhealthy.length > 0 || report.strict) this.#publisher.renewNews(nowMs)
  }

  async forgetHealth(service: string): Promise<void> {
    this.#health.forget(service)
    this.#publisher.announceNews(Date.now())
  }

  async health(): Promise<readonly HealthRecord[]> {
    return this.#health.list()
  }

  async createKey(record: ApiKeyRecord): Promise<ApiKeyCreation> {
    const nowMs = Date.now()
    const creation = this.#apiKeys.create(record, nowMs)
    if (creation.outcome === "created") this.#publisher.announceNews(nowMs)
    return creation
  }

  async listKeys(): Promise<readonly ApiKeyInfo[]> {
    return this.#apiKeys.list()
  }

  async revokeKey(id: string): Promise<boolean> {
    const revoked = this.#apiKeys.revoke(id)
    if (revoked) this.#publisher.announceNews(Date.now())
    return revoked
  }

  async keysSince(known: number): Promise<ApiKeyNews | undefined> {
    return this.#apiKeys.newsSince(known)
  }

  async noteKeyUses(uses: readonly ApiKeyUse[]): Promise<void> {
    this.#apiKeys.note(uses, Date.now())
  }

  /** Tells relays what is new, and other objects that a revision concerns them. */
  override async alarm(): Promise<void> {
    this.#alarm.rang()
    this.#publisher.run(Date.now())
    await this.#announcements.run((name, revision) => this.#tell(name, revision), Date.now())
  }

  /** An object that is not there has nothing to be told. */
  async #tell(name: string, revision: number): Promise<void> {
    const { HEALTH, ALERTS: alerts } = this.env
    if (name === ALERTS) await (alerts?.getByName(MESH) as unknown as AlertsRpc | undefined)?.follow(revision)
    else await (HEALTH?.getByName(name) as unknown as HealthRpc | undefined)?.follow({ service: name, revision })
  }

  /** What isolates hear beside their routes: a list for each kind of verdict that has something to say. */
  #feed(nowMs: number): Feed {
    const verdicts = this.#verdicts.feed(nowMs)
    const health = this.#health.feed(nowMs)
    const apiKeys = this.#apiKeys.version
    const { publicKey } = this.#signer
    return {
      ...(verdicts.length > 0 && { verdicts }),
      ...(health.length > 0 && { health }),
      ...(publicKey !== undefined && { consistencyKeys: [publicKey] }),
      ...(apiKeys > 0 && { apiKeys }),
    }
  }

  #head(): number {
    return this.#sql.exec<{ head: number | null }>("SELECT MAX(revision) AS head FROM revisions").one().head ?? 0
  }

  #summary(revision: number): RevisionSummary | undefined {
    const [row] = this.#sql.exec<RevisionRow>("SELECT * FROM revisions WHERE revision = ?", revision)
    return row && summaryOf(row)
  }

  #committed(key: string): RevisionSummary | undefined {
    const [row] = this.#sql.exec<{ revision: number }>("SELECT revision FROM commits WHERE idempotency_key = ?", key)
    return row && this.#summary(row.revision)
  }

  #published(revision: number): Published | undefined {
    if (this.#newest?.revision === revision) return this.#newest
    const summary = this.#summary(revision)
    if (!summary) return undefined
    this.#newest = { revision, digest: summary.digest, text: readText(this.#sql, revision, "snapshot") }
    return this.#newest
  }

  #append(revision: number, commit: Commit, atMs: number): RevisionSummary {
    const { digest, author, message, rollbackOf, added, changed, removed } = commit
    this.#sql.exec(
      "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ...[revision, digest, author, message, atMs, rollbackOf ?? null, added, changed, removed],
    )
    writeText(this.#sql, revision, "documents", commit.documents)
    writeText(this.#sql, revision, "snapshot", commit.snapshot)
    this.#sql.exec("INSERT INTO commits VALUES (?, ?)", commit.idempotencyKey, revision)
    this.#sql.exec("DELETE FROM commits WHERE revision <= ?", revision - LIMITS.idempotencyKeysMax)
    this.#announcements.add(commit.checks ?? [], revision, atMs)
    return this.#summary(revision)!
  }
}

function summaryOf(row: RevisionRow): RevisionSummary {
  const { at_ms: atMs, rollback_of: rollbackOf, ...same } = row
  return { ...same, atMs, ...(rollbackOf !== null && { rollbackOf }) }
}
