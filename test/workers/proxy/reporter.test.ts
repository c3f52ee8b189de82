/** The reports of an isolate to a shard that is slow, down, overloaded or gone. Time passes only when a story says so. */
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { TelemetryReport } from "#shared/model/telemetry.ts"
import type { TelemetryReply } from "#shared/protocol/telemetry.ts"
import { Collector } from "#shared/telemetry/collector.ts"
import { FIELD, type Series } from "#shared/telemetry/series.ts"
import { decode } from "#shared/telemetry/wire.ts"
import { StoryTime } from "#test/support/story-time.ts"
import { type Counted, Recorder } from "#workers/proxy/recorder.ts"
import { Reporter } from "#workers/proxy/reporter.ts"

const PACE_MS = LIMITS.telemetryPaceMs
const COUNTED: TelemetryReply = { outcome: "counted", paceMs: PACE_MS }

type Answer = (report: TelemetryReport) => Promise<TelemetryReply>
const counted: Answer = async () => COUNTED
const down: Answer = () => Promise.reject(new Error("the object is down"))
const hangs: Answer = () => new Promise(() => {})
const refuses: Answer = async () => ({ outcome: "refused", reason: "no" })

function exchangeAt(startedAtMs: number): Counted {
  return {
    ...{ entrance: { at: "gateway", gateway: "default/default" }, startedAtMs, hops: 1, nested: false, attempts: 1 },
    trace: { traceId: "0".repeat(31) + 1, parentId: undefined, spanId: "1".repeat(16), flags: "01" },
    ...{ matched: undefined, backend: { service: "default/a", weight: 1, filters: [] }, budgetExhausted: false },
  } as unknown as Counted
}

/** An isolate whose shard answers what the story says, one answer a report; the last one again and again. */
function isolate(...answers: Answer[]) {
  const time = new StoryTime(1_000_000)
  const reports: TelemetryReport[] = []
  const lines: string[] = []
  const analysed: Series[][] = []
  const background: Promise<unknown>[] = []
  const recorder = new Recorder()
  const reporter = new Reporter(recorder, {
    isolate: "i1",
    nowMs: () => time.nowMs,
    roll: () => 0.5,
    log: (line) => void lines.push(line),
    sleep: time.sleep,
    snapshotAgeMs: () => 7,
    shard: () => ({
      report: (report) => {
        reports.push(report)
        return (answers[reports.length - 1] ?? answers.at(-1)!)(report)
      },
    }),
    analyse: (series) => void analysed.push([...series]),
  })
  return {
    ...{ reports, lines, analysed, recorder },
    /** Requests, one after the other at the same time; `alive` ends what they leave behind. */
    request(times = 1, alive = true): void {
      for (let made = 0; made < times; made++) {
        recorder.count(exchangeAt(time.nowMs - 5), "http", { method: "GET" }, { status: 200 }, time.nowMs)
        reporter.counted(time.nowMs, { waitUntil: (promise) => void (alive && background.push(promise)) })
      }
      if (!alive) time.endSleepers()
    },
    /** One by a candidate, which fails. */
    fail(): void {
      const exchange = {
        ...exchangeAt(time.nowMs - 5),
        routes: { isCandidate: true, revision: 2 },
      } as unknown as Counted
      recorder.count(exchange, "http", { method: "GET" }, { status: 500 }, time.nowMs)
    },
    pass: (ms: number) => time.pass(ms),
    jump(ms: number): void {
      time.nowMs += ms
    },
    /** Requests in each report. */
    sent: () => reports.map(({ sequence, series }) => `${sequence}: ${requestsIn(series)}`),
  }
}

function requestsIn(bytes: Uint8Array): number {
  return (decode(bytes) as Series[]).reduce((sum, { numbers }) => sum + numbers[FIELD.requests]!, 0)
}

