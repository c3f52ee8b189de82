import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import {
  acknowledge,
  answer,
  askedInVain,
  askInMs,
  emptyRelay,
  isCutOff,
  type Relay,
  restoredRelay,
  take,
} from "#shared/propagation/relay.ts"
import { NO_NEWS } from "#shared/protocol/feed.ts"
import { type Bulletin, NO_HEAD } from "#shared/protocol/relay.ts"

const NOW = 1_000_000
const bulletin = (revision: number, news = 0, text: string | undefined = `text ${revision}`): Bulletin => ({
  head: revision === 0 ? NO_HEAD : { revision, digest: `digest ${revision}` },
  ...(text !== undefined && { text }),
  news: { version: news, feed: { verdicts: [{ cluster: "c", generation: news, phase: "open", restMs: 100 }] } },
})
const told = (...bulletins: Bulletin[]): Relay =>
  bulletins.reduce<Relay>((relay, one) => take(relay, one, NOW, "pushed"), emptyRelay(0))
const has = ({ head, text, news }: Relay) => [head.revision, text, news.version]

describe("what a relay takes", () => {
  it.each([
    ["the newest, in whatever order they come", [bulletin(2, 5), bulletin(3, 4), bulletin(1, 3)], [3, "text 3", 5]],
    ["the same once", [bulletin(2, 1), bulletin(2, 1)], [2, "text 2", 1]],
    ["nothing without its text", [bulletin(2), { head: bulletin(3).head, news: NO_NEWS }], [2, "text 2", 0]],
    ["news beside a gap", [bulletin(2), { head: bulletin(3).head, news: { version: 4, feed: {} } }], [2, "text 2", 4]],
    [
      "a later revision of the same content without a text",
      [bulletin(2), { head: { ...bulletin(2).head, revision: 7 }, news: NO_NEWS }],
      [7, "text 2", 0],
    ],
    ["that there is nothing yet", [bulletin(0, 0)], [0, "", 0]],
  ])("is %s", (_what, bulletins, expected) => {
    expect(has(told(...bulletins))).toEqual(expected)
  })
})

describe("whether a relay asks the root", () => {
  const fresh = take(emptyRelay(0), bulletin(3), NOW, "asked")

  it.each([
    ["at first", emptyRelay(NOW), 0, 0, 0],
    ["with what it found in storage", restoredRelay(bulletin(3).head, "", NO_NEWS, NOW), 0, 0, 0],
    ["not when it has just heard", fresh, 0, 10, undefined],
    ["when it has not heard for its lease", fresh, 0, LIMITS.relayLeaseMs, 0],
    ["when a revision is wanted that it has not", fresh, 4, LIMITS.relayFloorMs, 0],
    ["but not ten times in a moment for what nobody has", fresh, 4, LIMITS.relayFloorMs - 7, 7],
    ["not for a revision that it has", fresh, 3, LIMITS.relayFloorMs, undefined],
    ["when its clock went back", fresh, 0, -60_000, 0],
    ["not when it asked in vain a moment ago", askedInVain(emptyRelay(NOW), NOW), 0, 100, undefined],
    ["when it asked in vain a while ago", askedInVain(emptyRelay(NOW), NOW), 0, LIMITS.relayLeaseMs / 2, 0],
    ["when it asked in vain in what is now the future", askedInVain(emptyRelay(NOW), NOW), 0, -60_000, 0],
  ])("%s", (_when, relay, atLeast, laterMs, expected) => {
    expect(askInMs(relay, atLeast, NOW + laterMs)).toBe(expected)
  })

  it("is put off by a push that teaches something, and not by one that may be old", () => {
    const later = NOW + LIMITS.relayLeaseMs
    expect(askInMs(take(fresh, bulletin(4), later, "pushed"), 0, later)).toBeUndefined()
    expect(askInMs(take(fresh, bulletin(3), later, "pushed"), 0, later)).toBe(0)
    expect(askInMs(take(fresh, bulletin(2), later, "asked"), 0, later)).toBe(0)
    expect(askInMs(take(fresh, bulletin(3), later, "asked"), 0, later)).toBeUndefined()
  })
})

describe("what an isolate is told", () => {
  const relay = told(bulletin(5, 9))

  it.each([
    [
      "the newest with its text, having nothing",
      { serving: 0, digest: "" },
      { revision: 5, digest: "digest 5", text: "text 5" },
    ],
    ["the same, being an older proxy", { serving: 4 }, { revision: 5, digest: "digest 5", text: "text 5" }],
    ["no text that it has", { serving: 4, digest: "digest 5" }, { revision: 5, digest: "digest 5" }],
    ["nothing that it serves", { serving: 5, digest: "digest 5" }, undefined],
    ["nothing older", { serving: 6, digest: "x" }, undefined],
    ["nothing that it refuses", { serving: 4, digest: "x", refused: { revision: 5, reason: "" } }, undefined],
    [
      "what was damaged on its way once more",
      { serving: 4, digest: "x", refused: { revision: 5, reason: "", damaged: true as const } },
      { revision: 5, digest: "digest 5", text: "text 5" },
    ],
  ])("is %s", (_what, pull, newer) => {
    expect(answer(relay, { isolate: "a", ...pull }, NOW).newer).toEqual(newer)
  })

  it("is how old the verdicts are, and none that are of nobody knows when", () => {
    expect(answer(relay, { isolate: "a", serving: 5 }, NOW + 70)).toMatchObject({
      ageMs: 70,
      verdicts: [{ generation: 9 }],
    })
    expect(answer(relay, { isolate: "a", serving: 5 }, NOW).ageMs).toBeUndefined()
    const restored = restoredRelay(relay.head, relay.text, relay.news, NOW)
    expect(answer(restored, { isolate: "a", serving: 5 }, NOW)).toEqual({ newer: undefined, unheard: true })
  })
})

describe("a relay's word", () => {
  it("is what it has, and that nobody asks it", () => {
    const { said, relay } = acknowledge(told(bulletin(2, 3)), 0)
    expect(said).toEqual({ revision: 2, digest: "digest 2", news: 3, idle: false })
    expect(askInMs(relay, 0, NOW + 1)).toBeUndefined()
  })

  it("is that nobody asks it; then it is told no more, and asks before it answers again", () => {
    const idleMs = NOW + LIMITS.relayIdleMs + 1
    const { said, relay } = acknowledge(take(emptyRelay(NOW), bulletin(2), idleMs, "pushed"), idleMs)
    expect(said.idle).toBe(true)
    expect(askInMs(relay, 0, idleMs)).toBe(0)
  })
})

describe("an answer", () => {
  it("of a relay that the root may have forgotten is one to be doubted", () => {
    expect(isCutOff({ newer: undefined })).toBe(false)
    expect(isCutOff({ newer: undefined, ageMs: LIMITS.relayCutOffMs })).toBe(false)
    expect(isCutOff({ newer: undefined, ageMs: LIMITS.relayCutOffMs + 1 })).toBe(true)
    expect(isCutOff({ newer: undefined, unheard: true })).toBe(true)
  })
})
