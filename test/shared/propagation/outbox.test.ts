import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import {
  acknowledged,
  asked,
  lacks,
  nextDueMs,
  type Peer,
  pushesAtOnce,
  unacknowledged,
} from "#shared/propagation/outbox.ts"

const NOW = 1_000_000
const said = (revision: number, news = 0) => ({ revision, digest: `d${revision}`, news, idle: false })
const peer = (revision: number, more: Partial<Peer> = {}): Peer => ({ ...asked("weur", said(revision), NOW), ...more })

describe("a relay in the root's eyes", () => {
  it.each([
    ["has all", peer(3), false],
    ["has more than there is", peer(4), false],
    ["lacks a revision", peer(2), true],
    ["lacks news", peer(3, { news: -1 }), true],
  ])("%s", (_what, one, expected) => {
    expect(lacks(one, { revision: 3, news: 0 })).toBe(expected)
  })

  it("is believed when it says that it has lost what it had", () => {
    expect(acknowledged(peer(3), said(0), { revision: 3, news: 0 }, NOW, 0.5)).toMatchObject({
      revision: 0,
      failures: 1,
    })
    expect(asked("weur", said(0), NOW)).toMatchObject({ revision: 0, failures: 0, dueAtMs: 0 })
  })

  it("is left alone for a moment after each push, and longer after each that it did not take", () => {
    const newest = { revision: 3, news: 0 }
    expect(acknowledged(peer(2), said(3), newest, NOW, 0.5)?.dueAtMs).toBe(NOW + LIMITS.pushGapMs)
    const waits: number[] = []
    let one: Peer | undefined = peer(2)
    for (let failure = 0; failure < 8; failure++) {
      one = unacknowledged(one!, NOW, 0.5)
      waits.push(one!.dueAtMs - NOW)
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })

  it("is forgotten when it takes nothing for long, and when nobody asks it", () => {
    expect(unacknowledged(peer(2), NOW + LIMITS.pushGivenUpMs, 0.5)).toBeDefined()
    expect(unacknowledged(peer(2), NOW + LIMITS.pushGivenUpMs + 1, 0.5)).toBeUndefined()
    expect(acknowledged(peer(2), { ...said(3), idle: true }, { revision: 3, news: 0 }, NOW, 0.5)).toBeUndefined()
  })
})

describe("the next push", () => {
  it("is due when the first is due of those that lack something", () => {
    const peers = [peer(3, { dueAtMs: 1 }), peer(2, { dueAtMs: 30 }), peer(1, { dueAtMs: 20 })]
    expect(nextDueMs(peers, { revision: 3, news: 0 })).toBe(20)
    expect(nextDueMs(peers, { revision: 1, news: 0 })).toBeUndefined()
  })

  it("goes out beside as many others as the memory bears", () => {
    expect([0, 1_000, 1024 * 1024, LIMITS.snapshotBytesMax, 10 ** 9].map(pushesAtOnce)).toEqual([256, 256, 32, 4, 2])
  })
})
