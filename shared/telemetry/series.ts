/**
 * What is counted of exchanges. A series is told apart by labels that come from configuration only (rule S11); a sample is what was
 * counted for it, and samples of one series add up, whichever isolate, slot or shard they are from.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { RefusalName } from "#shared/model/refusal.ts"
import { addBuckets, BUCKETS, type Buckets } from "./histogram.ts"

/** The class of a status: of RPC `2xx`, or `5xx` when the call threw. */
export const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const
export type StatusClass = (typeof CLASSES)[number]

export interface Labels {
  /** The calling service's id, or `public`. */
  readonly from: string
  /** The id of the service that answered or was tried last; "" when none was found. */
  readonly to: string
  /** "" for none. */
  readonly subset: string
  /** The id of the rule that took the request; "" when none did. */
  readonly rule: string
  /** The method of an RPC call, as far as it is one of a bounded set; "" for HTTP. */
  readonly method: string
  readonly class: StatusClass
  /** Why the mesh answered by itself; "" when it did not. */
  readonly refusal: RefusalName | ""
}

/** From outside the mesh. No service can have this name: an id has a slash. */
export const PUBLIC = "public"
/** What stands for all labels beyond a limit. */
export const OTHER = "other"

/** The sums of a sample, in their order on the wire: new ones come last. */
export const FIELDS = [
  "requests",
  /** Until the answer's head. */
  "durationMs",
  "attempts",
  /** Attempts beyond the first of an exchange. */
  "retries",
  /** Exchanges whose answer was not tried for again for want of budget. */
  "budgetExhausted",
  /** Of bodies that declared their length. */
  "requestBytes",
  "responseBytes",
] as const
export type Field = (typeof FIELDS)[number]

export const FIELD = Object.fromEntries(FIELDS.map((field, index) => [field, index])) as Readonly<Record<Field, number>>

export interface Sample {
  /** By `FIELD`. */
  readonly numbers: Float64Array
  readonly buckets: Buckets
}

/** A request that a series' numbers are made of: where to look closer. */
export interface Exemplar {
  /** 32 hex digits. */
  readonly traceId: string
  readonly durationMs: number
  readonly atMs: number
}

export interface Series extends Sample {
  readonly labels: Labels
  readonly exemplar?: Exemplar
}

export function newSample(): Sample & { readonly buckets: Float64Array } {
  return { numbers: new Float64Array(FIELDS.length), buckets: new Float64Array(BUCKETS) }
}

/** Adds `from` to `into`. */
export function addSample(into: Sample & { readonly buckets: Float64Array }, from: Sample): void {
  for (let field = 0; field < FIELDS.length; field++) into.numbers[field]! += from.numbers[field] ?? 0
  addBuckets(into.buckets, from.buckets)
}

export function isLabelValue(text: string): boolean {
  return text.length <= LIMITS.labelCharsMax && hasLabelCharsOnly(text)
}

/** What ids, methods and refusals are made of: printable ASCII without spaces. Nothing in a label can break a line or a key. */
export function hasLabelCharsOnly(text: string): boolean {
  return LABEL.test(text)
}

const LABEL = /^[!-~]*$/

/** The same text for the same labels, and for no others. */
export function keyOf({ from, to, subset, rule, method, class: kind, refusal }: Labels): string {
  return `${from} ${to} ${subset} ${rule} ${method} ${kind} ${refusal}`
}
