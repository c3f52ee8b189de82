/** The routes of an isolate under a route table that is slow, down or wrong. Time passes only when a story says so. */
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Published, Snapshot } from "#shared/model/snapshot.ts"
import { digest, encode } from "#shared/model/snapshot-codec.ts"
import type { Pull, PullReply } from "#shared/protocol/route-table.ts"
import { Snapshots } from "#workers/proxy/snapshots.ts"

const EMPTY: Snapshot = { format: 1, services: [], gateways: [], routes: [] }

async function published(revision: number, text = encode(EMPTY)): Promise<Published> {
  return { revision, text, digest: await digest(text) }
}

/** An isolate whose object answers what the story says, one answer a pull; the last one again and again. */
function isolate(...answers: (() => Promise<PullReply>)[]) {
  let nowMs = 1_000_000
  const pulls: Pull[] = []
  const background: Promise<unknown>[] = []
  const sleepers: (() => void)[] = []
  const lines: string[] = []
  const around = {
    nowMs: () => nowMs,
    log: (line: string) => void lines.push(line),
    roll: () => 0.5,
    sleep: () => new Promise<void>((resolve) => sleepers.push(resolve)),
  }
  const puller = () => ({
    pull: (pull: Pull) => {
      pulls.push(pull)
      return (answers[pulls.length - 1] ?? answers[answers.length - 1]!)()
    },
  })
  const snapshots = new Snapshots(puller, around, "isolate", ["ORDERS"])
  const context = { waitUntil: (promise: Promise<unknown>) => void background.push(promise) }
  return {
    pulls,
    lines,
    sleepers,
    pass: (ms: number) => {
      nowMs += ms
    },
    /** A request that waits for nothing. */
    request: () => snapshots.current(context)?.revision,
    check: () => snapshots.current(context, "check")?.revision,
    /** A request that waits for routes when it has none. */
    patientRequest: async () => (snapshots.current(context) ?? (await snapshots.settled()))?.revision,
    background: () => Promise.all(background),
  }
}

const answer = (revision: number, text?: string) => async (): Promise<PullReply> => ({
  newer: await published(revision, text),
})
const nothingNewer = async (): Promise<PullReply> => ({ newer: undefined })
const down = () => Promise.reject(new Error("the object is down"))
const hangs = () => new Promise<PullReply>(() => {})

describe("an isolate's routes", () => {
  it("come with the first request, which waits for them", async () => {
    const { patientRequest, pulls } = isolate(answer(7))
    expect(await patientRequest()).toBe(7)
    expect(pulls).toEqual([{ isolate: "isolate", serving: 0, bindings: ["ORDERS"] }])
  })

  it("are asked for once, however many requests wait", async () => {
    const { patientRequest, pulls } = isolate(answer(7))
    expect(await Promise.all([patientRequest(), patientRequest(), patientRequest()])).toEqual([7, 7, 7])
    expect(pulls).toHaveLength(1)
  })

  it("are served without asking while the lease lasts, and while asking when it is over", async () => {
    const { patientRequest, request, pulls, pass, background } = isolate(answer(7), answer(8))
    await patientRequest()
    pass(LIMITS.snapshotLeaseMs - 1)
    expect([request(), pulls.length]).toEqual([7, 1])
    pass(1)
    expect([request(), pulls.length]).toEqual([7, 2])
    await background()
    expect(request()).toBe(8)
  })

  it("never go back", async () => {
    const { patientRequest, request, pass, background } = isolate(answer(7), answer(6))
    await patientRequest()
    pass(LIMITS.snapshotLeaseMs)
    request()
    await background()
    expect(request()).toBe(7)
  })

  it("never go back to the late answer of a pull that was given up on, when both come at once", async () => {
    // Reading the older one takes longer.
    const older = await published(7, encode(EMPTY) + " ".repeat(LIMITS.snapshotBytesMax - 1_000))
    const newer = await published(8)
    let answerLate = (_reply: PullReply) => {}
    const late = () => new Promise<PullReply>((resolve) => (answerLate = resolve))
    const both = async (): Promise<PullReply> => {
      answerLate({ newer: older })
      return { newer }
    }
    const { request, pass, background } = isolate(late, both)
    request()
    pass(LIMITS.snapshotPullMs)
    request()
    await background()
    expect(request()).toBe(8)
  })
})

