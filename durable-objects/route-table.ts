/**
 * The mesh's source of truth: numbered revisions 1, 2, 3 and so on, append-only, written by compare-and-set on the head.
 * Every answer starts from a read of storage: an object that touches none may be a stale twin and must not speak.
 */
import { DurableObject } from "cloudflare:workers"
import type { Published } from "#shared/model/snapshot.ts"
import { decideCommit } from "#shared/propagation/commit.ts"
import { ALERTS, type AlertsRpc } from "#shared/protocol/alerts.ts"
import type { ApiKeyCreation, ApiKeyInfo, ApiKeyNews, ApiKeyRecord, ApiKeyUse } from "#shared/protocol/api-keys.ts"
import type { BreakerStatus } from "#shared/protocol/breaker.ts"
import type { Feed } from "#shared/protocol/feed.ts"
import type { HealthRecord, HealthReport, HealthRpc } from "#shared/protocol/health.ts"
import type { Acknowledgement, Bulletin, Confirmation, RelayStatus, RelayView } from "#shared/protocol/relay.ts"
import type { RolloutEnd, RolloutRecord, RolloutReport } from "#shared/protocol/rollout.ts"
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
import { DEEDS_SCHEMA, Deeds, type DeedsEnv } from "./deeds.ts"
import { Guard } from "./guard.ts"
import { HEALTH_SCHEMA, HealthTable } from "./health-news.ts"
import { migrate } from "./migrations.ts"
import { RELAYS_SCHEMA } from "./outbox.ts"
import { Publisher, type PublisherEnv } from "./publisher.ts"
import { REVISIONS_SCHEMA, Revisions } from "./revisions.ts"
import { ROLLOUTS_SCHEMA, Rollouts } from "./rollouts.ts"
import { Signer } from "./signer.ts"
import { TEXTS_SCHEMA } from "./texts.ts"
import { VERDICTS_SCHEMA, Verdicts } from "./verdicts.ts"

const MIGRATIONS = [
  REVISIONS_SCHEMA,
  TEXTS_SCHEMA,
  `CREATE TABLE commits (idempotency_key TEXT PRIMARY KEY, revision INTEGER NOT NULL)`,
  `CREATE INDEX commits_by_revision ON commits (revision)`,
  VERDICTS_SCHEMA,
  HEALTH_SCHEMA,
  ANNOUNCEMENTS_SCHEMA,
  RELAYS_SCHEMA,
  API_KEYS_SCHEMA,
  ROLLOUTS_SCHEMA,
  DEEDS_SCHEMA,
]

interface Env extends PublisherEnv, DeedsEnv {
  /** The objects that make health checks; absent where a mesh has none. */
  readonly HEALTH?: DurableObjectNamespace
  /** The object that judges objectives. */
  readonly ALERTS?: DurableObjectNamespace
  /** The objects that watch guarded applies; absent where there are none: what is under guard is undone then. */
  readonly ROLLOUT?: DurableObjectNamespace
}

