/**
 * The series of one isolate since they were last taken: a table of numbers that is made once and grows by doubling up to its limit.
 * Counting into a row that is known allocates nothing. When all rows are taken, what has none is counted as `other`, by class, so that
 * no request goes uncounted and no label can fill the memory. What was taken is gone from here: an isolate keeps differences only.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { RefusalName } from "#shared/model/refusal.ts"
import { BUCKETS, bucketOf } from "./histogram.ts"
import { CLASSES, FIELD, FIELDS, isLabelValue, type Labels, OTHER, type Series } from "./series.ts"

/** Rows 0 to 4 are those of `other`. */
const RESERVED = CLASSES.length
const ROWS_AT_FIRST = 32
const SAMPLED = 1

interface Branch {
  readonly next: Map<string, Branch>
  /** By refusal, then by class: a row. */
  readonly rows: Map<string, Int16Array>
}

export class SeriesTable {
  readonly #rowsMax: number
  #root = newBranch()
  readonly #labels: Labels[] = CLASSES.map(
    (kind): Labels => ({ from: OTHER, to: OTHER, subset: "", rule: OTHER, method: "", class: kind, refusal: "" }),
  )
  #numbers = new Float64Array(ROWS_AT_FIRST * FIELDS.length)
  #buckets = new Uint32Array(ROWS_AT_FIRST * BUCKETS)
  /** Of each row the exemplar: what kind it is, how long it took, when, and its trace. */
  #exemplars = new Float64Array(ROWS_AT_FIRST * 3)
  readonly #traces: string[] = new Array(RESERVED).fill("")
  #requests = 0
  #overflowed = 0

  constructor(seriesMax: number = LIMITS.isolateSeriesMax) {
    this.#rowsMax = seriesMax + RESERVED
  }

  /** Requests that were counted and not taken yet. */
  get requests(): number {
    return this.#requests
  }

  /** Of these, how many were counted as `other` for want of a row. */
  get overflowed(): number {
    return this.#overflowed
  }

  get size(): number {
    return this.#labels.length - RESERVED
  }

  /** Whether it should be taken soon, lest it runs over. */
  get isFilling(): boolean {
    return this.#labels.length * 2 > this.#rowsMax
  }

  get bytes(): number {
    return this.#numbers.byteLength + this.#buckets.byteLength + this.#exemplars.byteLength
  }

  /** The row of a series; `status` is that of the response. */
  row(
    from: string,
    to: string,
    subset: string,
    rule: string,
    method: string,
    status: number,
    refusal: RefusalName | "",
  ): number {
    const kind = classOf(status)
    const found = this.#root.next.get(from)?.next.get(to)?.next.get(subset)?.next.get(rule)?.next.get(method)
    const row = found?.rows.get(refusal)?.[kind] ?? 0
    // Row 0 is no series' own, so that 0 stands for none.
    if (row > 0) return row
    if (this.#labels.length < this.#rowsMax) {
      return this.#newRow({ from, to, subset, rule, method, class: CLASSES[kind]!, refusal }, kind)
    }
    this.#overflowed += 1
    return kind
  }

  count(
    row: number,
    durationMs: number,
    attempts: number,
    budgetExhausted: boolean,
    requestBytes: number,
    responseBytes: number,
  ): void {
    const numbers = this.#numbers
    const at = row * FIELDS.length
    numbers[at + FIELD.requests]! += 1
    if (durationMs > 0) numbers[at + FIELD.durationMs]! += durationMs
    numbers[at + FIELD.attempts]! += attempts
    if (attempts > 1) numbers[at + FIELD.retries]! += attempts - 1
    if (requestBytes > 0) numbers[at + FIELD.requestBytes]! += requestBytes
    if (responseBytes > 0) numbers[at + FIELD.responseBytes]! += responseBytes
    if (budgetExhausted) numbers[at + FIELD.budgetExhausted]! += 1
    this.#buckets[row * BUCKETS + bucketOf(durationMs)]! += 1
    this.#requests += 1
  }

  /** Offers a request as its series' exemplar: one whose trace is sampled goes before others, then the slowest. */
  exemplify(row: number, traceId: string, isSampled: boolean, durationMs: number, nowMs: number): void {
    const exemplars = this.#exemplars
    const at = row * 3
    const isHeld = this.#traces[row] !== ""
    const heldSampled = exemplars[at] === SAMPLED
    if (isHeld && (heldSampled !== isSampled ? heldSampled : durationMs <= exemplars[at + 1]!)) return
    exemplars[at] = isSampled ? SAMPLED : 0
    exemplars[at + 1] = durationMs
    exemplars[at + 2] = nowMs
    this.#traces[row] = traceId
  }

  /** All that was counted; the table is empty then, and if it was filling up, it forgets its series too. */
  take(): Series[] {
    const taken: Series[] = []
    for (let row = 0; row < this.#labels.length; row++) {
      const numbers = this.#numbers.slice(row * FIELDS.length, (row + 1) * FIELDS.length)
      if (numbers[FIELD.requests] === 0) continue
      const exemplar = this.#exemplarOf(row)
      const buckets = this.#buckets.slice(row * BUCKETS, (row + 1) * BUCKETS)
      taken.push({ labels: this.#labels[row]!, numbers, buckets, ...(exemplar && { exemplar }) })
      this.#traces[row] = ""
    }
    const used = this.#labels.length
    this.#numbers.fill(0, 0, used * FIELDS.length)
    this.#buckets.fill(0, 0, used * BUCKETS)
    this.#requests = 0
    this.#overflowed = 0
    if (this.isFilling) this.#forget()
    return taken
  }

  #exemplarOf(row: number): Series["exemplar"] {
    const traceId = this.#traces[row]!
    if (traceId === "") return undefined
    return { traceId, durationMs: this.#exemplars[row * 3 + 1]!, atMs: this.#exemplars[row * 3 + 2]! }
  }

  #newRow(labels: Labels, kind: number): number {
    let branch = this.#root
    for (const label of [labels.from, labels.to, labels.subset, labels.rule, labels.method]) {
      const known = branch.next.get(label)
      const next = known ?? newBranch()
      if (!known) branch.next.set(label, next)
      branch = next
    }
    const row = this.#labels.push(told(labels)) - 1
    this.#traces.push("")
    const rows = branch.rows.get(labels.refusal) ?? new Int16Array(CLASSES.length)
    branch.rows.set(labels.refusal, rows)
    rows[kind] = row
    if (row * FIELDS.length >= this.#numbers.length) this.#grow()
    return row
  }

  #grow(): void {
    const rows = Math.min(this.#rowsMax, (this.#numbers.length / FIELDS.length) * 2)
    const [numbers, buckets, exemplars] = [this.#numbers, this.#buckets, this.#exemplars]
    this.#numbers = new Float64Array(rows * FIELDS.length)
    this.#numbers.set(numbers)
    this.#buckets = new Uint32Array(rows * BUCKETS)
    this.#buckets.set(buckets)
    this.#exemplars = new Float64Array(rows * 3)
    this.#exemplars.set(exemplars)
  }

  #forget(): void {
    this.#root = newBranch()
    this.#labels.length = RESERVED
    this.#traces.length = RESERVED
  }
}

/** What could not be told on is not worth a refused report. */
function told(labels: Labels): Labels {
  const { from, to, subset, rule, method } = labels
  if ([from, to, subset, rule, method].every(isLabelValue)) return labels
  const clean = (label: string) => (isLabelValue(label) ? label : OTHER)
  return {
    ...labels,
    from: clean(from),
    to: clean(to),
    subset: clean(subset),
    rule: clean(rule),
    method: clean(method),
  }
}

function newBranch(): Branch {
  return { next: new Map(), rows: new Map() }
}

/** By its place in `CLASSES`. */
function classOf(status: number): number {
  const kind = Math.trunc(status / 100) - 1
  return kind >= 0 && kind < CLASSES.length ? kind : CLASSES.length - 1
}
