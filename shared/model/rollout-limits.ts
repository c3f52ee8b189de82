/** The limits of guarded applies; part of `LIMITS`. Times in milliseconds. */
export const ROLLOUT_LIMITS = {
  rolloutStagesMax: 10,
  rolloutHoldMsMin: 1_000,
  rolloutHoldMsMax: 24 * 60 * 60 * 1000,
  rolloutRequestsMax: 1_000_000,
  /** How often a rollout looks at what was counted. */
  rolloutLookMs: 1_000,
  /** The root undoes a candidate that nobody has watched for so long, and wakes who should some time before. */
  rolloutUnwatchedMs: 30_000,
  rolloutWakeMs: 5_000,
  /** A call to the root, or to a rollout's object, that takes longer has failed. */
  rolloutCallMs: 5_000,
  /** An isolate that has not heard of the candidate for so long goes by the stable revision alone. */
  candidateMs: 10_000,
  /** How much of the time before a candidate it is compared with, once nothing goes by the stable revision any more. */
  rolloutBaselineMs: 60_000,
  /** Groups of requests that are compared, the busiest first. */
  rolloutGroupsMax: 500,
  /** Ids of what a change touches; one with more touches everything. */
  rolloutTouchesMax: 200,
  /** Heads of requests that an isolate keeps for one report, that a shard keeps, and that a preview replays. */
  headsOfReport: 8,
  headsOfShard: 500,
  headsReplayed: 1_000,
} as const