export class RouteTableObject extends DurableObject<Env> implements RouteTableRpc {
  readonly #storage = this.ctx.storage
  readonly #revisions = new Revisions(this.ctx.storage.sql)
  readonly #rollouts = new Rollouts(this.ctx.storage.sql, Date.now())
  readonly #verdicts = new Verdicts(this.ctx.storage.sql)
  readonly #health = new HealthTable(this.ctx.storage.sql)
  readonly #apiKeys = new ApiKeyTable(this.ctx.storage)
  readonly #alarm = new Alarm(this.ctx.storage)
  readonly #announcements = new Announcements(this.ctx.storage.sql, this.#alarm)
  readonly #deeds = new Deeds(this.ctx.storage.sql, this.env)
  readonly #publisher: Publisher
  readonly #guard: Guard
  readonly #signer = new Signer(this.ctx.storage.kv)
  /** The newest snapshot. Its text never changes, so that only its number is asked of storage. */
  #newest: Published | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    migrate(this.#storage, MIGRATIONS)
    this.#publisher = new Publisher(ctx, env, this.#alarm, {
      head: () => this.#stable(),
      newest: () => this.#published(this.#stable()),
      feed: (nowMs) => this.#feed(nowMs),
    })
    this.#guard = new Guard(this.#rollouts, {
      ...{ ctx, watchers: env.ROLLOUT, revisions: this.#revisions, announcements: this.#announcements },
      ...{ publisher: this.#publisher, alarm: this.#alarm, deeds: this.#deeds },
    })
  }

  async head(): Promise<RevisionSummary | undefined> {
    return this.#revisions.summary(this.#revisions.head)
  }

  async revision(revision: number): Promise<RevisionContent | undefined> {
    return this.#revisions.content(revision)
  }

  async history(query: { readonly before?: number; readonly limit: number }): Promise<readonly RevisionSummary[]> {
    return this.#revisions.history(query)
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const nowMs = Date.now()
    const result = this.#storage.transactionSync((): CommitResult => {
      const earlier = this.#revisions.committed(commit.idempotencyKey)
      const { head } = this.#revisions
      const decided = decideCommit(head, commit.expected, earlier?.revision)
      if (decided.outcome === "repeated") return { outcome: "repeated", revision: earlier! }
      if (decided.outcome === "stale") return decided
      const { running } = this.#rollouts
      if (running && !commit.overrules) return { outcome: "guarded", revision: running.revision }
      const revision = decided.revision
      const reason = `revision ${revision} by ${commit.author} took its place`
      if (running)
        this.#rollouts.end(running.revision, { phase: "superseded", reason, endedAtMs: nowMs, undoneBy: revision })
      const { digest, guard, checks = [] } = commit
      const isGuarded = guard !== undefined && head > 0
      if (isGuarded) this.#rollouts.begin(guard, { revision, digest, stable: head }, checks, nowMs)
      else this.#announcements.add(checks, revision, nowMs)
      this.#publisher.announce(nowMs)
      return { outcome: "committed", revision: this.#revisions.append(revision, commit, nowMs) }
    })
    if (result.outcome === "committed" && (commit.guard || commit.overrules)) this.#publisher.announceNews(nowMs)
    else this.#publisher.run(nowMs)
    this.#guard.run(nowMs)
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
    return this.#revisions.committed(idempotencyKey)
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
    const { running } = this.#rollouts
    return running?.digest === digest ? this.#revisions.snapshot(running.revision) : this.#publisher.text(digest)
  }

  async follow(relay: string, has: Acknowledgement): Promise<Bulletin> {
    return this.#publisher.follow(relay, has, Date.now())
  }

  async relays(): Promise<readonly RelayStatus[]> {
    return this.#publisher.relays()
  }

  async view(): Promise<RelayView> {
    return this.#publisher.view(this.#revisions.summary(this.#stable())?.atMs ?? 0, Date.now())
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

  async rollout(): Promise<RolloutRecord | undefined> {
    return this.#rollouts.newest
  }

  async heed(report: RolloutReport): Promise<RolloutRecord | undefined> {
    return this.#guard.heed(report, Date.now())
  }

  async settle(end: RolloutEnd): Promise<RolloutRecord | undefined> {
    return this.#guard.end(end, Date.now())
  }

  /** Tells relays what is new, and other objects that a revision concerns them. */
  override async alarm(): Promise<void> {
    this.#alarm.rang()
    this.#publisher.run(Date.now())
    this.#guard.run(Date.now())
    await this.#announcements.run((name, revision) => this.#tell(name, revision), Date.now())
    await this.#deeds.run(Date.now())
    const { dueMs } = this.#deeds
    if (dueMs !== undefined) this.#alarm.wakeAt(dueMs)
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
    const candidate = this.#rollouts.feed()
    const { publicKey } = this.#signer
    return {
      ...(verdicts.length > 0 && { verdicts }),
      ...(health.length > 0 && { health }),
      ...(publicKey !== undefined && { consistencyKeys: [publicKey] }),
      ...(apiKeys > 0 && { apiKeys }),
      ...(candidate && { candidate }),
    }
  }

  /** The revision that isolates are told is the newest: one under guard is not everybody's. */
  #stable(): number {
    return this.#rollouts.running?.stable ?? this.#revisions.head
  }

  #published(revision: number): Published | undefined {
    if (this.#newest?.revision === revision) return this.#newest
    const summary = this.#revisions.summary(revision)
    if (!summary) return undefined
    this.#newest = { revision, digest: summary.digest, text: this.#revisions.snapshot(revision) }
    return this.#newest
  }
}
