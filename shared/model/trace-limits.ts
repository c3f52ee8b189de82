/** Limits of traces, access logs and taps. */
export const TRACE_LIMITS = {
  /** Decisions and attempts that are written down of one exchange. */
  decisionsMax: 32,
  attemptsTold: 16,
  /** Longer paths, hosts and header values are cut where they are written down. */
  toldCharsMax: 512,
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
} as const
