/** Spans on their way to a collector that is slow, down, or picky. Time passes only when a story says so. */
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { RecordedExchange } from "#shared/telemetry/recorded.ts"
import { readSpans } from "#test/support/otlp.ts"
import { StoryTime } from "#test/support/story-time.ts"
import { Exporter } from "#workers/proxy/exporter.ts"

type Answer = () => Promise<Response>
const taken: Answer = async () => Response.json({})
const busy: Answer = async () => new Response(null, { status: 503 })
const later: Answer = async () => new Response(null, { status: 429, headers: { "retry-after": "9" } })
const picky: Answer = async () => Response.json({ partialSuccess: { rejectedSpans: "2", errorMessage: "too old" } })
const refuses: Answer = async () => new Response("no", { status: 400 })
const down: Answer = () => Promise.reject(new Error("connection refused"))
const hangs: Answer = () => new Promise(() => {})

const EXCHANGE = {
  ...{ atMs: 1_767_000_000_000, durationMs: 5, protocol: "http", from: undefined, to: "default/a", method: "GET" },
  ...{ status: 200, attempts: 1, revision: 1, gateway: "default/default", attemptRecords: [], decisions: [] },
} as unknown as RecordedExchange

function isolate(...answers: Answer[]) {
  const time = new StoryTime(1_767_000_000_000)
  let made = 0
  const sent: number[] = []
  const atMs: number[] = []
  const lines: string[] = []
  const tallies = new Map<string, number>()
  const exporter = new Exporter(
    { url: "https://otel.example/v1/traces", headers: {} },
    { instance: "i1", attributes: {} },
    {
      nowMs: () => time.nowMs,
      roll: () => 0.5,
      log: (line) => void lines.push(line),
      sleep: time.sleep,
      tally: (name, label, count) =>
        void tallies.set(`${name} ${label}`, (tallies.get(`${name} ${label}`) ?? 0) + count),
      fetch: (_url, { body }) => {
        sent.push(readSpans(JSON.parse(body as string)).length)
        atMs.push(time.nowMs)
        return (answers[sent.length - 1] ?? answers.at(-1)!)()
      },
    },
  )
  return {
    ...{ sent, atMs, lines },
    told: () => Object.fromEntries([...tallies].sort()),
    record(times: number, alive = true): void {
      for (let turn = 0; turn < times; turn++) {
        made += 1
        const trace = {
          traceId: "a".repeat(32),
          parentId: undefined,
          spanId: made.toString(16).padStart(16, "0"),
          flags: "03",
        }
        exporter.add({ ...EXCHANGE, trace }, { waitUntil: () => {} })
      }
      if (!alive) time.endSleepers()
    },
    pass: (ms: number) => time.pass(ms),
  }
}

describe("spans", () => {
  it("go out together, a pace after the first", async () => {
    const story = isolate(taken)
    story.record(3)
    await story.pass(LIMITS.spanPaceMs - 1)
    expect(story.sent).toEqual([])
    await story.pass(1)
    expect(story.sent).toEqual([3])
    expect(story.told()).toEqual({ "spans_exported ": 3 })
  })

  it("go out in batches when they are many", async () => {
    const story = isolate(taken)
    story.record(600)
    await story.pass(60_000)
    expect(story.sent).toEqual([256, 256, 88])
  })

  it("go out again under the same ids, later and later, as the collector asks", async () => {
    const story = isolate(busy, later, down, taken)
    story.record(2)
    await story.pass(60_000)
    story.record(1)
    await story.pass(60_000)
    expect(story.sent).toEqual([2, 2, 2, 2, 1])
    const waits = story.atMs.slice(1, 3).map((at, index) => at - story.atMs[index]!)
    expect(waits).toEqual([LIMITS.spanPaceMs, 9_000])
    expect(story.lines).toEqual(["the collector of traces took no spans: it answers 503"])
    expect(story.told()).toEqual({ "span_export_failures ": 3, "spans_exported ": 3 })
  })

  it("are given up at last, and counted", async () => {
    const story = isolate(down)
    for (let time = 0; time < 6; time++) {
      story.record(1)
      await story.pass(40_000)
    }
    expect(story.told()["spans_dropped gave_up"]).toBeGreaterThanOrEqual(1)
    expect(story.lines).toHaveLength(1)
  })

  it("do not come again when the collector refuses them, or a part", async () => {
    const story = isolate(refuses, picky)
    story.record(2)
    await story.pass(5_000)
    story.record(3)
    await story.pass(60_000)
    expect(story.sent).toEqual([2, 3])
    expect(story.told()).toEqual({
      "span_export_failures ": 1,
      "spans_dropped refused": 2,
      "spans_dropped rejected": 2,
      "spans_exported ": 1,
    })
  })

  it("find no place behind a collector that hangs, in bounded memory", async () => {
    const story = isolate(hangs)
    story.record(LIMITS.spansQueuedMax + 10)
    expect(story.told()).toEqual({ "spans_dropped queue_full": 10 })
    await story.pass(LIMITS.spanPaceMs + LIMITS.spanCallMs)
    expect(story.sent).toHaveLength(1)
    expect(story.told()["span_export_failures "]).toBe(1)
  })

  it("are sent by a later request when the watch of an earlier one was ended with it", async () => {
    const story = isolate(taken)
    story.record(1, false)
    await story.pass(LIMITS.spanPaceMs * 3 + LIMITS.spanCallMs)
    story.record(1)
    await story.pass(LIMITS.spanPaceMs)
    expect(story.sent).toEqual([2])
  })
})
