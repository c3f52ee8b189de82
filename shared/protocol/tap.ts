/** What control, the `Tap` object and the shards of telemetry say to one another of taps. */
import type { OpenTaps, TapBatch, TapFilter } from "#shared/model/tap.ts"

/** The one object there is. */
export const TAP = "tap"

/** On the request that opens a viewer's socket: a `TapOrder` as JSON, from control. */
export const TAP_HEADER = "weft-tap"

export interface TapOrder {
  readonly filter: TapFilter
  readonly perSecond: number
  readonly endsAtMs: number
  /** Its entry in the audit log, which is told of its end. */
  readonly entry?: number
}

export interface TapRpc {
  /** Shows what isolates saw to those who tap; which taps are open still. */
  deliver(batch: TapBatch): Promise<OpenTaps | undefined>
}
