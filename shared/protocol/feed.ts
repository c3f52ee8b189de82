/** What isolates hear beside their routes: verdicts of several kinds, each kind a list. Durations in it count from when it was made. */
import type { Verdict } from "./breaker.ts"
import type { HealthNews } from "./health.ts"
import type { CandidateNews } from "./rollout.ts"

/**
 * A kind that is absent has nothing to say. Whoever passes a feed on passes on kinds that he does not know; he says how old it is,
 * and need not look into it.
 */
export interface Feed {
  /** What the breakers say that are not simply closed, and those that closed lately. */
  readonly verdicts?: readonly Verdict[]
  /** The services of which a place is to be avoided. */
  readonly health?: readonly HealthNews[]
  /** The keys, 32 bytes in base64url, that tokens are checked by which ask for a revision. */
  readonly consistencyKeys?: readonly string[]
  /** The version of the list of API keys, which is too long for a feed: who has another one asks for what is new. Absent: 0, no keys. */
  readonly apiKeys?: number
  /** A guarded apply: some chains go by another revision than the newest one that is told. Who does not know of it serves the stable one. */
  readonly candidate?: CandidateNews
}

/** A feed with its place in the order of feeds. */
export interface News {
  /** A higher one is newer; 0 before the first. */
  readonly version: number
  readonly feed: Feed
}

export const NO_NEWS: News = { version: 0, feed: {} }
