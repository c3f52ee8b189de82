/** Tokens of an isolate, with an object that is slow, fails, or comes back. */
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { EndpointIdentity } from "#shared/model/workload-identity.ts"
import type { Issued } from "#shared/protocol/key-ring.ts"
import { reach, Unidentified } from "#workers/proxy/reach.ts"
import { Svids } from "#workers/proxy/svids.ts"

const API: EndpointIdentity = { audience: "https://api.example", header: "weft-identity", whenUnavailable: "deny" }

function world(issue: (count: number) => Promise<Issued | undefined>) {
  let nowMs = 1_000_000
  let calls = 0
  const waited: Promise<unknown>[] = []
  const around = { nowMs: () => nowMs, roll: () => 0.5, sleep: async () => {}, log: () => {} }
  const svids = new Svids(() => ({ issue: () => issue(++calls) }), around)
  const background = { waitUntil: (promise: Promise<unknown>) => void waited.push(promise) }
  return {
    svids,
    background,
    token: (workload = "default/web", identity = API) => svids.token(workload, identity, background),
    elapse: (ms: number) => {
      nowMs += ms
    },
    settled: () => Promise.all(waited),
    calls: () => calls,
    issued: (text: string): Issued => ({ token: text, expiresAtMs: nowMs + LIMITS.svidLifeMs }),
  }
}

describe("tokens of an isolate", () => {
  it("are asked for once, kept, and renewed ahead of their end in the background", async () => {
    const one = world(async (count) => one.issued(`t${count}`))
    expect([await one.token(), await one.token()]).toEqual(["t1", "t1"])
    one.elapse(LIMITS.svidLifeMs * 0.6)
    expect(await one.token()).toBe("t1")
    one.elapse(LIMITS.svidLifeMs * 0.05)
    expect(await one.token()).toBe("t1")
    await one.settled()
    expect([await one.token(), one.calls()]).toEqual(["t2", 2])
  })

  it("are one for each caller and each upstream", async () => {
    const one = world(async (count) => one.issued(`t${count}`))
    const other = { ...API, audience: "https://other.example" }
    const tokens = [await one.token(), await one.token("default/shop"), await one.token("default/web", other)]
    expect(new Set(tokens).size).toBe(3)
  })

  it("are asked for once by many that come together", async () => {
    let answer: (issued: Issued) => void = () => {}
    const one = world(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    const asking = Array.from({ length: 10 }, () => one.token())
    answer(one.issued("t"))
    // The first look may be over before the answer: who comes then has it.
    await Promise.all(asking)
    expect([await one.token(), one.calls()]).toEqual(["t", 1])
  })

  it("are used while the object fails, as long as they are good, and it is not asked for each request", async () => {
    const one = world(async (count) => (count === 1 ? one.issued("t1") : Promise.reject(new Error("down"))))
    await one.token()
    one.elapse(LIMITS.svidLifeMs * 0.7)
    for (let count = 0; count < 20; count++) expect(await one.token()).toBe("t1")
    await one.settled()
    expect(one.calls()).toBe(2)
    one.elapse(LIMITS.svidRetryMs * 2)
    await one.token()
    expect(one.calls()).toBe(3)
    one.elapse(LIMITS.svidLifeMs)
    expect(await one.token()).toBeUndefined()
  })

  it("are none when the object is not there, is slow, or signs nothing", async () => {
    expect(await world(() => new Promise(() => {})).token()).toBeUndefined()
    expect(await world(async () => undefined).token()).toBeUndefined()
    const { svids, background } = world(async () => undefined)
    const unbound = new Svids(() => undefined, { nowMs: () => 0, roll: () => 0, sleep: async () => {}, log: () => {} })
    expect(await unbound.token("default/web", API, background)).toBeUndefined()
    expect(await svids.token("default/web", API, background)).toBeUndefined()
  })

  it("are forgotten when they are too many", async () => {
    const one = world(async (count) => one.issued(`t${count}`))
    for (let count = 0; count <= LIMITS.svidsMax; count++) await one.token(`default/w${count}`)
    await one.token(`default/w${LIMITS.svidsMax}`)
    expect(one.calls()).toBe(LIMITS.svidsMax + 1)
    await one.token("default/w0")
    expect(one.calls()).toBe(LIMITS.svidsMax + 2)
  })
})

describe("the way to an endpoint that is to know who calls", () => {
  const sent: Request[] = []
  const endpoint = (whenUnavailable: "allow" | "deny") => ({
    kind: "url" as const,
    url: "https://api.example",
    identity: { ...API, whenUnavailable },
  })

  function way(whenUnavailable: "allow" | "deny", issue: (count: number) => Promise<Issued | undefined>) {
    const { svids, background } = world(issue)
    const destination = {
      async fetch(input: RequestInfo) {
        sent.push(input as Request)
        return new Response()
      },
    }
    return reach(endpoint(whenUnavailable), undefined, { ...background, svids, destination: () => destination })!
  }

  const forged = () => new Request("https://api.example", { headers: { "weft-identity": "forged" } })

  it("is closed when nobody can say so, unless it may be open; what somebody else says never passes", async () => {
    sent.length = 0
    await expect(way("deny", async () => undefined).fetch(forged())).rejects.toThrow(Unidentified)
    expect(sent).toEqual([])
    await way("allow", async () => undefined).fetch(forged())
    expect(sent[0]!.headers.has("weft-identity")).toBe(false)
  })
})
