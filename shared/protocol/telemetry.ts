/**
 * What crosses the boundary between the proxies, the `Telemetry` objects and control. Isolates report differences, each under a number
 * of its own; an object counts each report once, and what it acknowledges stands in its storage.
 */

import type { SampledHead } from "#shared/model/sample.ts"
import type { OpenTaps, TapBatch } from "#shared/model/tap.ts"
import type {
  ComparisonQuery,
  SeriesExemplar,
  TallyName,
  TelemetryReport,
  WindowQuery,
} from "#shared/model/telemetry.ts"

export type TelemetryReply =
  /** It is counted, now or before. The next one is welcome after `paceMs`. */
  | {
      readonly outcome: "counted"
      readonly paceMs: number
      /** And not before this, however much was counted; absent: `LIMITS.telemetryGapMs`. */
      readonly gapMs?: number
      /** Absent: nobody taps the mesh. */
      readonly taps?: OpenTaps
    }
  /** It cannot be read, and never will be. */
  | { readonly outcome: "refused"; readonly reason: string }

/** What a shard has counted since it began. */
export interface TelemetryTotals {
  /** As shared/telemetry/wire.ts encodes them. */
  readonly series: Uint8Array
  /** When each series began, in their order. */
  readonly createdMs: readonly number[]
  readonly exemplars: readonly SeriesExemplar[]
  readonly tallies: readonly (readonly [name: TallyName, label: string, count: number, createdMs: number])[]
  /** Isolates that reported within the last minute, and the oldest routes among them. */
  readonly isolates: number
  readonly snapshotAgeMs: number
}

/** How a shard is, without what it counted. */
export interface ShardVitals {
  /** Series that it tells apart. */
  readonly series: number
  /** Requests that it has counted. */
  readonly requests: number
  readonly tallies: TelemetryTotals["tallies"]
  readonly isolates: number
  readonly snapshotAgeMs: number
}

export interface TelemetryRpc {
  report(report: TelemetryReport): Promise<TelemetryReply>
  totals(): Promise<TelemetryTotals>
  vitals(): Promise<ShardVitals>
  /** For each step what was counted in it, encoded as above. */
  window(query: WindowQuery): Promise<readonly Uint8Array[]>
  /** Recorded exchanges of this trace, as isolates wrote them. */
  recordedOf(traceId: string): Promise<readonly string[]>
  /** Which taps are open from now on, for as long as they say. */
  openTaps(open: OpenTaps | undefined): Promise<void>
  /** For those who tap; which taps are open still. */
  tapped(batch: TapBatch): Promise<OpenTaps | undefined>
  /** Of the slots that end after a time; encoded as above, and only who requests were for, the rule, class and refusal told apart. */
  compare(query: ComparisonQuery): Promise<Comparison>
  /** The newest heads of requests that isolates kept. */
  heads(): Promise<readonly SampledHead[]>
}

export interface Comparison {
  readonly all: Uint8Array
  /** Part of it. */
  readonly candidate: Uint8Array
}
