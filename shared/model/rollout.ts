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
  /** Undone when telemetry has not answered for so long. */
  readonly blindMs: number
}

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
}

export type RolloutPhase =
  | "running"
  /** The candidate is everybody's. */
  | "promoted"
  /** A newer revision has the content of the one before the candidate. */
  | "undone"
  /** Somebody rolled the mesh back meanwhile. */
  | "superseded"

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
  blindMs: 30_000,
}
