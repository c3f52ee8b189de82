/** What crosses the boundary between the root (the `RouteTable` object), the `Relay` objects of the regions, and the isolates. */
import type { ApiKeyNews } from "./api-keys.ts"
import type { News } from "./feed.ts"
import type { IsolateStatus, Pull, PullReply } from "./route-table.ts"

/** The newest revision by its number and digest; number 0 for none yet. */
export interface Head {
  readonly revision: number
  /** SHA-256 of the snapshot's canonical text, lower-case hex; empty for none. */
  readonly digest: string
}

export const NO_HEAD: Head = { revision: 0, digest: "" }

/** What the root tells a relay: always all that there is to know, so that none depends on one before. */
export interface Bulletin {
  readonly head: Head
  /** The head's snapshot; absent when the relay has said that it has one of this digest. */
  readonly text?: string
  readonly news: News
}

/** What a relay has. The answer to a push, and part of a question. */
export interface Acknowledgement extends Head {
  readonly news: number
  /** Nobody has asked the relay for a while: it needs to be told no more, until it asks. */
  readonly idle: boolean
}

/** An isolate has taken a revision up, or refused it: said at once, so that convergence is known when it is there. */
export type Confirmation = Pick<Pull, "isolate" | "serving" | "refused" | "leaseMs">

/** A relay as it sees itself. */
export interface RelayView extends Head {
  /** By its own clock; all times here are. */
  readonly atMs: number
  /** It has heard of every isolate that asks it since then; absent: always. */
  readonly watchingSinceMs?: number
  /** Since when the relay has this revision. */
  readonly sinceMs: number
  readonly isolates: readonly IsolateStatus[]
  /** Requests of its isolates, within the last minute, that were served by an older revision than they were promised. */
  readonly floorsMissed: number
}

/** A relay as the root sees it. */
export interface RelayStatus {
  readonly name: string
  /** The newest revision that the relay said it has. */
  readonly acknowledged: number
  readonly acknowledgedAtMs: number
  /** Pushes in a row that it did not take. */
  readonly failures: number
}

/** What isolates ask: a relay, or the root itself. */
export interface SourceRpc {
  pull(pull: Pull): Promise<PullReply>
  confirm(confirmation: Confirmation): Promise<void>
  /** The snapshot of this digest, if it is the newest. */
  text(digest: string): Promise<string | undefined>
  /** What is new about API keys to who knows their list at this version; undefined: nothing, or nobody knows. */
  keysSince(known: number): Promise<ApiKeyNews | undefined>
}

export interface RelayRpc extends SourceRpc {
  push(bulletin: Bulletin): Promise<Acknowledgement>
  view(): Promise<RelayView>
}
