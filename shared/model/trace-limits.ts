/** Limits of traces, access logs and taps. */
export const TRACE_LIMITS = {
  /** Decisions and attempts that are written down of one exchange. */
  decisionsMax: 32,
  attemptsTold: 16,
  /** Longer paths, hosts and header values are cut where they are written down. */
  toldCharsMax: 512,
  /** Request headers of one rule that stand in the access log. */
  loggedHeadersMax: 16,
  /** Failed exchanges that an isolate records although nobody sampled them, in a second: an outage must not become one of the collector. */
  failuresRecordedPerSecond: 10,
  /** Spans that wait for the collector in one isolate; what comes beyond is dropped, and counted. */
  spansQueuedMax: 2_048,
  /** Spans that go out together. */
  spanBatchMax: 256,
  /** How long spans wait for others, give or take a quarter. */
  spanPaceMs: 2_000,
  /** The collector has as long as OTLP's exporters give it. */
  spanCallMs: 10_000,
  spanTriesMax: 5,
  spanPauseMs: 1_000,
  spanPauseMsMax: 30_000,

  /** Taps that may be open; how long one is by default and at most; and what its viewer gets in a second. */
  tapsMax: 16,
  tapSeconds: 5 * 60,
  tapSecondsMax: 60 * 60,
  tapPerSecond: 100,
  tapPerSecondMax: 500,
  /** How long shards and isolates go by what they heard of taps, and how often they are told again. */
  tapLeaseMs: 30_000,
  tapRenewMs: 10_000,
  /** How long a viewer has to close its end, after it was told that the time is over. */
  tapGraceMs: 2_000,
  /** Between two batches of an isolate, and how long one may take. */
  tapPaceMs: 500,
  tapCallMs: 2_000,
  /** Exchanges that an isolate holds for viewers. */
  tapHeldMax: 500,

  /** Recorded exchanges in one report, their texts, and all of them together. */
  keptMax: 64,
  keptCharsMax: 8 * 1024,
  keptReportCharsMax: 64 * 1024,
  /** Reports with recorded exchanges that a shard keeps, the newest ones, and for how long. */
  keptReportsMax: 1_000,
  keptForMs: 60 * 60 * 1000,
} as const
