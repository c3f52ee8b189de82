import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  addBuckets,
  BUCKETS,
  boundMs,
  bucketOf,
  CLASSIC_SECONDS,
  classicCounts,
  classicPlace,
  ERROR_MAX,
  indexOf,
  LAST_BUCKET,
  quantile,
  totalOf,
} from "#shared/telemetry/histogram.ts"

const MAX_MS = 4_096_000
const durations = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: MAX_MS })),
  { minLength: 1, maxLength: 300 },
)

function histogramOf(values: readonly number[]): Float64Array {
  const buckets = new Float64Array(BUCKETS)
  for (const value of values) buckets[bucketOf(value)]! += 1
  return buckets
}

/** The nearest rank, from the values themselves. */
function exactQuantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!
}

describe("a bucket", () => {
  it("holds what is over the bound below it and not over its own", () => {
    const wrong: number[] = []
    for (let ms = 1; ms < MAX_MS; ms++) {
      const bucket = bucketOf(ms)
      if (!(ms <= boundMs(bucket) && (bucket === 1 || ms > boundMs(bucket - 1)))) wrong.push(ms)
    }
    expect(wrong).toEqual([])
  })

  it.each([
    ["a power of two of seconds", 250, 0.25],
    ["another one", 64_000, 64],
    ["the eighth root of one", Math.floor(1000 * 2 ** (3 / 8)), 2 ** (3 / 8)],
  ])("ends with %s", (_, ms, bound) => {
    expect(boundMs(bucketOf(ms))).toBeCloseTo(bound * 1000, 9)
  })

  it("has the index that Prometheus gives it", () => {
    for (const ms of [1, 3, 250, 1_000, 77_777])
      expect(boundMs(bucketOf(ms))).toBe(1000 * 2 ** (indexOf(bucketOf(ms)) / 8))
  })

  it.each([
    ["no time", 0, 0],
    ["a clock that was put back", -3_600_000, 0],
    ["no number", Number.NaN, 0],
    ["less than the clock can tell", 0.9, 0],
    ["a clock that jumped ahead", 1e15, LAST_BUCKET],
    ["for ever", Number.POSITIVE_INFINITY, LAST_BUCKET],
  ])("takes %s", (_, ms, bucket) => {
    expect(bucketOf(ms)).toBe(bucket)
  })
})

describe("a quantile", () => {
  it("is at most 5 % off the exact one, and below 12 ms not at all", () => {
    expect(ERROR_MAX).toBeLessThan(0.05)
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const exact = exactQuantile(values, share)
        const told = quantile(histogramOf(values), share)!
        const error = exact === 0 ? told : Math.abs(told - exact) / exact
        expect(error).toBeLessThanOrEqual(exact < 12 ? 0 : ERROR_MAX + 1e-12)
      }),
      { numRuns: 2_000 },
    )
  })

  it("is as bad as it is said to be, somewhere", () => {
    const errors = Array.from({ length: 100_000 }, (_, ms) =>
      ms === 0 ? 0 : Math.abs(quantile(histogramOf([ms]), 0.5)! - ms) / ms,
    )
    expect(Math.max(...errors)).toBeGreaterThan(0.04)
  })

  it("of nothing is none", () => {
    expect(quantile(histogramOf([]), 0.5)).toBeUndefined()
  })
})

describe("histograms", () => {
  it("add up to the histogram of all values, in any order and any grouping", () => {
    fc.assert(
      fc.property(durations, durations, durations, (a, b, c) => {
        const all = histogramOf([...a, ...b, ...c])
        const grouped = histogramOf(b)
        addBuckets(grouped, histogramOf(c))
        const left = histogramOf(a)
        addBuckets(left, grouped)
        const turned = histogramOf(c)
        addBuckets(turned, histogramOf(a))
        addBuckets(turned, histogramOf(b))
        expect(left).toEqual(all)
        expect(turned).toEqual(all)
        expect(totalOf(all)).toBe(a.length + b.length + c.length)
      }),
    )
  })

  it("give the classic ones exactly", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const exact = CLASSIC_SECONDS.map((bound) => values.filter((ms) => ms <= bound * 1000).length)
        expect(classicCounts(histogramOf(values))).toEqual(exact)
        for (const ms of values) {
          const place = CLASSIC_SECONDS.findIndex((bound) => ms <= bound * 1000)
          expect(classicPlace(ms)).toBe(place === -1 ? CLASSIC_SECONDS.length : place)
        }
      }),
    )
  })
})
