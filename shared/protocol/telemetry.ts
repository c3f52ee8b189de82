/**
 * What crosses the boundary between the proxies, the `Telemetry` objects and control. Isolates report differences, each under a number
 * of its own; an object counts each report once, and what it acknowledges stands in its storage.
 */
import type { SeriesExemplar, TallyName, TelemetryReport, WindowQuery } from "#shared/model/telemetry.ts"
import { hash32 } from "#shared/std/hash.ts"

export type TelemetryReply =
  /** It is counted, now or before. The next one is welcome after `paceMs`. */
  | { readonly outcome: "counted"; readonly paceMs: number }
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

export interface TelemetryRpc {
  report(report: TelemetryReport): Promise<TelemetryReply>
  totals(): Promise<TelemetryTotals>
  /** For each step what was counted in it, encoded as above. */
  window(query: WindowQuery): Promise<readonly Uint8Array[]>
}

/** `env.TELEMETRY.getByName(name, { locationHint: hint })`. */
export interface Shard {
  readonly name: string
  readonly hint?: "afr" | "apac" | "enam" | "oc" | "sam" | "weur"
}

/** The continents of the platform's `request.cf`, and where the objects for them are placed. */
const PLACES = { AF: "afr", AS: "apac", EU: "weur", NA: "enam", OC: "oc", SA: "sam" } as const

/** Shards for isolates that do not know where they are. */
const UNPLACED = 4

/** All shards that there can be. A reader asks all of them: constant work, and no list that could be wrong. */
export const SHARDS: readonly Shard[] = [
  ...Object.values(PLACES).map((hint) => ({ name: hint, hint })),
  ...Array.from({ length: UNPLACED }, (_, index) => ({ name: `any-${index}` })),
]

/** The shard that an isolate reports to for as long as it lives. */
export function shardFor(isolate: string, continent: string | undefined): Shard {
  if (continent !== undefined && Object.hasOwn(PLACES, continent)) {
    const hint = PLACES[continent as keyof typeof PLACES]
    return { name: hint, hint }
  }
  return { name: `any-${hash32(isolate) % UNPLACED}` }
}
