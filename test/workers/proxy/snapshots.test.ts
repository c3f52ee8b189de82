/** The routes of an isolate under a route table that is slow, down or wrong. Time passes only when a story says so. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Service } from "#shared/model/service.ts"
import type { Published, Snapshot } from "#shared/model/snapshot.ts"
import { digest, encode } from "#shared/model/snapshot-codec.ts"
import type { SourceRpc } from "#shared/protocol/relay.ts"
import type { Pull, PullReply } from "#shared/protocol/route-table.ts"
import { idle, watchHashing } from "#test/support/hashing.ts"
import { ApiKeys } from "#workers/proxy/api-keys.ts"
import { Snapshots } from "#workers/proxy/snapshots.ts"

beforeAll(watchHashing)
afterAll(() => {
  vi.restoreAllMocks()
})

const EMPTY: Snapshot = { format: 1, services: [], gateways: [], routes: [], meantEmpty: true }
const UNMEANT = encode({ format: 1, services: [], gateways: [], routes: [] })

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
  const root: SourceRpc = {
    pull: (pull: Pull) => {
      pulls.push(pull)
      return (answers[pulls.length - 1] ?? answers[answers.length - 1]!)()
    },
    confirm: async () => {},
    text: async () => undefined,
    keysSince: async () => undefined,
  }
  const lastKnown = { cached: async () => undefined, find: async () => undefined, keep: async () => {} }
  const sources = { relay: () => undefined, root: () => root, lastKnown }
  const snapshots = new Snapshots(sources, around, "isolate", ["ORDERS"])
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
    patientRequest: async () => (snapshots.current(context) ?? (await snapshots.settled(0, context)))?.revision,
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
    expect(pulls).toEqual([{ isolate: "isolate", serving: 0, digest: "", bindings: ["ORDERS"] }])
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

describe("an empty mesh", () => {
  const FULL = encode({
    ...{ format: 1, gateways: [], routes: [] },
    services: [{ id: "default/a", endpoints: [], subsets: {} } as unknown as Service],
  })
  const emptied = answer(8)

  it.each([
    ["is refused by who has another, with the reason", answer(7, FULL), answer(8, UNMEANT), 7],
    ["is taken when somebody meant it", answer(7, FULL), emptied, 8],
    ["follows an empty one", answer(7), answer(8, UNMEANT), 8],
  ])("%s", async (_, first, second, serving) => {
    const { patientRequest, request, pulls, pass, background, lines } = isolate(first, second, nothingNewer)
    expect(await patientRequest()).toBe(7)
    for (let pull = 0; pull < 2; pull++) {
      pass(LIMITS.snapshotLeaseMs)
      request()
      await background()
    }
    expect(request()).toBe(serving)
    const refused = { revision: 8, reason: expect.stringContaining("nobody confirmed") }
    expect(pulls.at(-1)?.refused).toEqual(serving === 7 ? refused : undefined)
    expect(lines.length).toBe(serving === 7 ? 1 : 0)
  })

  it("is what an isolate without routes begins with when somebody meant it", async () => {
    expect(await isolate(answer(8)).patientRequest()).toBe(8)
    expect(await isolate(answer(8, UNMEANT)).patientRequest()).toBeUndefined()
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
      "nobody answers; serving what is known: Error: the object is down",
      "answered again after 2 questions without",
    ])
  })

  it("is asked again when a pull hangs for too long", async () => {
    const { patientRequest, request, pass, pulls } = isolate(answer(7), hangs, answer(8))
    await patientRequest()
    pass(LIMITS.snapshotLeaseMs)
    request()
    pass(LIMITS.snapshotPullMs - 1)
    expect([request(), pulls.length]).toEqual([7, 2])
    pass(1)
    request()
    expect(pulls).toHaveLength(3)
    await idle()
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
    pass(LIMITS.snapshotSleepLeases * LIMITS.snapshotLeaseMs + 1)
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

/** An isolate with a relay, a root and a last known copy, each as the story wants it. Who waits is woken when nothing else goes on. */
function near(world: {
  relay?: Partial<SourceRpc>
  root?: Partial<SourceRpc>
  cached?: (digest: string) => string | undefined
  found?: () => Published | undefined
  apiKeys?: ApiKeys
}) {
  let nowMs = 1_000_000
  let sleptMs = 0
  let sleepers: { readonly untilMs: number; readonly wake: () => void }[] = []
  /** Until it is there; sleepers are woken one after the other as long as it is not. */
  const driven = async <T>(promise: Promise<T>): Promise<T> => {
    let isThere = false
    const seen = () => {
      isThere = true
    }
    promise.then(seen, seen)
    for (await idle(); !isThere; await idle()) {
      const [next, ...others] = sleepers.toSorted((a, b) => a.untilMs - b.untilMs)
      if (!next) throw new Error("it never comes, and nobody sleeps")
      sleepers = others
      sleptMs = next.untilMs
      next.wake()
    }
    return promise
  }
  const asked: string[] = []
  const confirmed: object[] = []
  const kept: [number, boolean][] = []
  const background: Promise<unknown>[] = []
  const source = (name: string, given: Partial<SourceRpc> = {}): SourceRpc => ({
    pull: (pull) => {
      asked.push(name)
      return given.pull?.(pull) ?? down()
    },
    text: async (digest) => given.text?.(digest),
    confirm: async (said) => void confirmed.push({ by: name, ...said }),
    keysSince: async (known) => given.keysSince?.(known),
  })
  const snapshots = new Snapshots(
    {
      relay: (spread) => world.relay && source(spread > 1 ? `relay of ${spread}` : "relay", world.relay),
      root: () => source("root", world.root),
      lastKnown: {
        cached: async (digest) => world.cached?.(digest),
        find: async () => world.found?.(),
        keep: async ({ revision }, isTextKept) => void kept.push([revision, isTextKept]),
      },
    },
    {
      nowMs: () => nowMs,
      log: () => {},
      roll: () => 0.5,
      sleep: (ms: number) => new Promise<void>((wake) => sleepers.push({ untilMs: sleptMs + ms, wake })),
      ...(world.apiKeys && { apiKeys: world.apiKeys }),
    },
    "isolate",
    [],
  )
  const context = { waitUntil: (promise: Promise<unknown>) => void background.push(promise) }
  return {
    ...{ asked, confirmed, kept },
    pass: (ms: number) => {
      nowMs += ms
    },
    request: async (floor = 0) => {
      const routes = snapshots.current(context)
      const settled = routes && routes.revision >= floor ? routes : await driven(snapshots.settled(floor, context))
      return settled?.revision
    },
    background: () => driven(Promise.all(background)),
  }
}

