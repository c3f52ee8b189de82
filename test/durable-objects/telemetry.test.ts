import { runInDurableObject } from "cloudflare:test"
import { env } from "cloudflare:workers"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Tally, TelemetryReport, WindowQuery } from "#shared/model/telemetry.ts"
import { FIELD, type Series } from "#shared/telemetry/series.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"
import { decode, encode } from "#shared/telemetry/wire.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { evict } from "./evict.ts"

const { TELEMETRY } = env as unknown as ControlEnv
const START_MS = 1_700_000_000_000
const SLOT_MS = LIMITS.telemetrySlotMs

let objects = 0
let shard: ReturnType<typeof TELEMETRY.getByName>
let nowMs = START_MS

beforeEach(() => {
  shard = TELEMETRY.getByName(`shard-${objects++}`)
  nowMs = START_MS
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs })
})
afterEach(() => {
  vi.useRealTimers()
})

function pass(ms: number): void {
  nowMs += ms
  vi.setSystemTime(nowMs)
}

function seriesOf(to: string, times: number, ms = 5): readonly Series[] {
  const table = new SeriesTable()
  const row = table.row("public", to, "", "default/r/0", "", 200, "")
  for (let time = 0; time < times; time++) table.count(row, ms, 1, false, 0, 0)
  return table.take()
}

/** A second after the one before, so that it is stored at once. */
function report(sequence: number, series: readonly Series[], more: Partial<TelemetryReport> = {}) {
  pass(1_000)
  const tallies: readonly Tally[] = []
  return shard.report({ isolate: "i1", sequence, series: encode(series), tallies, snapshotAgeMs: 0, ...more })
}

async function requests(): Promise<Record<string, number>> {
  return sums((await shard.totals()).series)
}

function sums(bytes: Uint8Array): Record<string, number> {
  const series = decode(bytes)
  if ("reason" in series) throw new Error(series.reason)
  return Object.fromEntries(series.map(({ labels, numbers }) => [labels.to, numbers[FIELD.requests]!]))
}

async function window(query: Partial<WindowQuery> & Pick<WindowQuery, "starts">): Promise<Record<string, number>[]> {
  return (await shard.window({ by: "service", ...query })).map(sums)
}

function slots(): Promise<number[]> {
  return runInDurableObject(shard, (_object, { storage }) =>
    [...storage.sql.exec<{ number: number }>("SELECT DISTINCT number FROM slots ORDER BY number")].map(
      (row) => row.number,
    ),
  )
}