describe("an isolate's counts", () => {
  it("go out together after a pace, once", async () => {
    const { request, pass, sent, reports } = isolate(counted)
    request(3)
    await pass(PACE_MS - 1)
    request(2)
    expect(sent()).toEqual([])
    await pass(1)
    expect(sent()).toEqual(["1: 5"])
    expect(reports[0]).toMatchObject({ isolate: "i1", sequence: 1, tallies: [], snapshotAgeMs: 7 })
    await pass(60_000)
    expect(sent()).toEqual(["1: 5"])
  })

  it("do not stay behind in an isolate that falls idle, also those that came while a report was under way", async () => {
    let answer: (reply: TelemetryReply) => void = () => {}
    const { request, pass, sent } = isolate(() => new Promise((resolve) => (answer = resolve)), counted)
    request(1)
    await pass(PACE_MS)
    request(4)
    answer(COUNTED)
    await pass(PACE_MS)
    expect(sent()).toEqual(["1: 1", "2: 4"])
  })

  it("go out at once when they are many, but not again within the gap", async () => {
    const { request, pass, sent } = isolate(counted)
    request(LIMITS.telemetryRequests)
    await pass(0)
    expect(sent()).toEqual([`1: ${LIMITS.telemetryRequests}`])
    request(LIMITS.telemetryRequests + 5)
    await pass(LIMITS.telemetryGapMs - 1)
    expect(sent()).toHaveLength(1)
    await pass(1)
    request(1)
    await pass(0)
    expect(sent()[1]).toBe(`2: ${LIMITS.telemetryRequests + 6}`)
  })

  it("keep a longer gap where the shard asks for one, and a quarter of it when a candidate fails", async () => {
    const { request, pass, sent, fail } = isolate(async () => ({ outcome: "counted", paceMs: 8_000, gapMs: 8_000 }))
    request(LIMITS.telemetryRequests)
    await pass(0)
    request(LIMITS.telemetryRequests)
    await pass(1_999)
    request(1)
    await pass(0)
    expect(sent()).toHaveLength(1)
    fail()
    await pass(1)
    request(1)
    await pass(0)
    expect(sent()).toHaveLength(2)
  })

  it("go at the pace that the shard asks for, within bounds", async () => {
    const { request, pass, sent } = isolate(async () => ({ outcome: "counted", paceMs: 10_000 }))
    request()
    await pass(PACE_MS)
    request()
    await pass(9_999)
    expect(sent()).toHaveLength(1)
    await pass(1)
    expect(sent()).toHaveLength(2)
  })

  it("are analysed once for each report, also when it is sent again", async () => {
    const { request, pass, analysed, sent } = isolate(down, counted)
    request(2)
    await pass(30_000)
    expect(sent()).toEqual(["1: 2", "1: 2"])
    expect(analysed).toHaveLength(1)
  })
})

describe("a report that is not acknowledged", () => {
  it("goes out again as it was, under its number, and what was counted meanwhile comes after it", async () => {
    const { request, pass, sent, lines } = isolate(down, down, counted)
    request(3)
    await pass(PACE_MS)
    request(4)
    await pass(60_000)
    expect(sent()).toEqual(["1: 3", "1: 3", "1: 3", "2: 4"])
    expect(lines).toEqual([
      "telemetry does not answer; counting on: Error: the object is down",
      "telemetry answers again after 2 failures",
    ])
  })

  it("is left alone for longer when the shard has too much to do", async () => {
    const overloaded: Answer = () => Promise.reject(Object.assign(new Error("too much"), { overloaded: true }))
    const { request, pass, sent } = isolate(overloaded, counted)
    request(1)
    await pass(PACE_MS + 15_000)
    expect(sent()).toHaveLength(1)
    await pass(2_000)
    expect(sent()).toHaveLength(2)
  })

  it("does not come again when the platform would end it on its way", async () => {
    const { request, pass, reports } = isolate(down)
    request(1)
    await pass(28_000 - LIMITS.telemetryCallMs)
    const tries = reports.length
    await pass(60_000)
    expect(reports).toHaveLength(tries)
  })

  it("goes out again when its answer does not come in time", async () => {
    const { request, pass, sent } = isolate(hangs, counted)
    request(3)
    await pass(PACE_MS + LIMITS.telemetryCallMs + 2 * PACE_MS)
    expect(sent()).toEqual(["1: 3", "1: 3"])
  })

  it("goes out ever less often, and no more often for many requests", async () => {
    const { request, pass, reports } = isolate(down)
    for (let second = 0; second < 120; second++) {
      request(LIMITS.telemetryRequests)
      await pass(1_000)
    }
    expect(reports.length).toBeGreaterThan(5)
    expect(reports.length).toBeLessThan(15)
    expect(new Set(reports.map(({ sequence }) => sequence))).toEqual(new Set([1]))
  })

  it("is given up on after a quarter of an hour, and that is counted", async () => {
    let isDown = true
    const { request, pass, reports } = isolate((report) => (isDown ? down(report) : counted(report)))
    request(3)
    for (let ms = 0; ms <= LIMITS.telemetryHeldMs + 60_000; ms += 10_000) {
      await pass(10_000)
      request()
    }
    isDown = false
    await pass(60_000)
    expect(reports.filter(({ sequence }) => sequence === 1).length).toBeGreaterThan(40)
    expect(reports.find(({ sequence }) => sequence === 2)!.tallies).toEqual([["lost_requests", "", 3]])
  })

  it("is given up on at once when the shard refuses it", async () => {
    const { request, pass, sent, reports } = isolate(refuses, counted)
    request(3)
    await pass(PACE_MS)
    await pass(60_000)
    request(1)
    await pass(60_000)
    expect(sent()).toEqual(["1: 3", "2: 1"])
    expect(reports[1]!.tallies).toEqual([["lost_requests", "", 3]])
  })

  it("is counted once when two watches send it", async () => {
    const collector = new Collector(0)
    const outcomes: string[] = []
    const take: Answer = async (report) => {
      outcomes.push(collector.take(report, 0).outcome)
      return COUNTED
    }
    const slow: Answer = (report) => {
      outcomes.push(collector.take(report, 0).outcome)
      return new Promise(() => {})
    }
    const { request, pass } = isolate(slow, take)
    request(5)
    await pass(60_000)
    expect(outcomes).toEqual(["counted", "repeated"])
    expect(collector.totals().map(({ numbers }) => numbers[FIELD.requests])).toEqual([5])
  })
})

