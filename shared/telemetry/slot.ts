/** What a shard of telemetry adds up: sums for all time, and slots of ten seconds. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Tally } from "#shared/model/telemetry.ts"
import { addSample, type Exemplar, newSample, type Sample, type Series } from "./series.ts"
import { Sums } from "./sums.ts"

/** The part of a shard's knowledge that is stored as one: a slot, or the base. */
export interface Stored {
  readonly series: Uint8Array
  /** JSON: `SlotAbout` or `BaseAbout`. */
  readonly about: string
}

export interface StoredSlot extends Stored {
  readonly number: number
  readonly startMs: number
}

/** A series since it began. */
export interface Total extends Series {
  readonly numbers: Float64Array
  readonly buckets: Float64Array
  readonly createdMs: number
  updatedMs: number
  /** At most one for each bound of the classic histogram, by its place. */
  readonly exemplars: Map<number, Exemplar>
}

/** What was counted in ten seconds. */
export class Slot {
  readonly number: number
  readonly startMs: number
  readonly samples = new Map<Total, Sample & { readonly buckets: Float64Array }>()
  readonly tallies = new Map<string, Tally>()
  readonly isolates = new Map<string, number>()
  /** What went by the newest candidate that was heard of; it is part of the samples. */
  candidate: { readonly revision: number; readonly sums: Sums } | undefined
  isDirty = false

  constructor(number: number, nowMs: number) {
    this.number = number
    this.startMs = Math.floor(nowMs / LIMITS.telemetrySlotMs) * LIMITS.telemetrySlotMs
  }

  addCandidate(revision: number, series: readonly Series[]): void {
    if (revision < (this.candidate?.revision ?? 0)) return
    if (this.candidate?.revision !== revision) this.candidate = { revision, sums: new Sums() }
    for (const one of series) this.candidate.sums.add(one)
    this.isDirty = true
  }

  add(total: Total, sample: Sample): void {
    const known = this.samples.get(total) ?? newSample()
    addSample(known, sample)
    this.samples.set(total, known)
  }
}