describe("an isolate with a relay", () => {
  it("asks it and nobody else, and says at once what it serves", async () => {
    const { request, asked, confirmed, background } = near({ relay: { pull: answer(7) } })
    expect(await request()).toBe(7)
    await background()
    expect(asked).toEqual(["relay"])
    expect(confirmed).toEqual([{ by: "relay", isolate: "isolate", serving: 7 }])
  })

  it.each([
    ["is down", down],
    ["hangs", hangs],
  ])("asks the root when it %s, for the first routes as for the next", async (_what, failing) => {
    const { request, asked, background, pass } = near({ relay: { pull: failing }, root: { pull: answer(7) } })
    expect(await request()).toBe(7)
    await background()
    pass(LIMITS.rootPauseMs * 2)
    expect(await request()).toBe(7)
    await background()
    expect(asked).toEqual(["relay", "root", "relay", "root"])
  })

  it("spares the root more and more while its relay stays away, and goes on", async () => {
    const { request, asked, background, pass } = near({ relay: { pull: down }, root: { pull: answer(7) } })
    for (let lease = 0; lease < 60; lease++) {
      expect(await request()).toBe(7)
      await background()
      pass(LIMITS.snapshotLeaseMs)
    }
    expect(asked.filter((name) => name === "relay")).toHaveLength(60)
    expect(asked.filter((name) => name === "root").length).toBeLessThan(10)
  })

  it("does not ask the root because the relay has too much to do", async () => {
    const overloaded = () => Promise.reject(Object.assign(new Error("overloaded"), { overloaded: true }))
    const { request, asked, background } = near({ relay: { pull: overloaded }, root: { pull: answer(7) } })
    expect(await request()).toBeUndefined()
    await background()
    expect(asked).toEqual(["relay"])
  })

  it("goes to another relay when it is told that they are more", async () => {
    const spread = async (): Promise<PullReply> => ({ newer: await published(7), spread: 4 })
    const { request, asked, background, pass } = near({ relay: { pull: spread } })
    await request()
    await background()
    pass(LIMITS.snapshotLeaseMs)
    await request()
    expect(asked).toEqual(["relay", "relay of 4"])
  })
})

