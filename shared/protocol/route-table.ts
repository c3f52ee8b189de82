/** What crosses the boundary between the control Worker, the proxies and the `RouteTable` object. */
import type { Published } from "#shared/model/snapshot.ts"
import type { BreakerStatus, Verdict } from "./breaker.ts"
import type { HealthNews, HealthRecord, HealthReport } from "./health.ts"

/** The name under which a control Worker's one mesh is kept: `env.ROUTE_TABLE.getByName(MESH)`. */
export const MESH = "mesh"

/** A revision without its content. */
export interface RevisionSummary {
  readonly revision: number
  /** SHA-256 of the snapshot's canonical text, lower-case hex. */
  readonly digest: string
  /** Who applied it: a token's name. */
  readonly author: string
  readonly message: string
  readonly atMs: number
  /** The revision whose content was restored, when this one is a rollback. */
  readonly rollbackOf?: number
  /** How many services, routes were added, changed, removed against the revision before. */
  readonly added: number
  readonly changed: number
  readonly removed: number
}

/** A revision with its content: the documents as resources, and the snapshot compiled from them, both canonical JSON. */
export interface RevisionContent extends RevisionSummary {
  readonly documents: string
  readonly snapshot: string
}

export interface Commit {
  /** The head the content was made from; the commit is refused as `stale` when the head has moved on. 0 = no revision yet. */
  readonly expected: number
  /** Repeating a commit with the same key returns the first one's revision and does nothing. */
  readonly idempotencyKey: string
  readonly documents: string
  readonly snapshot: string
  readonly digest: string
  readonly author: string
  readonly message: string
  readonly rollbackOf?: number
  readonly added: number
  readonly changed: number
  readonly removed: number
  /** The services whose health checks the commit begins, changes or ends: their objects are told of it, in the end. */
  readonly checks?: readonly string[]
}

export type CommitResult =
  | { readonly outcome: "committed"; readonly revision: RevisionSummary }
  /** The key was seen before: the revision it made then. */
  | { readonly outcome: "repeated"; readonly revision: RevisionSummary }
  /** Somebody else was faster; nothing was written. */
  | { readonly outcome: "stale"; readonly head: number }

/** A proxy isolate asks for what is newer than what it has, and says by the same call what it serves. */
export interface Pull {
  /** Random id of the isolate, for status and convergence. */
  readonly isolate: string
  /** The revision the isolate serves; 0 = none. */
  readonly serving: number
  /** The newest revision the isolate refused to serve, and why (xDS: NACK). */
  readonly refused?: { readonly revision: number; readonly reason: string }
  /** The names of the proxy's own service bindings, so that control can say which services nobody binds. */
  readonly bindings?: readonly string[]
  /** At most `LIMITS.outliersMax`. */
  readonly outliers?: readonly OutlierReport[]
  /** Since its last pull the isolate has only made health checks: it counts for nobody who waits for traffic to be served. */
  readonly idle?: true
}

/** An endpoint that a proxy isolate found worse than its peers: ejected, or why it was not. */
export interface OutlierReport {
  /** `default/orders`, `default/orders/v2`. */
  readonly cluster: string
  /** A URL, or what a binding is called. */
  readonly endpoint: string
  readonly ejected: boolean
  /** What was found, in Envoy's words: `consecutive_5xx`. */
  readonly because: string
  readonly untilMs?: number
}

export interface PullReply {
  readonly newer: Published | undefined
  /** What the breakers say that are not simply closed; absent when all are. */
  readonly verdicts?: readonly Verdict[]
  /** The services of which a place is to be avoided; absent when there is none. */
  readonly health?: readonly HealthNews[]
}

/** A proxy isolate as the object last saw it. Kept in memory only: a convenience, not a record. */
export interface IsolateStatus {
  readonly isolate: string
  readonly serving: number
  readonly refused?: { readonly revision: number; readonly reason: string }
  readonly seenAtMs: number
  readonly bindings?: readonly string[]
  readonly outliers?: readonly OutlierReport[]
}

export interface RouteTableRpc {
  /** The newest revision, or undefined before the first. */
  head(): Promise<RevisionSummary | undefined>
  revision(revision: number): Promise<RevisionContent | undefined>
  /** Newest first, below `before` (exclusive) when given. `limit` 1 to 200. */
  history(query: { readonly before?: number; readonly limit: number }): Promise<readonly RevisionSummary[]>
  commit(commit: Commit): Promise<CommitResult>
  /** The revision that a commit with this key made; undefined when there is none, or it is too long ago. */
  committed(idempotencyKey: string): Promise<RevisionSummary | undefined>
  pull(pull: Pull): Promise<PullReply>
  isolates(): Promise<readonly IsolateStatus[]>
  /** A breaker's news, for the feed. */
  hear(status: BreakerStatus): Promise<void>
  breakers(): Promise<readonly BreakerStatus[]>
  /** What health checks found out, for the feed. */
  hearHealth(report: HealthReport): Promise<void>
  /** A service's checks have ended. */
  forgetHealth(service: string): Promise<void>
  health(): Promise<readonly HealthRecord[]>
}
