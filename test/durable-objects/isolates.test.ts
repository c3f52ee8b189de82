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

  it("forget who was silent for more than a minute", () => {
    const isolates = new Isolates()
    isolates.note({ isolate: "early", serving: 1 }, 1_000)
    isolates.note({ isolate: "late", serving: 1 }, 2_000)
    expect(isolates.list(61_000).map(({ isolate }) => isolate)).toEqual(["early", "late"])
    expect(isolates.list(61_001).map(({ isolate }) => isolate)).toEqual(["late"])
  })
})