describe("a route table that fails", () => {
  it.each([
    ["is down", down],
    ["hangs", hangs],
  ])("costs a request nothing when it %s", async (_what, failing) => {
    const { patientRequest, request, pass, pulls } = isolate(answer(7), failing)
    await patientRequest()
    for (let second = 0; second < 600; second++) {
      pass(1_000)
      expect(request()).toBe(7)
    }
    expect(pulls.length).toBeGreaterThan(100)
  })

  it("is told of in the log once when it stops answering, and once when it answers again", async () => {
    const { request, patientRequest, pass, background, lines } = isolate(answer(7), down, down, nothingNewer)
    await patientRequest()
    for (let lease = 0; lease < 5; lease++) {
      pass(LIMITS.snapshotLeaseMs)
      request()
      await background()
    }
    expect(lines).toEqual([
      "the route table does not answer; serving what is known: Error: the object is down",
      "the route table answers again after 2 pulls without",
    ])
  })

  it("is asked again when a pull hangs for too long", async () => {
    const { patientRequest, request, pass, background, pulls } = isolate(answer(7), hangs, answer(8))
    await patientRequest()
    pass(LIMITS.snapshotLeaseMs)
    request()
    pass(LIMITS.snapshotPullMs - 1)
    expect([request(), pulls.length]).toEqual([7, 2])
    pass(1)
    request()
    expect(pulls).toHaveLength(3)
    await Promise.race([background(), new Promise((resolve) => setTimeout(resolve, 20))])
    expect(request()).toBe(8)
  })

  it("leaves a cold isolate without routes, but does not hang its requests", async () => {
    const { patientRequest, sleepers } = isolate(hangs)
    const waiting = patientRequest()
    await Promise.resolve()
    for (const wake of sleepers) wake()
    expect(await waiting).toBeUndefined()
  })

  it("is asked a moment by an isolate that slept, and no longer", async () => {
    const { patientRequest, request, pass, sleepers } = isolate(answer(7), hangs)
    await patientRequest()
    pass(LIMITS.snapshotSleepMs + 1)
    const waiting = patientRequest()
    await Promise.resolve()
    for (const wake of sleepers) wake()
    expect(await waiting).toBe(7)
    expect(request()).toBe(7)
  })

  it("gives an isolate that slept the newest routes when it answers", async () => {
    const { patientRequest, pass } = isolate(answer(7), answer(9))
    await patientRequest()
    pass(60 * 60 * 1_000)
    expect(await patientRequest()).toBe(9)
  })
})

describe("a snapshot that cannot be served", () => {
  const wrongDigest = async (): Promise<PullReply> => ({ newer: { ...(await published(8)), digest: "0".repeat(64) } })

  it.each([
    ["is cut", answer(8, encode(EMPTY).slice(0, -2)), "not JSON"],
    ["is null", answer(8, "null"), "not an object"],
    ["has a format of the future", answer(8, '{"format":99}'), "format 99"],
    ["lacks a field", answer(8, '{"format":1,"services":[]}'), ""],
    ["was changed on the way", wrongDigest, "digest"],
  ])("is refused when it %s, with the reason, and the last good one stays", async (_what, poison, reason) => {
    const { patientRequest, request, pass, background, pulls } = isolate(answer(7), poison, nothingNewer)
    await patientRequest()
    for (let lease = 0; lease < 2; lease++) {
      pass(LIMITS.snapshotLeaseMs)
      expect(request()).toBe(7)
      await background()
    }
    expect(pulls[2]?.serving).toBe(7)
    expect(pulls[2]?.refused?.revision).toBe(8)
    expect(pulls[2]?.refused?.reason).toContain(reason)
  })

  it("is forgotten when a good one follows", async () => {
    const { patientRequest, request, pass, background, pulls } = isolate(
      answer(7),
      answer(8, "null"),
      answer(9),
      nothingNewer,
    )
    await patientRequest()
    for (let lease = 0; lease < 3; lease++) {
      pass(LIMITS.snapshotLeaseMs)
      request()
      await background()
    }
    expect(request()).toBe(9)
    expect(pulls[3]?.refused).toBeUndefined()
  })

  it("is asked for again after a while, and served when only its way here was bad", async () => {
    const { patientRequest, request, pass, background, pulls } = isolate(
      answer(7),
      wrongDigest,
      nothingNewer,
      answer(8),
    )
    await patientRequest()
    for (const waitMs of [LIMITS.snapshotLeaseMs, LIMITS.snapshotLeaseMs, LIMITS.snapshotRefusedMs]) {
      pass(waitMs)
      request()
      await background()
    }
    expect(pulls.map(({ refused }) => refused?.revision)).toEqual([undefined, undefined, 8, undefined])
    expect(request()).toBe(8)
  })
})

describe("a pull", () => {
  it("says when there was nothing but health checks since the last one", async () => {
    const { check, request, pass, background, pulls } = isolate(answer(7), nothingNewer)
    check()
    await background()
    request()
    pass(LIMITS.snapshotLeaseMs * 2)
    request()
    await background()
    pass(LIMITS.snapshotLeaseMs * 2)
    check()
    await background()
    expect(pulls.map(({ idle }) => idle)).toEqual([true, undefined, true])
  })
})