describe("a report that is under way twice, because the clock was put back meanwhile", () => {
  it("is answered twice, and the one after it is not taken for it", async () => {
    const answers: ((reply: TelemetryReply) => void)[] = []
    const { request, pass, jump, sent } = isolate(() => new Promise((answer) => void answers.push(answer)))
    request(3)
    await pass(PACE_MS)
    jump(-60_000)
    request(4)
    await pass(PACE_MS)
    expect(sent()).toEqual(["1: 3", "1: 3"])
    answers[0]!(COUNTED)
    request(5)
    await pass(PACE_MS)
    expect(sent()).toEqual(["1: 3", "1: 3", "2: 9"])
    answers[1]!(COUNTED)
    await pass(LIMITS.telemetryCallMs + 2 * PACE_MS)
    expect(sent().slice(3)).toEqual(["2: 9"])
  })
})

describe("a watch", () => {
  it("that ended with its request is replaced by the next request's", async () => {
    const { request, pass, sent } = isolate(counted)
    request(2, false)
    await pass(PACE_MS + LIMITS.telemetryCallMs)
    request(1)
    await pass(PACE_MS)
    expect(sent()).toEqual(["1: 3"])
  })

  it("ends when the platform would end it, and the next request takes up what is left", async () => {
    let isDown = true
    const { request, pass, sent } = isolate((report) => (isDown ? down(report) : counted(report)))
    request(2)
    await pass(120_000)
    const tries = sent().length
    expect(tries).toBeLessThan(6)
    await pass(120_000)
    expect(sent()).toHaveLength(tries)
    isDown = false
    request(1)
    await pass(60_000)
    expect(sent().slice(tries)).toEqual(["1: 2", "2: 1"])
  })

  it("that is gone is not waited for when the clock is put back", async () => {
    const { request, pass, jump, sent } = isolate(counted)
    request(2, false)
    jump(-3_600_000)
    request(1)
    await pass(PACE_MS)
    expect(sent()).toEqual(["1: 3"])
  })

  it.each([-3_600_000, 3_600_000])("survives a clock that jumps by %d ms", async (ms) => {
    const { request, pass, jump, sent } = isolate(counted)
    request(2)
    jump(ms)
    request(1)
    await pass(2 * PACE_MS)
    if (ms < 0) await pass(-ms)
    const total = sent().reduce((sum, line) => sum + Number(line.split(": ")[1]), 0)
    expect(total).toBe(3)
  })
})
