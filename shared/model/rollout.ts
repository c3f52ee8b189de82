/** A guarded apply: a candidate revision that a share of request chains goes by, watched, and then everybody's, or undone. */

/** How far and how fast a candidate goes out. */
export interface RolloutPolicy {
  /** Percent of all chains, ascending; the last is 100. */
  readonly stages: readonly number[]
  /** How long a stage lasts at least. */
  readonly holdMs: number
  /** Requests by the candidate that a stage wants to have seen before it ends. */
  readonly requestsMin: number
  /** How much longer than `holdMs` a stage waits for them. */
  readonly patienceMs: number
  /** What becomes of it when they have not come by then. */
  readonly tooFew: TooFew
  /** Undone when telemetry has not answered for so long. */
  readonly blindMs: number
}

/**
 * When a stage has not seen the requests that it takes: `undo`, since what was not seen to work is not let out; `advance`, to the next
 * stage, and after the last one to everybody.
 */
export type TooFew = "undo" | "advance"

/** What may be asked for; all has a default. */
export interface GuardRequest {
  /** Percent of chains, ascending; 100 comes last, said or not. */
  readonly stages?: readonly number[]
  /** How long a stage lasts at least. */
  readonly holdSeconds?: number
  /** How many requests by the candidate it takes to go on. */
  readonly requests?: number
  /** How much longer a stage waits for them; four times as long as it lasts when absent. */
  readonly patienceSeconds?: number
  /** `undo` when absent. */
  readonly tooFew?: TooFew
}

export type RolloutPhase =
  | "running"
  /** The candidate is everybody's. */
  | "promoted"
  /** A newer revision has the content of the one before the candidate. */
  | "undone"
  /** Somebody rolled the mesh back meanwhile. */
  | "superseded"

/** Why the mesh itself ended a guarded apply, in one word: what the audit log is told. */
export type RolloutCause =
  /** It was seen to work, or, where that was asked for, not seen to fail. */
  | "held"
  /** By which signal it fares worse than the rest. */
  | Signal
  /** An isolate cannot serve it. */
  | "unservable"
  /** Too few requests went by it. */
  | "too_few"
  /** Telemetry does not answer. */
  | "blind"
  /** Whoever was to watch it was not heard of. */
  | "unwatched"
  | "overdue"

export const SIGNALS = ["failed", "refused", "rejected", "slow"] as const
export type Signal = (typeof SIGNALS)[number]

/** What was counted of one side. */
export interface Counts {
  readonly requests: number
  /** Answered with 5xx, by the service or by the mesh. */
  readonly failed: number
  /** Refused by the mesh, with another status. */
  readonly refused: number
  /** Answered with 4xx by a service. */
  readonly rejected: number
  /** Slower than all but a twentieth of what went by the stable revision, by far. */
  readonly slow: number
}

/** What is told apart: a rule's requests, or those to a service without routes; "" for those that nothing took. */
export interface Group {
  readonly id: string
  readonly candidate: Counts
  readonly stable: Counts
}

export const DEFAULT_ROLLOUT: RolloutPolicy = {
  stages: [1, 100],
  holdMs: 60_000,
  requestsMin: 20,
  patienceMs: 4 * 60_000,
  tooFew: "undo",
  blindMs: 30_000,
}
