import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BUCKETS } from "#shared/telemetry/histogram.ts"
import { CLASSES, FIELDS, type Series } from "#shared/telemetry/series.ts"
import { decode, encode } from "#shared/telemetry/wire.ts"

const label = fc.constantFrom(
  "",
  "public",
  "default/orders",
  "default/shop/checkout>default/orders/0",
  "getOrder",
  "users.get",
)
const whole = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.maxSafeNat())
const hex = fc.stringMatching(/^[0-9a-f]{32}$/)

const series: fc.Arbitrary<Series> = fc
  .record({
    labels: fc.record({
      ...{ from: label, to: label, subset: label, rule: label, method: label },
      class: fc.constantFrom(...CLASSES),
      refusal: fc.constantFrom("", "rate_limited", "overloaded"),
    }),
    numbers: fc.tuple(...FIELDS.map(() => whole)).map((numbers) => Float64Array.from(numbers)),
    buckets: fc.dictionary(fc.integer({ min: 0, max: BUCKETS - 1 }).map(String), whole).map((hit) => {
      const buckets = new Float64Array(BUCKETS)
      for (const [bucket, count] of Object.entries(hit)) buckets[Number(bucket)] = count
      return buckets
    }),
    exemplar: fc.option(fc.record({ traceId: hex, durationMs: whole, atMs: whole }), { nil: undefined }),
  })
  .map(({ exemplar, ...rest }) => ({ ...rest, ...(exemplar && { exemplar }) }) as Series)

describe("series on the wire", () => {
  it("arrive as they were sent", () => {
    fc.assert(
      fc.property(fc.array(series, { maxLength: 20 }), (sent) => {
        expect(decode(encode(sent))).toEqual(sent)
      }),
    )
  })

  it("are small: a series that was hit a few times takes less than its labels", () => {
    const many = Array.from({ length: 1_000 }, (_, index): Series => {
      const buckets = new Float64Array(BUCKETS)
      for (let bucket = 30; bucket < 38; bucket++) buckets[bucket] = 17
      const labels = {
        from: "default/storefront",
        to: `default/service-${index % 50}`,
        subset: "v2",
        rule: `default/shop/${index}`,
      }
      return {
        labels: { ...labels, method: "", class: "2xx", refusal: "" },
        numbers: Float64Array.from([136, 4_711, 140, 4, 0]),
        buckets,
      }
    })
    const bytes = encode(many).length
    expect(bytes / many.length).toBeLessThan(60)
    expect(bytes * 4).toBeLessThan(JSON.stringify(many.map(({ labels }) => labels)).length * 2)
  })

  it("may be of a newer version that counts more", () => {
    const [one] = fc.sample(series, { numRuns: 1, seed: 1 }) as [Series]
    const newer = { ...one, numbers: Float64Array.from([...one.numbers, 7, 8]) }
    const [read] = decode(encode([newer])) as Series[]
    expect([...read!.numbers]).toEqual([...one.numbers])
    const older = { ...one, numbers: one.numbers.slice(0, 2) }
    expect([...(decode(encode([older])) as Series[])[0]!.numbers]).toEqual(
      FIELDS.map((_, index) => older.numbers[index] ?? 0),
    )
  })
})

describe("bytes that are not series", () => {
  it("are refused with a reason, never thrown on", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const read = decode(bytes)
        if ("reason" in read) expect(read.reason).toMatch(/\w/)
      }),
      { numRuns: 2_000 },
    )
  })

  it("are refused when a whole one is damaged or cut", () => {
    const sent = fc.sample(series, { numRuns: 5, seed: 3 })
    const bytes = encode(sent)
    for (let length = 0; length < bytes.length; length++)
      expect(decode(bytes.slice(0, length))).toHaveProperty("reason")
    expect(decode(Uint8Array.from([...bytes, 0]))).toEqual({ reason: "bytes follow the end" })
    for (let index = 0; index < bytes.length; index++) {
      const damaged = bytes.slice()
      damaged[index]! ^= 0xff
      expect(() => decode(damaged)).not.toThrow()
    }
  })

  it.each<readonly [string, readonly number[], RegExp]>([
    ["a later version", [2, 0, 0], /version 2/],
    ["more texts than series could have", [1, 0xff, 0xff, 0xff, 0x7f], /over its limit/],
    ["more series than there may be", [1, 0, 0xff, 0xff, 0x7f], /over its limit/],
    ["a label with a line feed", [1, 1, 1, 10, 0], /no id has/],
    ["a label that is not ASCII", [1, 1, 2, 0xc3, 0xa9, 0], /no id has/],
    ["a label that is not even UTF-8", [1, 1, 1, 0xff, 0], /no id has/],
    ["a number without end", [1, 0, ...Array<number>(12).fill(0xff)], /over its limit/],
  ])("are refused for %s", (_, bytes, reason) => {
    const read = decode(Uint8Array.from(bytes))
    expect("reason" in read && read.reason).toMatch(reason)
  })
})
