/**
 * Durations in whole milliseconds, which is what clocks here tell, in buckets whose bounds grow by the eighth root of two: 2^(i/8)
 * seconds, upper bound inclusive. These are the bounds of a Prometheus native histogram of schema 3 and of an OpenTelemetry
 * exponential histogram of scale 3, so that both can be made of them without loss. A value stands for its bucket with a
 * relative error of at most `ERROR_MAX`, below 12 ms with none; histograms add up exactly.
 *
 *   0: below 1 ms   1: (0.977 ms, 1.065 ms]   ...   176: (3756 s, 4096 s] and all that is longer
 */

/** Bounds in a factor of two. */
const PER_OCTAVE = 8
/** Bucket 1 is the one with index -79 in Prometheus' and OpenTelemetry's count: its upper bound is 2^(-79/8) s. */
const FIRST_INDEX = -79
const LAST_INDEX = 96

export const SCHEMA = 3
export const BUCKETS = LAST_INDEX - FIRST_INDEX + 2
export const LAST_BUCKET = BUCKETS - 1

const RATIO = 2 ** (1 / PER_OCTAVE)
/** Of a quantile, up to 4096 s: what a bucket's middle is off from its bounds. */
export const ERROR_MAX = (RATIO - 1) / (RATIO + 1)

/** Upper bounds in milliseconds, inclusive; the first is what the clock cannot tell from 0. */
const BOUNDS_MS = Float64Array.from({ length: BUCKETS }, (_, bucket) =>
  bucket === 0 ? 1 : 1000 * 2 ** (indexOf(bucket) / PER_OCTAVE),
)

/** How often each bucket was hit. A histogram of an isolate, of a slot, or of a series for all time. */
export type Buckets = Uint32Array | Float64Array

/** The index of a bucket (not of the first one) in Prometheus' count; OpenTelemetry's is one lower. */
export function indexOf(bucket: number): number {
  return bucket + FIRST_INDEX - 1
}

/** What is no duration, as a clock that was put back makes it, counts as 0. */
export function bucketOf(duration: number): number {
  const durationMs = Math.floor(duration)
  if (!(durationMs >= 1)) return 0
  if (durationMs >= BOUNDS_MS[LAST_BUCKET - 1]!) return LAST_BUCKET
  // Exact for every whole millisecond, those on a bound included: the tests go through them.
  return Math.ceil(Math.log2(durationMs / 1000) * PER_OCTAVE) - FIRST_INDEX + 1
}

/** The upper bound, inclusive, in milliseconds. */
export function boundMs(bucket: number): number {
  return BOUNDS_MS[bucket]!
}

export function totalOf(buckets: Buckets): number {
  let total = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) total += buckets[bucket]!
  return total
}

/** Adds `from` to `into`. Addition is commutative and associative, so that the order in which histograms meet does not show. */
export function addBuckets(into: Float64Array, from: Buckets): void {
  for (let bucket = 0; bucket < BUCKETS; bucket++) into[bucket]! += from[bucket]!
}

/** The duration in milliseconds that at least `share` of all do not exceed (the nearest rank); undefined of none. */
export function quantile(buckets: Buckets, share: number): number | undefined {
  const total = totalOf(buckets)
  if (total === 0) return undefined
  const rank = Math.min(total, Math.max(1, Math.ceil(share * total)))
  let seen = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    seen += buckets[bucket]!
    if (seen >= rank) return middleMs(bucket)
  }
  return middleMs(LAST_BUCKET)
}

/** The one whole millisecond that the bucket has, else the value that is off from both bounds by the same share of them. */
function middleMs(bucket: number): number {
  const upper = BOUNDS_MS[bucket]!
  const whole = Math.floor(upper)
  if (bucket === 0) return 0
  return whole - 1 <= upper / RATIO ? whole : (2 * upper) / (1 + RATIO)
}

/** Upper bounds in seconds of the classic histogram: powers of two, each a bucket's own bound, so that no count is an estimate. */
export const CLASSIC_SECONDS: readonly number[] = Array.from({ length: 16 }, (_, step) => 2 ** (step - 9))
const CLASSIC_LAST = CLASSIC_SECONDS.map((seconds) => Math.log2(seconds) * PER_OCTAVE - FIRST_INDEX + 1)

/** For each of `CLASSIC_SECONDS` how many durations do not exceed it. */
export function classicCounts(buckets: Buckets): number[] {
  let bucket = 0
  let count = 0
  return CLASSIC_LAST.map((last) => {
    for (; bucket <= last; bucket++) count += buckets[bucket]!
    return count
  })
}

/** The place in `CLASSIC_SECONDS` of the first bound that a duration does not exceed; their number if it exceeds all. */
export function classicPlace(durationMs: number): number {
  const bucket = bucketOf(durationMs)
  const place = CLASSIC_LAST.findIndex((last) => bucket <= last)
  return place === -1 ? CLASSIC_LAST.length : place
}
