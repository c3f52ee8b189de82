/** A shard under isolates that ask again, restarts at any moment, and clocks that jump. Storage is a map; time is the story's. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Tally, TelemetryReport } from "#shared/model/telemetry.ts"
import { Collector } from "#shared/telemetry/collector.ts"
import { BUCKETS, bucketOf } from "#shared/telemetry/histogram.ts"
import { FIELD, FIELDS, keyOf, type Labels, OTHER, type Series } from "#shared/telemetry/series.ts"
import type { Stored, StoredSlot } from "#shared/telemetry/slot.ts"
import { encode } from "#shared/telemetry/wire.ts"

const SLOT_MS = LIMITS.telemetrySlotMs
const START_MS = 1_700_000_000_000

const labelsOf = (to: string, kind: Labels["class"] = "2xx"): Labels => ({
  ...{ from: "public", to, subset: "", rule: "default/r/0", method: "", class: kind, refusal: "" },
})

function seriesOf(labels: Labels, requests: number, ms = 5): Series {
  const numbers = new Float64Array(FIELDS.length)
  const buckets = new Float64Array(BUCKETS)
  numbers[FIELD.requests] = requests
  numbers[FIELD.durationMs] = requests * ms
  buckets[bucketOf(ms)] = requests
  return { labels, numbers, buckets }
}

interface Told {
  readonly isolate?: string
  readonly sequence: number
  readonly series?: readonly Series[]
  readonly tallies?: readonly Tally[]
}

const report = ({ isolate = "i1", sequence, series = [], tallies = [] }: Told): TelemetryReport => ({
  ...{ isolate, sequence, series: encode(series), tallies, snapshotAgeMs: 100 },
})

/** The object around the collector: stores when it says so, restarts when the story does. */
class Shard {
  nowMs = START_MS
  base: Stored | undefined
  readonly slots = new Map<number, StoredSlot>()
  collector = new Collector(this.nowMs)

  take(told: Told): string {
    if (this.collector.isOver(this.nowMs)) this.turn()
    return this.collector.take(report(told), this.nowMs).outcome
  }

  store(): void {
    if (!this.collector.isDirty) return
    this.slots.set(this.collector.slot.number, { ...this.collector.slot, ...this.collector.stored() })
    this.collector.kept()
  }

  turn(): void {
    this.store()
    if (this.collector.slot.number % 3 === 0) this.base = this.collector.base()
    this.collector.turn(this.nowMs)
  }

  restart(): void {
    const through = this.base ? (JSON.parse(this.base.about) as { through: number }).through : 0
    const after = [...this.slots.values()].filter(({ number }) => number > through)
    this.collector = new Collector(this.nowMs, this.base, after)
  }

  /** By service. */
  get requests(): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const { labels, numbers } of this.collector.totals()) {
      sums[labels.to] = (sums[labels.to] ?? 0) + numbers[FIELD.requests]!
    }
    return sums
  }

  tally(name: string): number {
    return this.collector.tallies().reduce((sum, [one, , count]) => sum + (one === name ? count : 0), 0)
  }
}

