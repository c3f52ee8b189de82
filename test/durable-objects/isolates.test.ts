import { describe, expect, it } from "vitest"
import { Isolates } from "#durable-objects/isolates.ts"
import { LIMITS } from "#shared/model/limits.ts"

/** A storage of this process's. */
function kv(): ConstructorParameters<typeof Isolates>[0] {
  const kept = new Map<string, unknown>()
  return { get: (key: string) => kept.get(key) as never, put: (key, value) => void kept.set(key, value) }
}

describe("the isolates heard of", () => {
  it("drop the one silent for longest when there are too many", () => {
    const isolates = new Isolates(kv(), 0)
    for (let index = 0; index < LIMITS.isolatesMax; index++) isolates.note({ isolate: `i${index}`, serving: 1 }, 0)
    isolates.note({ isolate: "i0", serving: 2 }, 0)
    isolates.note({ isolate: "new", serving: 2 }, 0)
    const names = isolates.list(0).map(({ isolate }) => isolate)
    expect(names).toHaveLength(LIMITS.isolatesMax)
    expect(names).toContain("i0")
    expect(names).not.toContain("i1")
    expect(names.at(-1)).toBe("new")
  })

  it("keep no more of what an isolate says of endpoints than is allowed", () => {
    const isolates = new Isolates(kv(), 0)
    const outlier = { cluster: "default/orders", endpoint: "ORDERS", ejected: true, because: "consecutive_5xx" }
    const outliers = Array.from({ length: LIMITS.outliersMax + 1 }, () => outlier)
    isolates.note({ isolate: "a", serving: 1, outliers }, 0)
    expect(isolates.list(0)[0]?.outliers).toHaveLength(LIMITS.outliersMax)
  })

  it("forget who was silent for more than a minute", () => {
    const isolates = new Isolates(kv(), 0)
    isolates.note({ isolate: "early", serving: 1 }, 1_000)
    isolates.note({ isolate: "late", serving: 1 }, 2_000)
    expect(isolates.list(61_000).map(({ isolate }) => isolate)).toEqual(["early", "late"])
    expect(isolates.list(61_001).map(({ isolate }) => isolate)).toEqual(["late"])
  })

  it("do not count one that only makes health checks, and keep no other alive by them", () => {
    const isolates = new Isolates(kv(), 0)
    isolates.note({ isolate: "checks", serving: 1, idle: true }, 1_000)
    isolates.note({ isolate: "serves", serving: 1 }, 1_000)
    isolates.note({ isolate: "serves", serving: 2, idle: true }, 50_000)
    expect(isolates.list(50_000)).toMatchObject([{ isolate: "serves", serving: 2, seenAtMs: 1_000 }])
    expect(isolates.list(61_001)).toEqual([])
  })

  it("share one copy of equal lists of bindings, and keep different ones apart", () => {
    const isolates = new Isolates(kv(), 0)
    for (const isolate of ["a", "b"]) isolates.note({ isolate, serving: 1, bindings: ["ORDERS", "CART"] }, 0)
    isolates.note({ isolate: "c", serving: 1, bindings: ["ORDERS"] }, 0)
    isolates.note({ isolate: "a", serving: 2, bindings: ["ORDERS", "CART"] }, 0)
    const [b, c, a] = isolates.list(0)
    expect([b, c, a].map((status) => status?.bindings)).toEqual([["ORDERS", "CART"], ["ORDERS"], ["ORDERS", "CART"]])
    expect(a?.bindings).toBe(b?.bindings)
  })

  it("are told since when each serves what it serves, by its pulls and by what it says between them", () => {
    const isolates = new Isolates(kv(), 0, "weur")
    isolates.note({ isolate: "a", serving: 1, bindings: ["ORDERS"] }, 1_000)
    isolates.note({ isolate: "a", serving: 1, bindings: ["ORDERS"] }, 2_000)
    isolates.confirm({ isolate: "a", serving: 2 }, 2_100)
    isolates.note({ isolate: "a", serving: 2, bindings: ["ORDERS"] }, 3_000)
    expect(isolates.list(3_000)).toEqual([
      { isolate: "a", serving: 2, seenAtMs: 3_000, servingSinceMs: 2_100, relay: "weur", bindings: ["ORDERS"] },
    ])
    isolates.confirm({ isolate: "a", serving: 2, refused: { revision: 3, reason: "no" } }, 3_100)
    expect(isolates.list(3_100)[0]).toMatchObject({ bindings: ["ORDERS"], refused: { revision: 3, reason: "no" } })
  })

  it("are known to an object that was put away and started anew", () => {
    const storage = kv()
    const isolates = new Isolates(storage, 0, "weur")
    isolates.note({ isolate: "a", serving: 1, bindings: ["ORDERS"] }, 1_000)
    isolates.note({ isolate: "b", serving: 1 }, 2_000)
    isolates.confirm({ isolate: "a", serving: 2 }, 2_050)
    const anew = new Isolates(storage, 20_000, "weur")
    expect(anew.list(20_000)).toEqual([
      { isolate: "b", serving: 1, seenAtMs: 2_000, servingSinceMs: 2_000, relay: "weur" },
      { isolate: "a", serving: 2, seenAtMs: 2_050, servingSinceMs: 2_050, relay: "weur" },
    ])
    // It may not have been told of all of them, and forgets them as those that it heard of itself.
    expect(anew.view(20_000).watchingSinceMs).toBe(20_000)
    expect(anew.list(62_020).map(({ isolate }) => isolate)).toEqual(["a"])
  })

  it("are written down every few seconds, at once for what changes, and seldom for what changes everywhere", () => {
    const storage = kv()
    let writes = 0
    const put = (key: string, value: unknown) => {
      if (key === "isolates") writes++
      storage.put(key, value)
    }
    const isolates = new Isolates({ ...storage, put }, 0)
    for (let atMs = 0; atMs < 20_000; atMs += 100) isolates.note({ isolate: "a", serving: 1 }, atMs)
    expect(writes).toBe(4)
    for (let index = 0; index < 500; index++) isolates.confirm({ isolate: `i${index}`, serving: 2 }, 20_000)
    expect(writes).toBe(8)
    // The next that is heard of has them all written down.
    isolates.note({ isolate: "a", serving: 1 }, 25_000)
    expect(new Isolates(storage, 30_000).list(30_000)).toHaveLength(500)
  })

  it("are told of by an object whose disk takes nothing", () => {
    const storage = kv()
    const put = (key: string) => {
      if (key === "isolates") throw new Error("disk full")
    }
    const isolates = new Isolates({ ...storage, put }, 0)
    isolates.confirm({ isolate: "a", serving: 1 }, 1_000)
    expect(isolates.list(1_000)).toHaveLength(1)
  })

  it("count, over about a minute, requests that were served too old", () => {
    const isolates = new Isolates(kv(), 0)
    isolates.note({ isolate: "a", serving: 1, floorsMissed: 3 }, 59_000)
    isolates.note({ isolate: "a", serving: 1, floorsMissed: 4 }, 61_000)
    expect(isolates.view(100_000).floorsMissed).toBe(7)
    expect(isolates.view(121_000).floorsMissed).toBe(4)
    expect(isolates.view(300_000).floorsMissed).toBe(0)
  })
})

describe("whether there may be others", () => {
  const since = (isolates: Isolates, nowMs: number) => isolates.view(nowMs).watchingSinceMs

  it("is out of the question for who was never asked before, or not for long", () => {
    const storage = kv()
    const first = new Isolates(storage, 1_000)
    expect(since(first, 1_000)).toBeUndefined()
    first.note({ isolate: "a", serving: 1 }, 2_000)
    expect(since(new Isolates(storage, 100_000), 100_000)).toBeUndefined()
  })

  it("is not known to who was asked a moment ago and has forgotten by whom", () => {
    const storage = kv()
    new Isolates(storage, 1_000).note({ isolate: "a", serving: 1 }, 2_000)
    expect(since(new Isolates(storage, 5_000), 5_000)).toBe(5_000)
  })

  it("is not known once there were too many", () => {
    const isolates = new Isolates(kv(), 0)
    for (let index = 0; index <= LIMITS.isolatesMax; index++) isolates.note({ isolate: `i${index}`, serving: 1 }, 1_000)
    expect(since(isolates, 1_000)).toBe(1_000)
  })
})
