/** The keys of an issuer whose publisher is slow, down, or changes its mind. Time passes only when a story says so. */
import { describe, expect, it } from "vitest"
import type { KeySource } from "#shared/model/authentication.ts"
import { type FetchKeys, IssuerKeys } from "#workers/proxy/key-source.ts"

type Fetched = Awaited<ReturnType<FetchKeys>>

const key = (kid: string) => ({ kty: "EC", crv: "P-256", x: "A".repeat(43), y: kid.padEnd(43, "A"), kid })
const URL_SOURCE: KeySource = { kind: "url", url: "https://iss.test/jwks" }

/** An isolate whose publisher answers when the story says so. */
function isolate(source: KeySource = URL_SOURCE) {
  let nowMs = 1_000_000
  const open: ((fetched: Fetched) => void)[] = []
  const sleepers: { untilMs: number; wake: () => void }[] = []
  const lines: string[] = []
  let fetches = 0
  let background = 0
  const keys = new IssuerKeys(source, {
    nowMs: () => nowMs,
    roll: () => 0.5,
    sleep: (ms) => new Promise((wake) => sleepers.push({ untilMs: nowMs + ms, wake })),
    log: (line) => void lines.push(line),
  })
  const fetchKeys: FetchKeys = () => {
    fetches += 1
    return new Promise((resolve) => open.push(resolve))
  }
  const context = {
    waitUntil: () => {
      background += 1
    },
  }
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  const ids = (set: Awaited<ReturnType<IssuerKeys["current"]>>) => set && [...set.byId.keys()].join(" ")
  return {
    lines,
    fetches: () => fetches,
    inBackground: () => background,
    /** What a request gets; "waits" as long as it gets nothing. */
    request: (patienceMs = Number.POSITIVE_INFINITY) => watched(keys.current(fetchKeys, context, patienceMs).then(ids)),
    unknownKey: (patienceMs = Number.POSITIVE_INFINITY) =>
      watched(keys.renewed(fetchKeys, context, patienceMs).then(ids)),
    answer: async (...kids: string[]) => {
      for (const resolve of open.splice(0)) resolve({ value: { keys: kids.map(key) } })
      await settle()
    },
    fail: async (reason = "the answer is 500") => {
      for (const resolve of open.splice(0)) resolve({ reason })
      await settle()
    },
    pass: async (ms: number) => {
      nowMs += ms
      for (const sleeper of sleepers) if (sleeper.untilMs <= nowMs) sleeper.wake()
      await settle()
    },
    retryAfterMs: () => keys.retryAfterMs,
  }

  function watched(outcome: Promise<string | undefined>) {
    let state: string | undefined = "waits"
    void outcome.then((value) => {
      state = value
    })
    return async () => {
      await settle()
      return state
    }
  }
}

const MINUTE = 60_000

