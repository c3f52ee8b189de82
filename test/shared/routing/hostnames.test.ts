import { describe, expect, it } from "vitest"
import { HostIndex, intersect } from "#shared/routing/hostnames.ts"

describe("the intersection of two hostnames", () => {
  it("is the narrower one, whichever side it stands on", () => {
    const table: readonly (readonly [string, string, string | undefined])[] = [
      ["*", "*", "*"],
      ["*", "a.test", "a.test"],
      ["*", "*.test", "*.test"],
      ["a.test", "a.test", "a.test"],
      ["a.test", "b.test", undefined],
      ["*.test", "a.test", "a.test"],
      ["*.test", "b.a.test", "b.a.test"],
      ["*.a.test", "a.test", undefined],
      ["*.test", "*.a.test", "*.a.test"],
      ["*.a.test", "*.b.test", undefined],
      ["*.a.test", "*.ba.test", undefined],
      ["*.com", "x.io", undefined],
    ]
    for (const [left, right, expected] of table) {
      expect([left, right, intersect(left, right)]).toEqual([left, right, expected])
      expect([right, left, intersect(right, left)]).toEqual([right, left, expected])
    }
  })
})

describe("the index", () => {
  it("finds the most specific pattern", () => {
    const index = new HostIndex<string>()
    for (const pattern of ["*.test", "*.a.test", "x.a.test"]) index.set(pattern, pattern)
    expect(index.find("x.a.test")).toBe("x.a.test")
    expect(index.find("y.a.test")).toBe("*.a.test")
    expect(index.find("z.x.a.test")).toBe("*.a.test")
    expect(index.find("a.test")).toBe("*.test")
    expect(index.find("test")).toBeUndefined()
    expect(index.find("")).toBeUndefined()
    index.set("*", "any")
    expect(index.find("test")).toBe("any")
    expect(index.get("*.a.test")).toBe("*.a.test")
  })
})
