/**
 * What a shard of telemetry knows: the sums of all series since they began, and what the current slot of ten seconds added to them. In
 * storage the sums are a base and all slots after it, so that whoever restarts from there knows exactly what was acknowledged.
 * Slots are numbered in the order in which they were begun, whatever the clock says meanwhile.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { TALLIES, type Tally, type TallyName, type TelemetryReport } from "#shared/model/telemetry.ts"
import { fromBase64url, toBase64url } from "#shared/std/base64url.ts"
import { classicPlace } from "./histogram.ts"
import { addSample, FIELD, isLabelValue, keyOf, type Labels, newSample, OTHER, type Series } from "./series.ts"
import { Slot, type Stored, type StoredSlot, type Total } from "./slot.ts"
import { decode, encode } from "./wire.ts"

interface SlotAbout {
  readonly isolates: readonly (readonly [id: string, sequence: number])[]
  readonly tallies: readonly Tally[]
  /** The revision of a candidate, and its series in base64url. */
  readonly candidate?: readonly [revision: number, series: string]
}

interface BaseAbout {
  /** The last slot that the base holds. */
  readonly through: number
  readonly isolates: readonly (readonly [id: string, sequence: number, seenAtMs: number])[]
  readonly tallies: readonly (readonly [name: TallyName, label: string, count: number, createdMs: number])[]
  /** Of each series, in their order. */
  readonly createdMs: readonly number[]
  readonly updatedMs: readonly number[]
}

interface Isolate {
  sequence: number
  seenAtMs: number
  snapshotAgeMs: number
}

type Outcome = { readonly outcome: "counted" | "repeated" } | { readonly outcome: "refused"; readonly reason: string }

export class Collector {
  readonly #series = new Map<string, Total>()
  readonly #tallies = new Map<string, { name: TallyName; label: string; count: number; readonly createdMs: number }>()
  /** In the order of their last report. */
  readonly #isolates = new Map<string, Isolate>()
  #slot: Slot
  #sweptAtMs = 0

  /** Begins with what is stored: the base, if there is one, and the slots after it in their order. */
  constructor(nowMs: number, base?: Stored, slots: Iterable<StoredSlot> = []) {
    this.#slot = new Slot(base ? this.#restoreBase(base) + 1 : 1, nowMs)
    for (const slot of slots) this.#restoreSlot(slot)
  }

  /** The number of the current slot, and when it began. */
  get slot(): { readonly number: number; readonly startMs: number } {
    return this.#slot
  }

  /** Whether something was counted since `kept` was said. */
  get isDirty(): boolean {
    return this.#slot.isDirty
  }

