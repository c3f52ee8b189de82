import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canonicalJson } from "#shared/std/canonical-json.ts"

describe("canonical JSON", () => {
  it("is JSON of the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it.each([
    [{ b: 1, a: [2, { d: 3, c: undefined }] }, '{"a":[2,{"d":3}],"b":1}'],
    [{ "10": 1, "9": 2, é: 3, Z: 4 }, '{"10":1,"9":2,"Z":4,"é":3}'],
    [-0, "0"],
  ])("writes %j as %s", (value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, () => 1, 1n])("has no form for %s", (value) => {
    expect(() => canonicalJson([value])).toThrow(TypeError)
  })
})
