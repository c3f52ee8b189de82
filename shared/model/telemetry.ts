/** What isolates tell about what they counted, and what is asked of it. */

import type { SampledHead } from "./sample.ts"

/** What is counted beside requests: of the whole mesh, or by one label. */
export const TALLIES = [
  /** Isolates that reported for the first time. */
  "isolate_starts",
  /** Pulls of routes that failed, and revisions that were refused. */
  "pull_failures",
  "snapshot_refusals",
  /** Requests that were served by an older revision than they were promised. */
  "floors_missed",
  /** By rate limit: requests that it refused, and that it would have refused were it not in shadow. */
  "rate_limited",
  "rate_limit_shadowed",
  /** By access policy: requests that it refused, that its audit took, that it would have decided otherwise were it no dry run, and that
   * passed because its authorizer failed. */
  "access_denied",
  "access_audited",
  "access_rehearsed",
  "access_unasked",
  /** By cluster: ejections of endpoints by outlier detection. */
  "ejections",
  /** Spans that a collector took, and that were dropped, by why: `queue_full`, `refused`, `rejected`, `gave_up`. */
  "spans_exported",
  "spans_dropped",
  /** Calls of the collector that failed. */
  "span_export_failures",
  /** Failed exchanges that nobody sampled and that were too many to be recorded for that. */
  "failures_unrecorded",
  /** Recorded exchanges that found no place in a report. */
  "recorded_dropped",
  /** Requests that were counted as `other`, by who had no place for them: `isolate`, `shard`. */
  "overflowed_requests",
  /** Requests whose report was given up on. */
  "lost_requests",
  /** Reports that never came, though later ones did; and that came again. */
  "lost_reports",
  "repeated_reports",
] as const
export type TallyName = (typeof TALLIES)[number]

/** How often since the last report; the label is "" for what has none. */
export type Tally = readonly [name: TallyName, label: string, count: number]

export interface TelemetryReport {
  /** Random id of the isolate, the same that it pulls routes with. */
  readonly isolate: string
  /** 1, 2, 3: a report goes out again under its number until it is acknowledged or given up, and only then comes the next. */
  readonly sequence: number
  /** As shared/telemetry/wire.ts encodes them. */
  readonly series: Uint8Array
  readonly tallies: readonly Tally[]
  /** For how long the isolate has heard nothing from the route table. */
  readonly snapshotAgeMs: number
  /** Exchanges that were recorded, as JSON; absent: none. */
  readonly recorded?: readonly string[]
  /** Of the series, what went by a candidate revision: only who it was for, the rule, class and refusal are told apart. */
  readonly candidate?: { readonly revision: number; readonly series: Uint8Array }
  /** A few of the requests, each for as many as its weight says. */
  readonly heads?: readonly SampledHead[]
}

/** What was counted since a time, by a candidate revision and altogether. */
export interface ComparisonQuery {
  readonly revision: number
  readonly sinceMs: number
}

/** What rows of statistics tell apart. */
export const STATS_BY = ["service", "subset", "rule", "edge"] as const
export type StatsBy = (typeof STATS_BY)[number]

export interface WindowQuery {
  readonly by: StatsBy
  /** When the steps of the window begin, the oldest first; the last ends now. */
  readonly starts: readonly number[]
  /** Only what this one sent, and what this one was sent: an id, or `public`. */
  readonly from?: string
  readonly to?: string
}

export interface SeriesExemplar {
  /** Place of the series. */
  readonly series: number
  /** 32 hex digits. */
  readonly traceId: string
  readonly durationMs: number
  readonly atMs: number
}

export interface StatsRow {
  /** As far as rows tell them apart; absent otherwise. `public` is outside the mesh, "" where no service or rule was found. */
  readonly from?: string
  readonly to?: string
  readonly subset?: string
  readonly rule?: string
  readonly method?: string
  readonly requests: number
  readonly perSecond: number
  /** Share of requests that were not answered with 5xx; absent without requests. */
  readonly successRate?: number
  /** Answered with 5xx, by the service or by the mesh. */
  readonly failed: number
  /** Answered by the mesh itself, with any status, and why. */
  readonly refused: number
  readonly refusals?: Readonly<Record<string, number>>
  readonly attempts: number
  readonly retries: number
  /** Until the head of the answer; each at most 4.4 % off, and below 1 ms told as 0. Absent without requests. */
  readonly latencyMs?: { readonly p50: number; readonly p95: number; readonly p99: number; readonly mean: number }
  /** For each step of the window, when it was cut. */
  readonly points?: readonly StatsPoint[]
}

export interface StatsPoint {
  readonly atMs: number
  readonly requests: number
  readonly failed: number
  /** Absent without requests. */
  readonly p95Ms?: number
}

export type RowKey = Pick<StatsRow, "from" | "to" | "subset" | "rule" | "method">