  /** Whether the current slot is over: it has to be stored, and then the next one begun. */
  isOver(nowMs: number): boolean {
    return Math.abs(nowMs - this.#slot.startMs) >= LIMITS.telemetrySlotMs
  }

  turn(nowMs: number): void {
    this.#slot = new Slot(this.#slot.number + 1, nowMs)
  }

  take(report: TelemetryReport, nowMs: number): Outcome {
    const { isolate, sequence } = report
    const problem = problemOf(report)
    if (problem) return { outcome: "refused", reason: problem }
    const known = this.#isolates.get(isolate)
    if (known && sequence <= known.sequence) {
      this.#tally("repeated_reports", "", 1)
      return { outcome: "repeated" }
    }
    const series = decode(report.series)
    if ("reason" in series) return { outcome: "refused", reason: series.reason }
    if (!known) this.#tally("isolate_starts", "", 1)
    else if (sequence > known.sequence + 1) this.#tally("lost_reports", "", sequence - known.sequence - 1)
    this.#see(isolate, { sequence, seenAtMs: nowMs, snapshotAgeMs: report.snapshotAgeMs })
    this.#slot.isolates.set(isolate, sequence)
    for (const [name, label, count] of report.tallies) if (isTally(name, label, count)) this.#tally(name, label, count)
    for (const one of series) this.#count(one, nowMs)
    this.#slot.isDirty = true
    const { candidate } = report
    const ofCandidate = candidate ? decode(candidate.series) : []
    // Of a newer isolate, maybe: the rest counts all the same.
    if (candidate && !("reason" in ofCandidate)) this.#slot.addCandidate(candidate.revision, ofCandidate)
    return { outcome: "counted" }
  }

  /** The current slot, for its place in storage. */
  stored(): Stored {
    const candidate = this.candidate()
    const about: SlotAbout = {
      ...{ isolates: [...this.#slot.isolates], tallies: [...this.#slot.tallies.values()] },
      ...(candidate && { candidate: [candidate.revision, toBase64url(encode(candidate.series))] }),
    }
    return { series: encode(this.current()), about: JSON.stringify(about) }
  }

  /** All that was counted stands in storage. */
  kept(): void {
    this.#slot.isDirty = false
  }

  /** What the current slot has counted. */
  current(): Series[] {
    return [...this.#slot.samples].map(([total, sample]) => ({ labels: total.labels, ...sample }))
  }

  /** What went by a candidate in the current slot. */
  candidate(): { readonly revision: number; readonly series: readonly Series[] } | undefined {
    const { candidate } = this.#slot
    return candidate && { revision: candidate.revision, series: candidate.sums.series }
  }

  /** All that was ever counted, the current slot with it. */
  base(): Stored {
    const totals = [...this.#series.values()]
    const about: BaseAbout = {
      through: this.#slot.number,
      isolates: [...this.#isolates].map(([id, { sequence, seenAtMs }]) => [id, sequence, seenAtMs]),
      tallies: this.tallies(),
      createdMs: totals.map(({ createdMs }) => createdMs),
      updatedMs: totals.map(({ updatedMs }) => updatedMs),
    }
    return { series: encode(totals), about: JSON.stringify(about) }
  }

  totals(): readonly Readonly<Total>[] {
    return [...this.#series.values()]
  }

  tallies(): BaseAbout["tallies"] {
    return [...this.#tallies.values()].map(({ name, label, count, createdMs }) => [name, label, count, createdMs])
  }

  /** How many isolates reported lately, and how old the oldest routes among them are. */
  isolates(nowMs: number): { readonly isolates: number; readonly snapshotAgeMs: number } {
    const live = [...this.#isolates.values()].filter(({ seenAtMs }) => nowMs - seenAtMs <= LIMITS.isolateSilenceMsMax)
    const ages = live.map(({ seenAtMs, snapshotAgeMs }) => snapshotAgeMs + Math.max(0, nowMs - seenAtMs))
    return { isolates: live.length, snapshotAgeMs: ages.reduce((oldest, age) => Math.max(oldest, age), 0) }
  }

  #count(series: Series, nowMs: number): void {
    const total = this.#totalFor(series.labels, nowMs)
    if (isOther(total.labels) && !isOther(series.labels)) {
      this.#tally("overflowed_requests", "shard", series.numbers[FIELD.requests]!)
    }
    addSample(total, series)
    total.updatedMs = nowMs
    this.#slot.add(total, series)
    if (series.exemplar) total.exemplars.set(classicPlace(series.exemplar.durationMs), series.exemplar)
  }

  /** The series' own sums, or those of `other` when there is no place for more. */
  #totalFor(labels: Labels, nowMs: number): Total {
    const known = this.#series.get(keyOf(labels))
    if (known) return known
    if (isOther(labels) || this.#series.size < LIMITS.shardSeriesMax || this.#sweep(nowMs)) return this.#begin(labels)
    return this.#totalFor(otherFor(labels), nowMs)
  }

  #begin(labels: Labels): Total {
    // What is made anew from storage begins with its slot, so that it always does.
    const createdMs = this.#slot.startMs
    const total = { labels, ...newSample(), createdMs, updatedMs: createdMs, exemplars: new Map() }
    this.#series.set(keyOf(labels), total)
    return total
  }

  /** Forgets series that no slot has any more, now and then; whether there is a place again. */
  #sweep(nowMs: number): boolean {
    if (Math.abs(nowMs - this.#sweptAtMs) < LIMITS.telemetrySlotMs) return false
    this.#sweptAtMs = nowMs
    const keptMs = LIMITS.telemetrySlots * LIMITS.telemetrySlotMs
    for (const [key, { updatedMs }] of this.#series) if (nowMs - updatedMs > keptMs) this.#series.delete(key)
    return this.#series.size < LIMITS.shardSeriesMax
  }

  #tally(name: TallyName, wanted: string, count: number): void {
    const isFull = this.#tallies.size >= LIMITS.shardTalliesMax
    const label = isFull && wanted !== "" && !this.#tallies.has(`${name} ${wanted}`) ? OTHER : wanted
    const key = `${name} ${label}`
    const total = this.#tallies.get(key) ?? { name, label, count: 0, createdMs: this.#slot.startMs }
    total.count += count
    this.#tallies.set(key, total)
    this.#slot.tallies.set(key, [name, label, (this.#slot.tallies.get(key)?.[2] ?? 0) + count])
    this.#slot.isDirty = true
  }

  #see(id: string, isolate: Isolate): void {
    this.#isolates.delete(id)
    this.#isolates.set(id, isolate)
    for (const oldest of this.#isolates.keys()) {
      if (this.#isolates.size <= LIMITS.telemetryIsolatesMax) break
      this.#isolates.delete(oldest)
    }
  }

  /** The last slot that it holds. */
  #restoreBase({ series, about }: Stored): number {
    const { through, isolates, tallies, createdMs, updatedMs } = JSON.parse(about) as BaseAbout
    for (const [index, one] of readable(series).entries()) {
      const total = { ...one, createdMs: createdMs[index]!, updatedMs: updatedMs[index]!, exemplars: new Map() }
      this.#series.set(keyOf(one.labels), total as Total)
    }
    for (const [name, label, count, created] of tallies) {
      this.#tallies.set(`${name} ${label}`, { name, label, count, createdMs: created })
    }
    for (const [id, sequence, seenAtMs] of isolates) this.#isolates.set(id, { sequence, seenAtMs, snapshotAgeMs: 0 })
    return through
  }

  /** As if its reports came again; what it holds has its place already. */
  #restoreSlot({ number, startMs, series, about }: StoredSlot): void {
    this.#slot = new Slot(number, startMs)
    const { isolates, tallies } = JSON.parse(about) as SlotAbout
    const candidate = candidateIn(about)
    for (const one of readable(series)) {
      const total = this.#series.get(keyOf(one.labels)) ?? this.#begin(one.labels)
      addSample(total, one)
      total.updatedMs = startMs
      this.#slot.add(total, one)
    }
    for (const [name, label, count] of tallies) this.#tally(name, label, count)
    for (const [id, sequence] of isolates) {
      this.#see(id, { sequence, seenAtMs: startMs, snapshotAgeMs: 0 })
      this.#slot.isolates.set(id, sequence)
    }
    if (candidate) this.#slot.addCandidate(candidate.revision, readable(candidate.series))
    this.#slot.isDirty = false
  }
}

/** What a stored slot holds of a candidate. */
export function candidateIn(about: string): { readonly revision: number; readonly series: Uint8Array } | undefined {
  const { candidate } = JSON.parse(about) as SlotAbout
  const series = candidate && fromBase64url(candidate[1])
  return candidate && series && { revision: candidate[0], series }
}

/** Storage holds what this code wrote; what is not readable was written by a newer one, and all begins anew. */
function readable(series: Uint8Array): readonly Series[] {
  const decoded = decode(series, Number.MAX_SAFE_INTEGER)
  if ("reason" in decoded) throw new Error(`stored series cannot be read: ${decoded.reason}`)
  return decoded
}

const ISOLATE = /^[\w-]{1,64}$/

function problemOf({ isolate, sequence, tallies, snapshotAgeMs }: TelemetryReport): string | undefined {
  if (typeof isolate !== "string" || !ISOLATE.test(isolate)) return "the isolate's id is none"
  if (!Number.isSafeInteger(sequence) || sequence < 1) return "the sequence number is none"
  if (!Array.isArray(tallies) || tallies.length > LIMITS.shardTalliesMax) return "the tallies are none, or too many"
  return Number.isFinite(snapshotAgeMs) ? undefined : "the age of the snapshot is none"
}

/** A newer isolate may count what this code does not know. */
function isTally(name: string, label: string, count: number): boolean {
  return TALLIES.includes(name as TallyName) && isLabelValue(label) && Number.isSafeInteger(count) && count > 0
}

function isOther({ from, rule }: Labels): boolean {
  return from === OTHER && rule === OTHER
}

function otherFor({ class: kind }: Labels): Labels {
  return { from: OTHER, to: OTHER, subset: "", rule: OTHER, method: "", class: kind, refusal: "" }
}
