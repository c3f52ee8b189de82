import { describe, expect, it } from "vitest"
import { isCatchAll, withoutTrailingSlash } from "#shared/routing/path-match.ts"

describe("a path match", () => {
  it("takes everything only as the prefix /", () => {
    expect(isCatchAll({ kind: "prefix", value: "/" })).toBe(true)
    expect(isCatchAll({ kind: "prefix", value: "/a" })).toBe(false)
    for (const kind of ["exact", "template", "regex"] as const) expect(isCatchAll({ kind, value: "/" })).toBe(false)
  })

  it("loses one trailing slash", () => {
    expect(["/", "/a", "/a/"].map(withoutTrailingSlash)).toEqual(["", "/a", "/a"])
  })
})
