import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatPath, parsePath } from "#shared/std/steps.ts"

describe("paths into a document", () => {
  it.each([
    [["routes", "shop", "rules", 3, "matches", 0, "path"], "routes.shop.rules[3].matches[0].path"],
    [["headers", "x-a"], "headers.x-a"],
    [["headers", "x y", "exact"], 'headers["x y"].exact'],
    [["a", "3"], 'a["3"]'],
    [[], ""],
  ])("%j is written %s", (steps, text) => {
    expect(formatPath(steps)).toBe(text)
  })

  it("are read back as they were written", () => {
    const step = fc.oneof(fc.nat(), fc.string(), fc.constantFrom("rules", "x-a", "a.b", '["', "\\"))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        expect(parsePath(formatPath(steps))).toEqual(steps)
      }),
    )
  })

  it.each(["a..b", "a[", "a[01]", "[x]", ".a", "a b"])("%s is none", (text) => {
    expect(parsePath(text)).toBeUndefined()
  })
})
