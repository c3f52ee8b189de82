/** What crosses the boundary between the control Worker, the proxies and the `RouteTable` object. */
import type { RolloutPhase } from "#shared/model/rollout.ts"
import type { ApiKeysRpc, ApiKeyUse } from "./api-keys.ts"
import type { BreakerStatus } from "./breaker.ts"
import type { Feed } from "./feed.ts"
import type { HealthRecord, HealthReport } from "./health.ts"
import type { Acknowledgement, Bulletin, RelayStatus, RelayView, SourceRpc } from "./relay.ts"
import type { Guard, RolloutEnd, RolloutRecord, RolloutReport } from "./rollout.ts"

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
  /** What became of it, when it was applied under guard. */
  readonly guard?: RolloutPhase
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
  /**
   * The services whose health checks the commit begins, changes or ends, and `ALERTS` when it concerns those: their objects are told
   * of it, in the end.
   */
  readonly checks?: readonly string[]
  /** It goes out in stages, and is undone when it fares worse. Without a revision before there is nothing to guard. */
  readonly guard?: Guard
  /** It ends a guarded apply that is under way; without this, it has to wait. */
  readonly overrules?: boolean
}

export type CommitResult =
  | { readonly outcome: "committed"; readonly revision: RevisionSummary }
  /** The key was seen before: the revision it made then. */
  | { readonly outcome: "repeated"; readonly revision: RevisionSummary }
  /** Somebody else was faster; nothing was written. */
  | { readonly outcome: "stale"; readonly head: number }
  /** This revision is under guard, and what came now could not be told from it; nothing was written. */
  | { readonly outcome: "guarded"; readonly revision: number }

/** A proxy isolate asks for what is newer than what it has, and says by the same call what it serves. */
export interface Pull {
  /** Random id of the isolate, for status and convergence. */
  readonly isolate: string
  /** The revision the isolate serves; 0 = none. */
  readonly serving: number
  /** The digest of what it serves, empty for none. Absent: an older proxy, which wants each snapshot's text in the answer. */
  readonly digest?: string
  /** A revision below this one is of no use to the isolate. */
  readonly atLeast?: number
  /** The isolate's own lease, where it is not `LIMITS.snapshotLeaseMs`. */
  readonly leaseMs?: number
  /** Over how many relays the isolate takes its region's isolates to be spread; absent: 1. */
  readonly spread?: number
  /** Requests since the last pull that were served by an older revision than they were promised. */
  readonly floorsMissed?: number
  /** The newest revision the isolate refused to serve, and why (xDS: NACK). */
  readonly refused?: RefusedRevision
  /** The names of the proxy's own service bindings, so that control can say which services nobody binds. */
  readonly bindings?: readonly string[]
  /** At most `LIMITS.outliersMax`. */
  readonly outliers?: readonly OutlierReport[]
  /** Since its last pull the isolate has only made health checks: it counts for nobody who waits for traffic to be served. */
  readonly idle?: true
  /** Keys that were used since its last pull; at most `LIMITS.apiKeyUsesMax`. */
  readonly keyUses?: readonly ApiKeyUse[]
}

export interface RefusedRevision {
  readonly revision: number
  readonly reason: string
  /** It may be whole where it came from. */
  readonly damaged?: true
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

export interface PullReply extends Feed {
  readonly newer: Newer | undefined
  /** How old the feed is; absent: not at all. */
  readonly ageMs?: number
  /** There is no feed: who answers has not heard of the root since it was started. */
  readonly unheard?: true
  /** What the isolate is to take for the spread from now on. */
  readonly spread?: number
}

export interface Newer {
  readonly revision: number
  readonly digest: string
  /** Absent when the isolate has a snapshot of this digest, or when it is so large that it is better asked for by digest. */
  readonly text?: string
}

/** A proxy isolate as the object last saw it. Kept in memory only: a convenience, not a record. */
export interface IsolateStatus {
  readonly isolate: string
  readonly serving: number
  readonly refused?: { readonly revision: number; readonly reason: string }
  readonly seenAtMs: number
  /** Since when it serves this revision, as far as is known. */
  readonly servingSinceMs?: number
  readonly leaseMs?: number
  /** The relay that it asks; absent: it asks the root itself. */
  readonly relay?: string
  readonly bindings?: readonly string[]
  readonly outliers?: readonly OutlierReport[]
}

export interface RouteTableRpc extends SourceRpc, ApiKeysRpc {
  /** The newest revision, or undefined before the first. */
  head(): Promise<RevisionSummary | undefined>
  revision(revision: number): Promise<RevisionContent | undefined>
  /** Newest first, below `before` (exclusive) when given. `limit` 1 to 200. */
  history(query: { readonly before?: number; readonly limit: number }): Promise<readonly RevisionSummary[]>
  commit(commit: Commit): Promise<CommitResult>
  /** The revision that a commit with this key made; undefined when there is none, or it is too long ago. */
  committed(idempotencyKey: string): Promise<RevisionSummary | undefined>
  /** Lets whoever shows it ask for this revision or a newer one, for `LIMITS.consistencyTokenMs`. */
  consistencyToken(revision: number): Promise<string>
  /** Lets whoever shows it ask proxies what they received of him, for `LIMITS.probeTicketMs`. */
  probeTicket(): Promise<string>
  /** A relay asks for what is newer than what it has; from then on it is told by itself. */
  follow(relay: string, has: Acknowledgement): Promise<Bulletin>
  relays(): Promise<readonly RelayStatus[]>
  /** The root as a relay: of isolates that ask it directly. */
  view(): Promise<RelayView>
  /** A breaker's news, for the feed. */
  hear(status: BreakerStatus): Promise<void>
  breakers(): Promise<readonly BreakerStatus[]>
  /** What health checks found out, for the feed. */
  hearHealth(report: HealthReport): Promise<void>
  /** A service's checks have ended. */
  forgetHealth(service: string): Promise<void>
  health(): Promise<readonly HealthRecord[]>
  /** The guarded apply that is under way, or the last one. */
  rollout(): Promise<RolloutRecord | undefined>
  /** Whoever watches the candidate says how it fares, and that he still does; the record as it is then. */
  heed(report: RolloutReport): Promise<RolloutRecord | undefined>
  /** Somebody ends the guarded apply by himself; undefined when none of this revision is under way. */
  settle(end: RolloutEnd): Promise<RolloutRecord | undefined>
}
