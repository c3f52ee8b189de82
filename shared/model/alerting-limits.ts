/** The limits of objectives and alerts, a part of those in limits.ts. Times in milliseconds. */
export const ALERTING_LIMITS = {
  slosMax: 200,
  receiversMax: 50,
  /** Receivers of one objective. */
  notifyMax: 8,
  minFailuresMax: 1_000_000,
  minFailuresDefault: 5,
  alertForMsDefault: 60_000,
  alertForMsMax: 60 * 60 * 1000,
  webhookSecretCharsMin: 24,
  webhookSecretCharsMax: 256,

  /** Objectives are judged once a minute, of whole minutes. */
  alertStepMs: 60_000,
  /** After a minute's end: by then a shard has stored all that it counted in it, and clocks agree. */
  alertSettleMs: 5_000,
  /** Minutes are kept for as long as windows need them. */
  alertMinutesMs: 6 * 60 * 60 * 1000,
  /** Beyond, counts are kept in steps of this length, for 30 days. */
  alertCoarseMs: 30 * 60 * 1000,
  alertPeriodMs: 30 * 24 * 60 * 60 * 1000,
  /** A firing alert whose burn rate is low enough again is resolved after this time. */
  alertClearMs: 2 * 60 * 1000,
  /** A firing alert that nobody acknowledged is told of again. */
  alertRepeatMs: 4 * 60 * 60 * 1000,

  silencesMax: 100,
  silenceSecondsMax: 30 * 24 * 60 * 60,
  /** Of a reason, in characters. */
  alertReasonCharsMax: 200,

  /** How long a receiver may take for its answer. */
  webhookMs: 10_000,
  /** After the first failure; twice as long after each that follows. */
  webhookRetryMs: 5_000,
  webhookRetryMsMax: 15 * 60 * 1000,
  /** A notification that was not taken by then is given up. */
  webhookGivenUpMs: 24 * 60 * 60 * 1000,
  /** Notifications sent at a time, and those that wait; beyond, the oldest are given up. */
  webhooksAtOnce: 8,
  webhooksWaitingMax: 1_000,
} as const
