import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { RefusalName } from "#shared/model/refusal.ts"
import { bucketOf, totalOf } from "#shared/telemetry/histogram.ts"
import { addSample, CLASSES, FIELD, keyOf, newSample, OTHER, type Series } from "#shared/telemetry/series.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"

interface Request {
  readonly from: string
  readonly to: string
  readonly rule: string
  readonly status: number
  readonly refusal: RefusalName | ""
  readonly ms: number
  readonly attempts: number
}

const request: fc.Arbitrary<Request> = fc.record({
  from: fc.constantFrom("public", "default/a", "default/b"),
  to: fc.constantFrom("", "default/b", "default/c"),
  rule: fc.constantFrom("", "default/r/0", "default/r/1"),
  status: fc.constantFrom(101, 200, 204, 302, 404, 500, 503, 999, 0),
  refusal: fc.constantFrom("", "rate_limited", "circuit_open"),
  ms: fc.integer({ min: -5, max: 100_000 }),
  attempts: fc.integer({ min: 0, max: 4 }),
})

function count(table: SeriesTable, { from, to, rule, status, refusal, ms, attempts }: Request): void {
  table.count(table.row(from, to, "", rule, "", status, refusal), ms, attempts, attempts === 4, 0, 0)
}

const sumOf = (series: readonly Series[], field: keyof typeof FIELD) =>
  series.reduce((sum, { numbers }) => sum + numbers[FIELD[field]]!, 0)

const classOf = (status: number) => CLASSES.find((kind) => kind[0] === String(status)[0] && status < 600) ?? "5xx"

describe("an isolate's table", () => {
  it("counts every request once, under its own labels", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 200 }), (requests) => {
        const table = new SeriesTable()
        for (const one of requests) count(table, one)
        const taken = table.take()
        const expected = Map.groupBy(requests, ({ from, to, rule, status, refusal }) =>
          keyOf({ from, to, subset: "", rule, method: "", class: classOf(status), refusal }),
        )
        expect(new Set(taken.map(({ labels }) => keyOf(labels)))).toEqual(new Set(expected.keys()))
        for (const { labels, numbers, buckets } of taken) {
          const own = expected.get(keyOf(labels))!
          expect(numbers[FIELD.requests]).toBe(own.length)
          expect(numbers[FIELD.durationMs]).toBe(own.reduce((sum, { ms }) => sum + Math.max(0, ms), 0))
          expect(numbers[FIELD.attempts]).toBe(own.reduce((sum, { attempts }) => sum + attempts, 0))
          expect(numbers[FIELD.retries]).toBe(own.reduce((sum, { attempts }) => sum + Math.max(0, attempts - 1), 0))
          expect(numbers[FIELD.budgetExhausted]).toBe(own.filter(({ attempts }) => attempts === 4).length)
          for (const { ms } of own) expect(buckets[bucketOf(ms)]).toBeGreaterThan(0)
          expect(totalOf(buckets)).toBe(own.length)
        }
        expect(table.take()).toEqual([])
      }),
    )
  })

  it("takes a million label sets within its limit, and loses no request", () => {
    const table = new SeriesTable(1_000)
    const offered = 1_000_000
    let most = 0
    for (let index = 0; index < offered; index++) {
      const status = index % 10 === 0 ? 503 : 200
      table.count(table.row(`a/${index}`, `b/${index % 777}`, "", `r/${index}`, "", status, ""), 3, 1, false, 0, 0)
      most = Math.max(most, table.size)
    }
    const { overflowed } = table
    const taken = table.take()
    expect(most).toBe(1_000)
    expect(table.bytes).toBeLessThan(1024 * 1024)
    expect(taken.length).toBeLessThanOrEqual(1_000 + CLASSES.length)
    expect(sumOf(taken, "requests")).toBe(offered)
    const others = taken.filter(({ labels }) => labels.rule === OTHER)
    expect(sumOf(others, "requests")).toBe(overflowed)
    expect(overflowed).toBe(offered - 1_000)
    // By class, so that a flood of labels hides no failures.
    expect(
      sumOf(
        taken.filter(({ labels }) => labels.class === "5xx"),
        "requests",
      ),
    ).toBe(offered / 10)
  })

  it("has places again after it was taken", () => {
    const table = new SeriesTable(8)
    const fill = (prefix: string) => {
      for (let index = 0; index < 20; index++)
        table.count(table.row(`${prefix}${index}`, "", "", "", "", 200, ""), 1, 1, false, 0, 0)
      return table.take().map(({ labels }) => labels.from)
    }
    expect(fill("a")).toEqual(["other", ..."01234567".split("").map((digit) => `a${digit}`)])
    expect(fill("b")).toEqual(["other", ..."01234567".split("").map((digit) => `b${digit}`)])
  })

  it("says when it is filling up, before it runs over", () => {
    const table = new SeriesTable(20)
    let filledAt = 0
    for (let index = 1; index <= 20 && filledAt === 0; index++) {
      table.row(`a${index}`, "", "", "", "", 200, "")
      if (table.isFilling) filledAt = index
    }
    expect(filledAt).toBeGreaterThan(0)
    expect(filledAt).toBeLessThan(15)
  })

  it("tells no label that could break a line of text", () => {
    const table = new SeriesTable()
    table.count(table.row("a b", 'x"y\n', "", "r".repeat(5_000), "", 200, ""), 1, 1, false, 0, 0)
    expect(table.take()[0]!.labels).toMatchObject({ from: OTHER, to: OTHER, rule: OTHER, class: "2xx" })
  })

  it("shows one request of each series: a sampled one before others, then the slowest", () => {
    const table = new SeriesTable()
    const row = table.row("public", "default/a", "", "", "", 200, "")
    const offer = (traceId: string, isSampled: boolean, ms: number) => {
      table.count(row, ms, 1, false, 0, 0)
      table.exemplify(row, traceId, isSampled, ms, 1_000 + ms)
    }
    const shown = () => table.take()[0]!.exemplar
    offer("fast", false, 1)
    offer("slow", false, 9)
    offer("slower than fast", false, 5)
    expect(shown()).toEqual({ traceId: "slow", durationMs: 9, atMs: 1_009 })
    offer("sampled", true, 2)
    offer("unsampled", false, 99)
    offer("sampled and slower", true, 3)
    offer("sampled and faster", true, 1)
    expect(shown()).toEqual({ traceId: "sampled and slower", durationMs: 3, atMs: 1_003 })
    table.count(row, 1, 1, false, 0, 0)
    expect(shown()).toBeUndefined()
  })
})

describe("samples", () => {
  it("add up in any order", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 50 }), fc.array(request, { maxLength: 50 }), (a, b) => {
        const sampleOf = (...parts: Request[][]) => {
          const sample = newSample()
          for (const part of parts) {
            const table = new SeriesTable()
            for (const one of part) count(table, one)
            for (const series of table.take()) addSample(sample, series)
          }
          return sample
        }
        expect(sampleOf(a, b)).toEqual(sampleOf(b, a))
        expect(sampleOf(a, b)).toEqual(sampleOf([...a, ...b]))
      }),
    )
  })
})
