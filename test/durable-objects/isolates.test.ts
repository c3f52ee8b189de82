import { describe, expect, it } from "vitest"
import { Isolates } from "#durable-objects/isolates.ts"
import { LIMITS } from "#shared/model/limits.ts"

describe("the isolates heard of", () => {
  it("drop the one silent for longest when there are too many", () => {
    const isolates = new Isolates()
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
    const isolates = new Isolates()
    const outlier = { cluster: "default/orders", endpoint: "ORDERS", ejected: true, because: "consecutive_5xx" }
    const outliers = Array.from({ length: LIMITS.outliersMax + 1 }, () => outlier)
    isolates.note({ isolate: "a", serving: 1, outliers }, 0)
    expect(isolates.list(0)[0]?.outliers).toHaveLength(LIMITS.outliersMax)
  })

  it("forget who was silent for more than a minute", () => {
    const isolates = new Isolates()
    isolates.note({ isolate: "early", serving: 1 }, 1_000)
    isolates.note({ isolate: "late", serving: 1 }, 2_000)
    expect(isolates.list(61_000).map(({ isolate }) => isolate)).toEqual(["early", "late"])
    expect(isolates.list(61_001).map(({ isolate }) => isolate)).toEqual(["late"])
  })

  it("do not count one that only makes health checks, and keep no other alive by them", () => {
    const isolates = new Isolates()
    isolates.note({ isolate: "checks", serving: 1, idle: true }, 1_000)
    isolates.note({ isolate: "serves", serving: 1 }, 1_000)
    isolates.note({ isolate: "serves", serving: 2, idle: true }, 50_000)
    expect(isolates.list(50_000)).toEqual([{ isolate: "serves", serving: 2, seenAtMs: 1_000 }])
    expect(isolates.list(61_001)).toEqual([])
  })

  it("share one copy of equal lists of bindings, and keep different ones apart", () => {
    const isolates = new Isolates()
    for (const isolate of ["a", "b"]) isolates.note({ isolate, serving: 1, bindings: ["ORDERS", "CART"] }, 0)
    isolates.note({ isolate: "c", serving: 1, bindings: ["ORDERS"] }, 0)
    isolates.note({ isolate: "a", serving: 2, bindings: ["ORDERS", "CART"] }, 0)
    const [b, c, a] = isolates.list(0)
    expect([b, c, a].map((status) => status?.bindings)).toEqual([["ORDERS", "CART"], ["ORDERS"], ["ORDERS", "CART"]])
    expect(a?.bindings).toBe(b?.bindings)
  })
})
