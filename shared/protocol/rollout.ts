/** What crosses the boundaries of guarded applies: between control, the root, the `Rollout` object of each, and the isolates. */
import type { RolloutCause, RolloutPhase, RolloutPolicy } from "#shared/model/rollout.ts"

/** What the feed says of a candidate. */
export interface CandidateNews {
  readonly revision: number
  /** Of its snapshot, which is asked for by this. */
  readonly digest: string
  /** Percent of chains that go by it. */
  readonly share: number
}

/** What control asks for with a commit. */
export interface Guard {
  readonly policy: RolloutPolicy
  /** Ids of the routes and services that the change touches; absent: it may touch everything. */
  readonly touches?: readonly string[]
}

/** A guarded apply as the root has it. */
export interface RolloutRecord extends Guard {
  /** The candidate. */
  readonly revision: number
  readonly digest: string
  /** The revision that the other chains go by. */
  readonly stable: number
  readonly phase: RolloutPhase
  readonly stage: number
  /** Percent of chains that go by the candidate. */
  readonly share: number
  readonly startedAtMs: number
  readonly stageSinceMs: number
  /** By then it is over, whoever watches it. */
  readonly endsByMs: number
  /** Requests by the candidate that the stage has seen, and how many of them failed. */
  readonly seen?: { readonly requests: number; readonly failed: number }
  /** Since when nobody can see how it fares. */
  readonly blindSinceMs?: number
  readonly endedAtMs?: number
  /** Why it ended. */
  readonly reason?: string
  /** The revision that undid it. */
  readonly undoneBy?: number
}

/** What the object that watches a candidate says to the root, each time all there is. */
export type RolloutReport = Pick<
  RolloutRecord,
  "revision" | "stage" | "share" | "stageSinceMs" | "seen" | "blindSinceMs"
> & {
  readonly end?: Omit<RolloutEnd, "revision">
}

/** How it ends: by who watches it, or by hand. */
export interface RolloutEnd {
  readonly revision: number
  readonly phase: "promoted" | "undone"
  readonly reason: string
  /** Absent: somebody ended it by hand. */
  readonly cause?: RolloutCause
}