describe("a revision that a request was promised", () => {
  const behind = (...answers: number[]) => {
    let pulls = 0
    return near({
      relay: {
        pull: (pull) =>
          answer(answers[Math.min(pulls++, answers.length - 1)]!)().then((reply) =>
            pull.serving === reply.newer?.revision ? { newer: undefined } : reply,
          ),
      },
    })
  }

  it("is asked for before the request is served", async () => {
    const { request, asked } = behind(7, 8)
    await request()
    expect(await request(8)).toBe(8)
    expect(asked).toHaveLength(2)
  })

  it("that nobody has costs one question a lease, and is counted", async () => {
    const pulls: Pull[] = []
    const { request, background, pass } = near({
      relay: {
        pull: (pull) => {
          pulls.push(pull)
          return pull.serving === 7 ? nothingNewer() : answer(7)()
        },
      },
    })
    await request()
    for (let index = 0; index < 5; index++) expect(await request(1_000)).toBe(7)
    expect(pulls.map(({ atLeast }) => atLeast)).toEqual([undefined, 1_000])
    pass(LIMITS.snapshotLeaseMs)
    await request()
    await background()
    expect(pulls.at(-1)?.floorsMissed).toBe(5)
    pass(LIMITS.snapshotLeaseMs)
    await request()
    expect(pulls.at(-1)?.floorsMissed).toBeUndefined()
  })
})

describe("a snapshot that is told by its digest", () => {
  const told = async (): Promise<PullReply> => {
    const { revision, digest } = await published(7)
    return { newer: { revision, digest } }
  }

  it("comes from the data centre's cache, when it is there and whole", async () => {
    const { request, kept, background } = near({ relay: { pull: told }, cached: () => encode(EMPTY) })
    expect(await request()).toBe(7)
    await background()
    expect(kept).toEqual([[7, true]])
  })

  it.each([
    ["is not there", undefined],
    ["is spoilt", `${encode(EMPTY)} `],
  ])("comes from the relay when it %s, and is put there", async (_what, text) => {
    const relay = { pull: told, text: async () => encode(EMPTY) }
    const { request, kept, background } = near({ relay, cached: () => text })
    expect(await request()).toBe(7)
    await background()
    expect(kept).toEqual([[7, false]])
  })

  it("is the one that it has, and then only the number changes", async () => {
    const again = async (pull: Pull): Promise<PullReply> => {
      const { digest, ...newer } = await published(pull.serving + 1)
      return { newer: pull.digest === digest ? { revision: newer.revision, digest } : { ...newer, digest } }
    }
    const { request, kept, background, pass, confirmed } = near({ relay: { pull: again } })
    await request()
    pass(LIMITS.snapshotLeaseMs)
    await request()
    await background()
    expect(await request()).toBe(2)
    expect(kept).toEqual([[1, false]])
    expect(confirmed).toHaveLength(2)
  })
})