describe("a shard", () => {
  it("counts a report once, however often it comes", () => {
    const shard = new Shard()
    const told = { sequence: 1, series: [seriesOf(labelsOf("default/a"), 7)] }
    expect([shard.take(told), shard.take(told), shard.take(told)]).toEqual(["counted", "repeated", "repeated"])
    expect(shard.requests).toEqual({ "default/a": 7 })
    expect(shard.tally("repeated_reports")).toBe(2)
    expect(shard.tally("isolate_starts")).toBe(1)
  })

  it("knows of reports that never came", () => {
    const shard = new Shard()
    shard.take({ sequence: 1 })
    shard.take({ sequence: 4 })
    shard.take({ sequence: 5 })
    expect(shard.tally("lost_reports")).toBe(2)
  })

  it("refuses what it cannot read, and counts nothing of it", () => {
    const shard = new Shard()
    const bad: Partial<TelemetryReport>[] = [
      { isolate: "a b" },
      { sequence: 0 },
      { sequence: 1.5 },
      { series: Uint8Array.from([9]) },
      { snapshotAgeMs: Number.NaN },
      { tallies: "no" as never },
    ]
    for (const wrong of bad) {
      const outcome = shard.collector.take({ ...report({ sequence: 1 }), ...wrong }, shard.nowMs)
      expect(outcome).toMatchObject({ outcome: "refused", reason: expect.stringMatching(/\w/) })
    }
    expect(shard.collector.totals()).toEqual([])
    expect(shard.take({ sequence: 1 })).toBe("counted")
  })

  it("adds up tallies by label, and leaves out what it does not know", () => {
    const shard = new Shard()
    const unknown = ["moon_phases", "", 3] as unknown as Tally
    shard.take({ sequence: 1, tallies: [["ejections", "default/a", 2], unknown, ["ejections", "a b", 1]] })
    shard.take({
      sequence: 2,
      tallies: [
        ["ejections", "default/a", 1],
        ["ejections", "default/b", 5],
        ["pull_failures", "", -1],
      ],
    })
    const told = shard.collector.tallies().map(([name, label, count]) => `${name} ${label} ${count}`)
    expect(told).toEqual(["isolate_starts  1", "ejections default/a 3", "ejections default/b 5"])
  })

  it("has a limit of series; what is beyond is other, by class, and known", () => {
    const shard = new Shard()
    const flood = Array.from({ length: LIMITS.shardSeriesMax }, (_, index) => seriesOf(labelsOf(`x/${index}`), 1))
    shard.take({ sequence: 1, series: flood })
    shard.take({ sequence: 2, series: [seriesOf(labelsOf("late/a"), 2), seriesOf(labelsOf("late/b", "5xx"), 3)] })
    shard.take({ sequence: 3, series: [seriesOf(labelsOf("late/a"), 4), seriesOf(labelsOf("x/0"), 1)] })
    expect(shard.collector.totals()).toHaveLength(LIMITS.shardSeriesMax + 2)
    expect(shard.requests).toMatchObject({ "x/0": 2, [OTHER]: 9 })
    expect(shard.tally("overflowed_requests")).toBe(9)
  })

  it("forgets series that were not hit for as long as slots are kept, when it needs their places", () => {
    const shard = new Shard()
    const flood = Array.from({ length: LIMITS.shardSeriesMax }, (_, index) => seriesOf(labelsOf(`x/${index}`), 1))
    shard.take({ sequence: 1, series: flood })
    shard.nowMs += LIMITS.telemetrySlots * SLOT_MS
    shard.take({ sequence: 2, series: [seriesOf(labelsOf("x/0"), 1)] })
    shard.nowMs += 2 * SLOT_MS
    shard.take({ sequence: 3, series: [seriesOf(labelsOf("new/a"), 1)] })
    expect(shard.requests).toEqual({ "x/0": 2, "new/a": 1 })
  })

  it("remembers only so many isolates, the last heard of", () => {
    const shard = new Shard()
    for (let index = 0; index <= LIMITS.telemetryIsolatesMax; index++) shard.take({ isolate: `i${index}`, sequence: 1 })
    expect(shard.take({ isolate: "i1", sequence: 1 })).toBe("repeated")
    expect(JSON.parse(shard.collector.base().about).isolates).toHaveLength(LIMITS.telemetryIsolatesMax)
  })

  it("says how many isolates live, and how old the oldest routes are", () => {
    const shard = new Shard()
    shard.take({ isolate: "a", sequence: 1 })
    shard.nowMs += LIMITS.isolateSilenceMsMax
    shard.take({ isolate: "b", sequence: 1 })
    expect(shard.collector.isolates(shard.nowMs)).toEqual({
      isolates: 2,
      snapshotAgeMs: 100 + LIMITS.isolateSilenceMsMax,
    })
    expect(shard.collector.isolates(shard.nowMs + 1)).toEqual({ isolates: 1, snapshotAgeMs: 101 })
  })
})