describe("an issuer's keys", () => {
  it("are waited for by the first requests, and fetched once for all of them", async () => {
    const { request, answer, fetches, inBackground } = isolate()
    const waiting = [request(), request(), request()]
    for (const one of waiting) expect(await one()).toBe("waits")
    await answer("a")
    for (const one of waiting) expect(await one()).toBe("a")
    expect([fetches(), inBackground()]).toEqual([1, 1])
    expect(await request()()).toBe("a")
    expect(fetches()).toBe(1)
  })

  it("are waited for no longer than five seconds, and than the request has", async () => {
    const { request, pass } = isolate()
    const [patient, hasty] = [request(), request(300)]
    await pass(300)
    expect([await patient(), await hasty()]).toEqual(["waits", undefined])
    await pass(4_699)
    expect(await patient()).toBe("waits")
    const late = request()
    await pass(1)
    expect([await patient(), await late()]).toEqual([undefined, undefined])
    expect(await request()()).toBe(undefined)
  })

  it("are used for five minutes without a question, and for five more while they are fetched anew", async () => {
    const { request, answer, pass, fetches } = isolate()
    request()
    await answer("a")
    await pass(5 * MINUTE - 1)
    expect([await request()(), fetches()]).toEqual(["a", 1])
    await pass(1)
    expect([await request()(), fetches()]).toEqual(["a", 2])
    expect([await request()(), fetches()]).toEqual(["a", 2])
    await answer("b")
    expect(await request()()).toBe("b")
  })

  it("are asked for a moment after a long silence, and used if nothing newer comes", async () => {
    const { request, answer, pass } = isolate()
    request()
    await answer("a")
    await pass(10 * MINUTE)
    const [first, second] = [request(), request()]
    expect(await first()).toBe("waits")
    await answer("b")
    expect([await first(), await second()]).toEqual(["b", "b"])
    await pass(10 * MINUTE)
    const third = request()
    await pass(1_000)
    expect(await third()).toBe("b")
    // Nobody waits any more for the fetch that goes on.
    expect(await request()()).toBe("b")
  })

  it("are used for an hour while they cannot be fetched, and then nobody is let in", async () => {
    const { request, answer, fail, pass, fetches, lines } = isolate()
    request()
    await answer("a")
    for (let minute = 1; minute < 60; minute++) {
      await pass(MINUTE)
      const served = request()
      await fail()
      expect(await served()).toBe("a")
    }
    expect(fetches()).toBeLessThan(60)
    await pass(MINUTE)
    const refused = request()
    await fail()
    expect(await refused()).toBe(undefined)
    await pass(MINUTE)
    const back = request()
    expect(await back()).toBe("waits")
    await answer("b")
    expect(await back()).toBe("b")
    expect(lines).toEqual([
      "the keys of https://iss.test/jwks cannot be fetched: the answer is 500",
      "the keys of https://iss.test/jwks can be fetched again",
    ])
  })

  it("are asked for again after a second, two, four, and never more often than each half minute", async () => {
    const { request, fail, pass, fetches, retryAfterMs } = isolate()
    const pauses: number[] = []
    for (let failures = 0; failures < 8; failures++) {
      const before = fetches()
      let waited = 0
      for (; fetches() === before; waited += 500) {
        expect(await request()()).toBe(fetches() === before ? undefined : "waits")
        if (fetches() === before) await pass(500)
        else break
      }
      await fail()
      if (failures > 0) pauses.push(waited)
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    expect(retryAfterMs()).toBe(30_000)
  })

  it("are taken back when the issuer takes back all of them", async () => {
    const { request, answer, pass } = isolate()
    request()
    await answer("a")
    await pass(5 * MINUTE)
    request()
    await answer()
    expect(await request()()).toBe("")
  })

  it("are none of what is no set of keys: what was there stays", async () => {
    const { request, answer, pass } = isolate()
    request()
    await answer("a")
    await pass(5 * MINUTE)
    request()
    await answer(...Array.from({ length: 101 }, (_, index) => `k${index}`))
    expect(await request()()).toBe("a")
  })

  it("in the document itself are never fetched", async () => {
    const { request, unknownKey, fetches } = isolate({ kind: "inline", keys: [key("a") as never] })
    expect([await request()(), await unknownKey()(), fetches()]).toEqual(["a", "a", 0])
  })
})

describe("a token of an unknown key", () => {
  it("has keys fetched, but for half a minute after another fetch", async () => {
    const { request, unknownKey, answer, pass, fetches } = isolate()
    request()
    await answer("a")
    await pass(29_999)
    expect([await unknownKey()(), fetches()]).toEqual(["a", 1])
    await pass(1)
    const [first, second] = [unknownKey(), unknownKey()]
    expect([await first(), await second(), fetches()]).toEqual(["waits", "waits", 2])
    await answer("a", "b")
    expect([await first(), await second()]).toEqual(["a b", "a b"])
    expect([await unknownKey()(), fetches()]).toEqual(["a b", 2])
  })

  it("does not make others wait", async () => {
    const { request, unknownKey, answer, pass } = isolate()
    request()
    await answer("a")
    await pass(MINUTE)
    const unknown = unknownKey()
    expect([await unknown(), await request()()]).toEqual(["waits", "a"])
  })

  it("is not called wrong while nothing is known of what the issuer has published since", async () => {
    const { request, unknownKey, answer, fail, pass } = isolate()
    request()
    await answer("a")
    await pass(MINUTE)
    const [slow, failed] = [unknownKey(1_000), unknownKey()]
    await pass(1_000)
    expect([await slow(), await failed()]).toEqual([undefined, "waits"])
    await fail()
    expect([await failed(), await unknownKey()()]).toEqual([undefined, undefined])
    expect(await request()()).toBe("a")
  })
})