describe("a shard of telemetry", () => {
  it("counts each report once, also when it was evicted in between", async () => {
    expect(await report(1, seriesOf("default/a", 3))).toEqual({ outcome: "counted", paceMs: LIMITS.telemetryPaceMs })
    await evict(shard)
    await report(1, seriesOf("default/a", 3))
    await report(2, seriesOf("default/a", 4))
    await evict(shard)
    expect(await requests()).toEqual({ "default/a": 7 })
    const { tallies } = await shard.totals()
    expect(Object.fromEntries(tallies.map(([name, , count]) => [name, count]))).toEqual({
      isolate_starts: 1,
      repeated_reports: 1,
    })
  })

  it("keeps when a series began over evictions", async () => {
    await report(1, seriesOf("default/a", 1))
    const before = (await shard.totals()).createdMs
    pass(3 * SLOT_MS)
    await report(2, seriesOf("default/a", 1))
    await evict(shard)
    expect((await shard.totals()).createdMs).toEqual(before)
    expect(before).toEqual([START_MS])
  })

  it("refuses what it cannot read, with a reason", async () => {
    expect(
      await shard.report({ isolate: "i1", sequence: 1, series: Uint8Array.from([7]), tallies: [], snapshotAgeMs: 0 }),
    ).toEqual({
      ...{ outcome: "refused", reason: "it has version 7, and 1 is known here" },
    })
    expect(await requests()).toEqual({})
  })

  it("stores what comes within a second together, and acknowledges none of it before", async () => {
    await report(1, seriesOf("default/a", 1))
    const acknowledged: string[] = []
    const waiting = ["i2", "i3"].map(async (isolate) => {
      await shard.report({
        isolate,
        sequence: 1,
        series: encode(seriesOf("default/a", 1)),
        tallies: [],
        snapshotAgeMs: 0,
      })
      acknowledged.push(isolate)
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(acknowledged).toEqual([])
    await Promise.all(waiting)
    expect(await requests()).toEqual({ "default/a": 3 })
    await evict(shard)
    expect(await requests()).toEqual({ "default/a": 3 })
  })

  it("asks isolates for patience when there are many", async () => {
    const isolates = LIMITS.shardReportsPerSecond * 4
    const paces = Array.from({ length: isolates }, async (_, index) => {
      const reply = await shard.report({
        isolate: `i${index}`,
        sequence: 1,
        series: encode([]),
        tallies: [],
        snapshotAgeMs: 0,
      })
      return reply.outcome === "counted" ? [reply.paceMs, reply.gapMs ?? 0] : []
    })
    expect(Math.max(...(await Promise.all(paces)).flat())).toBe(4_000)
    const reply = await shard.report({ isolate: "i0", sequence: 2, series: encode([]), tallies: [], snapshotAgeMs: 0 })
    expect(reply).toMatchObject({ outcome: "counted", paceMs: 4_000, gapMs: 4_000 })
  })

  it("tells of the last minutes, step by step, from memory and from storage alike", async () => {
    for (let slot = 0; slot < 4; slot++) {
      await report(slot + 1, seriesOf(slot % 2 === 0 ? "default/a" : "default/b", slot + 1))
      pass(SLOT_MS - 1_000)
    }
    const starts = [START_MS, START_MS + 2 * SLOT_MS]
    const expected = [
      { "default/a": 1, "default/b": 2 },
      { "default/a": 3, "default/b": 4 },
    ]
    expect(await window({ starts })).toEqual(expected)
    await evict(shard)
    expect(await window({ starts })).toEqual(expected)
    expect(await window({ starts: [START_MS + SLOT_MS] })).toEqual([{ "default/b": 6, "default/a": 3 }])
    expect(await window({ starts, to: "default/b" })).toEqual([{ "default/b": 2 }, { "default/b": 4 }])
  })

  it("keeps an hour of slots, and all sums", async () => {
    const count = LIMITS.telemetrySlots + LIMITS.telemetryBaseSlots + 1
    for (let slot = 1; slot <= count; slot++) {
      await report(slot, seriesOf("default/a", 1))
      pass(SLOT_MS)
    }
    const kept = await slots()
    expect(kept[0]).toBe(0)
    expect(kept.length).toBeGreaterThan(LIMITS.telemetrySlots)
    expect(kept.length).toBeLessThanOrEqual(LIMITS.telemetrySlots + LIMITS.telemetryBaseSlots + 1)
    expect(kept.at(-1)).toBe(count)
    await evict(shard)
    expect(await requests()).toEqual({ "default/a": count })
  })

  it("counts on when the clock is put back or ahead", async () => {
    await report(1, seriesOf("default/a", 1))
    for (const [index, ms] of [-86_400_000, 2 * 86_400_000, -5_000, -SLOT_MS].entries()) {
      pass(ms)
      await report(index + 2, seriesOf("default/a", 1))
    }
    await evict(shard)
    expect(await requests()).toEqual({ "default/a": 5 })
  })

  it("leaves no storage behind when it is only asked", async () => {
    expect(await requests()).toEqual({})
    expect(await window({ starts: [START_MS] })).toEqual([{}])
    const tables = await runInDurableObject(shard, (_object, { storage }) => [
      ...storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('slots', 'migrations')"),
    ])
    expect(tables).toEqual([])
  })

  it("begins anew, and says so by when, if a newer version wrote what it finds", async () => {
    await report(1, seriesOf("default/a", 5))
    await runInDurableObject(shard, (_object, { storage }) => {
      storage.sql.exec("UPDATE slots SET series = ?", Uint8Array.from([99]).buffer)
    })
    await evict(shard)
    pass(SLOT_MS)
    await report(2, seriesOf("default/a", 2))
    expect(await requests()).toEqual({ "default/a": 2 })
    expect((await shard.totals()).createdMs).toEqual([START_MS + SLOT_MS])
  })

  it("holds as many series as it may, in rows that storage takes", async () => {
    const table = new SeriesTable(LIMITS.shardSeriesMax)
    for (let index = 0; index < LIMITS.shardSeriesMax; index++) {
      const row = table.row(
        "public",
        `team-${index}/a-service-with-a-long-name`,
        "",
        `${"r".repeat(400)}/${index}`,
        "",
        200,
        "",
      )
      for (let ms = 1; ms < 2_000; ms *= 2) table.count(row, ms, 1, false, 0, 0)
    }
    const series = encode(table.take())
    expect(series.length).toBeGreaterThan(2 * 1024 * 1024)
    expect(await shard.report({ isolate: "i1", sequence: 1, series, tallies: [], snapshotAgeMs: 0 })).toMatchObject({
      outcome: "counted",
    })
    await evict(shard)
    expect(Object.keys(await requests())).toHaveLength(LIMITS.shardSeriesMax)
  })

  it("is gone and back when storage does not take what it has, and nothing is acknowledged then", async () => {
    await report(1, seriesOf("default/a", 1))
    await runInDurableObject(shard, (_object, { storage }) => {
      storage.sql.exec(
        "CREATE TRIGGER full BEFORE INSERT ON slots WHEN NEW.start_ms > 0 BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      )
    })
    pass(2_000)
    const told = { isolate: "i1", sequence: 2, series: encode(seriesOf("default/a", 2)), tallies: [], snapshotAgeMs: 0 }
    const refused = await runInDurableObject(shard, (object) =>
      object.report(told).catch((error: Error) => error.message),
    )
    expect(refused).toMatch(/disk full/)
    await runInDurableObject(shard, (_object, { storage }) => void storage.sql.exec("DROP TRIGGER full"))
    await report(2, seriesOf("default/a", 2))
    expect(await requests()).toEqual({ "default/a": 3 })
  })
})

describe("recorded exchanges", () => {
  const TRACE = "0af7651916cd43dd8448eb211c80319c"
  const record = (traceId: string, more: object = {}) => JSON.stringify({ trace: { traceId }, ...more })

  it("are kept by their trace, over a restart, for an hour", async () => {
    const recorded = [record(TRACE, { atMs: 1 }), record("f".repeat(32)), record(TRACE, { atMs: 2 })]
    await report(1, seriesOf("a", 1), { recorded })
    await evict(shard)
    expect(await shard.recordedOf(TRACE)).toEqual([recorded[0], recorded[2]])
    expect(await shard.recordedOf("e".repeat(32))).toEqual([])
    pass(LIMITS.keptForMs)
    expect(await shard.recordedOf(TRACE)).toEqual([])
  })

  it("are not kept twice when their report comes again, and what is none is left out", async () => {
    const recorded = [record(TRACE), "{", record("../x"), record(TRACE, { x: "y".repeat(LIMITS.keptCharsMax) }), 7]
    await report(1, seriesOf("a", 1), { recorded: recorded as string[] })
    await report(1, seriesOf("a", 1), { recorded: recorded as string[] })
    expect(await shard.recordedOf(TRACE)).toEqual([recorded[0]])
    expect(await requests()).toEqual({ a: 1 })
  })

  it("make room for newer ones", async () => {
    await report(1, seriesOf("a", 1), { recorded: [record(TRACE)] })
    await runInDurableObject(shard, (_object, { storage: { sql } }) => {
      for (let row = 0; row < LIMITS.keptReportsMax - 1; row++)
        sql.exec("INSERT INTO exchanges (at_ms, traces, records) VALUES (0, '', '[]')")
    })
    expect(await shard.recordedOf(TRACE)).toHaveLength(1)
    await report(2, seriesOf("a", 1), { recorded: [record("f".repeat(32))] })
    expect(await shard.recordedOf(TRACE)).toEqual([])
  })

  it("are unknown to a shard that nobody reported to, which keeps nothing of the question", async () => {
    expect(await shard.recordedOf(TRACE)).toEqual([])
    const tables = await runInDurableObject(
      shard,
      (_object, { storage: { sql } }) =>
        [...sql.exec("SELECT name FROM sqlite_master WHERE name = 'exchanges'")].length,
    )
    expect(tables).toBe(0)
  })
})