describe("a slot", () => {
  it("is over after its time, and when the clock is put back by as much", () => {
    const { collector } = new Shard()
    expect([0, 9_999, -9_999].map((ms) => collector.isOver(START_MS + ms))).toEqual([false, false, false])
    expect([SLOT_MS, -SLOT_MS, -86_400_000].map((ms) => collector.isOver(START_MS + ms))).toEqual([true, true, true])
    collector.turn(START_MS - 86_400_000)
    expect(collector.slot).toMatchObject({ number: 2, startMs: START_MS - 86_400_000 })
  })
})

describe("a restart", () => {
  it("brings back exactly what was stored, and when it began", () => {
    const shard = new Shard()
    for (let sequence = 1; sequence <= 8; sequence++) {
      shard.take({
        sequence,
        series: [seriesOf(labelsOf(`s/${sequence % 3}`), sequence, sequence)],
        tallies: [["pull_failures", "", 1]],
      })
      shard.nowMs += SLOT_MS
    }
    shard.store()
    const before = snapshotOf(shard.collector)
    shard.restart()
    expect(snapshotOf(shard.collector)).toEqual(before)
    expect(shard.base).toBeDefined()
  })

  it("in the midst of a slot goes on with it", () => {
    const shard = new Shard()
    shard.take({ sequence: 1, series: [seriesOf(labelsOf("s/a"), 1)] })
    shard.store()
    shard.restart()
    shard.take({ sequence: 2, series: [seriesOf(labelsOf("s/a"), 2)] })
    shard.store()
    shard.restart()
    expect(shard.requests).toEqual({ "s/a": 3 })
    expect(shard.slots.size).toBe(1)
  })

  it("loses nothing that was acknowledged and counts nothing twice, whatever fails when", () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("report" as const),
          isolate: fc.nat({ max: 2 }),
          count: fc.integer({ min: 1, max: 9 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("lost answer" as const),
          isolate: fc.nat({ max: 2 }),
          count: fc.integer({ min: 1, max: 9 }),
        }),
      },
      { weight: 2, arbitrary: fc.constant({ kind: "restart" as const }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant("time" as const),
          ms: fc.constantFrom(0, 900, SLOT_MS, 40 * SLOT_MS, -3_000, -SLOT_MS, -86_400_000, 86_400_000),
        }),
      },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const shard = new Shard()
        const isolates = [0, 1, 2].map(() => ({ sequence: 0, held: undefined as Told | undefined, sent: 0 }))
        const send = (index: number, count: number, isAnswered: boolean) => {
          const isolate = isolates[index]!
          if (!isolate.held) {
            isolate.sequence += 1
            isolate.sent += count
            const series = [seriesOf(labelsOf(`s/${index}`), count)]
            isolate.held = { isolate: `i${index}`, sequence: isolate.sequence, series }
          }
          expect(shard.take(isolate.held)).not.toBe("refused")
          if (!isAnswered) return
          // An acknowledgement leaves when all stands in storage.
          shard.store()
          isolate.held = undefined
        }
        for (const one of steps) {
          if (one.kind === "restart") shard.restart()
          else if (one.kind === "time") shard.nowMs += one.ms
          else send(one.isolate, one.count, one.kind === "report")
        }
        for (const [index, { held }] of isolates.entries()) if (held) send(index, 0, true)
        shard.restart()
        const expected = isolates.flatMap(({ sent }, index) => (sent > 0 ? [[`s/${index}`, sent]] : []))
        expect(shard.requests).toEqual(Object.fromEntries(expected))
        expect(shard.tally("lost_reports")).toBe(0)
      }),
      { numRuns: 500 },
    )
  })
})

function snapshotOf(collector: Collector) {
  return {
    series: collector
      .totals()
      .map(({ labels, numbers, buckets, createdMs }) => [keyOf(labels), [...numbers], [...buckets], createdMs]),
    tallies: collector.tallies(),
    slot: collector.current().map(({ labels, numbers }) => [keyOf(labels), [...numbers]]),
  }
}
