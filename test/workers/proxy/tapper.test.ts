/** An isolate that is tapped, through a shard that is well, slow or down. Time passes only when a story says so. */
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { OpenTaps, TapBatch } from "#shared/model/tap.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import { StoryTime } from "#test/support/story-time.ts"
import { Tapper } from "#workers/proxy/tapper.ts"

const RECORD = { to: "default/a", method: "GET", status: 200, durationMs: 1, trace: {} } as unknown as AccessRecord

function isolate(answer: (batch: TapBatch) => Promise<OpenTaps | undefined>) {
  const time = new StoryTime(1_000_000)
  const batches: TapBatch[] = []
  const background: Promise<unknown>[] = []
  const tapper = new Tapper({
    nowMs: () => time.nowMs,
    sleep: time.sleep,
    colo: () => "AMS",
    shard: () => ({
      tapped: (batch) => {
        batches.push(batch)
        return answer(batch)
      },
    }),
  })
  return {
    ...{ tapper, batches, background },
    open: (perSecond = 10): OpenTaps => ({
      taps: [{ id: "t", filter: { to: "default/a" }, perSecond }],
      untilMs: time.nowMs + LIMITS.tapLeaseMs,
    }),
    see: (record = RECORD) =>
      tapper.offer(record, { method: "GET" }, { waitUntil: (promise) => void background.push(promise) }),
    pass: (ms: number) => time.pass(ms),
  }
}

describe("an isolate", () => {
  it("sends nothing, and wakes nobody, while no tap is open or none matches", async () => {
    const story = isolate(async () => undefined)
    story.see()
    story.tapper.hear(story.open())
    story.see({ ...RECORD, to: "default/b" } as unknown as AccessRecord)
    await story.pass(5_000)
    expect([story.tapper.isOpen, story.background.length, story.batches]).toEqual([true, 0, []])
  })

  it("sends what matches together, with what it left out", async () => {
    const story = isolate(async () => story.open())
    story.tapper.hear(story.open(2))
    for (let time = 0; time < 5; time++) story.see()
    await story.pass(LIMITS.tapPaceMs)
    expect(story.background).toHaveLength(1)
    expect(story.batches.map(({ exchanges, dropped }) => [exchanges.length, dropped])).toEqual([[2, [["t", 3]]]])
    expect(story.batches[0]!.exchanges[0]![1]).toMatchObject({ to: "default/a", colo: "AMS" })
  })

  it("stops when it hears that the tap is closed, when its lease is over, and when the shard fails", async () => {
    const closing = isolate(async () => undefined)
    closing.tapper.hear(closing.open())
    closing.see()
    await closing.pass(LIMITS.tapPaceMs)
    expect(closing.tapper.isOpen).toBe(false)

    const leased = isolate(async () => undefined)
    leased.tapper.hear(leased.open())
    await leased.pass(LIMITS.tapLeaseMs)
    leased.see()
    expect([leased.tapper.isOpen, leased.background.length]).toEqual([false, 0])

    const failing = isolate(() => Promise.reject(new Error("down")))
    failing.tapper.hear(failing.open())
    failing.see()
    await failing.pass(LIMITS.tapPaceMs)
    await Promise.all(failing.background)
    expect(failing.tapper.isOpen).toBe(false)
  })

  it("goes on when its shard is slow, or when what was to send was ended with its request", async () => {
    const story = isolate(() => new Promise(() => {}))
    story.tapper.hear(story.open())
    story.see()
    await story.pass(LIMITS.tapPaceMs + LIMITS.tapCallMs)
    expect(story.tapper.isOpen).toBe(true)
    story.see()
    await story.pass(LIMITS.tapPaceMs)
    expect(story.batches).toHaveLength(2)
  })
})