describe("a cold isolate", () => {
  it.each([
    ["is down", down],
    ["hangs", hangs],
  ])("begins with the last known good revision when all that it could ask %s", async (_what, failing) => {
    const found = await published(6)
    const { request } = near({ relay: { pull: failing }, root: { pull: failing }, found: () => found })
    expect(await request()).toBe(6)
  })

  it("does so too when the newest is one that it cannot serve", async () => {
    const found = await published(6)
    const { request } = near({ relay: { pull: answer(7, "null") }, found: () => found })
    expect(await request()).toBe(6)
  })

  it("begins with nothing that is spoilt", async () => {
    const found = { ...(await published(6)), digest: "0".repeat(64) }
    const { request } = near({ relay: { pull: down }, root: { pull: down }, found: () => found })
    expect(await request()).toBeUndefined()
  })

  it("goes on to the newest as soon as somebody answers", async () => {
    const found = await published(6)
    let up = false
    const { request, pass, background } = near({
      relay: { pull: () => (up ? answer(9)() : down()) },
      root: { pull: down },
      found: () => found,
    })
    await request()
    up = true
    pass(LIMITS.snapshotLeaseMs)
    expect(await request()).toBe(6)
    await background()
    expect(await request()).toBe(9)
  })
})

describe("the list of API keys", () => {
  const key = (id: string, version: number) => ({ id, hash: id, owner: "Acme", scopes: [], version })
  const whole = { version: 2, whole: true as const, made: [key("a", 1), key("b", 2)], gone: [] }

  it("is known to be empty with the first answer that says nothing of it", async () => {
    const apiKeys = new ApiKeys()
    const isolate = near({ apiKeys, root: { pull: nothingNewer } })
    isolate.request()
    await isolate.background()
    expect(apiKeys.version).toBe(0)
  })

  it("is asked for when the feed says that there is another, and only then", async () => {
    const apiKeys = new ApiKeys()
    const known: number[] = []
    let version = 2
    const isolate = near({
      apiKeys,
      relay: {
        pull: async () => ({ newer: undefined, apiKeys: version }),
        keysSince: async (asked) => {
          known.push(asked)
          return asked < 0 ? whole : { version, made: [], gone: [{ id: "a", version }] }
        },
      },
    })
    for (const next of [2, 2, 3, 3]) {
      version = next
      isolate.request()
      await isolate.background()
      isolate.pass(3_000)
    }
    expect([known, apiKeys.version]).toEqual([[-1, 2], 3])
  })

  it("that does not come is asked for again with the next answer, and nobody is let in meanwhile", async () => {
    const apiKeys = new ApiKeys()
    let attempts = 0
    const isolate = near({
      apiKeys,
      relay: {
        pull: async () => ({ newer: undefined, apiKeys: 2 }),
        keysSince: () => (++attempts === 1 ? hangs() : attempts === 2 ? down() : Promise.resolve(whole)) as never,
      },
    })
    for (let round = 0; round < 3; round++) {
      expect(apiKeys.version).toBe(-1)
      isolate.request()
      await isolate.background()
      isolate.pass(3_000)
    }
    expect([attempts, apiKeys.version]).toEqual([3, 2])
  })

  it("is none of what a relay says that has not heard of the root", async () => {
    const apiKeys = new ApiKeys()
    const isolate = near({ apiKeys, relay: { pull: async () => ({ newer: undefined, unheard: true }) } })
    isolate.request()
    await isolate.background()
    expect(apiKeys.version).toBe(-1)
  })

  it("has its uses told with the next question", async () => {
    const apiKeys = new ApiKeys()
    const told: unknown[] = []
    const hash = await digest(`weft_key_a_${"s".repeat(32)}`)
    apiKeys.hear({ ...whole, made: [{ ...key("a", 1), hash }] })
    await apiKeys.holder(`weft_key_a_${"s".repeat(32)}`, 7)
    const isolate = near({
      apiKeys,
      relay: {
        pull: async ({ keyUses }) => {
          told.push(keyUses)
          return { newer: undefined, apiKeys: 2 }
        },
      },
    })
    for (let round = 0; round < 2; round++) {
      isolate.request()
      await isolate.background()
      isolate.pass(3_000)
    }
    expect(told).toEqual([[{ id: "a", atMs: 7 }], undefined])
  })
})
