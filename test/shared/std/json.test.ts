import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseJson } from "#shared/std/json.ts"

describe("strict JSON", () => {
  it("agrees with JSON.parse on every value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        fc.pre(!text.includes('"__proto__"'))
        expect(parseJson(text)).toEqual({ value: JSON.parse(text) })
      }),
    )
  })

  it("refuses whatever JSON.parse refuses, and where they agree they agree on the value", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"a"',
      '"\\u0041"',
      '"\\x"',
      "1",
      "-0",
      "01",
      "1e5",
      "1.",
      " ",
      "\n",
      "true",
      "nul",
      "\u0000",
      '"',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join("")
        const ours = parseJson(text)
        let theirs: { value: unknown } | undefined
        try {
          theirs = { value: JSON.parse(text) }
        } catch {}
        if (theirs === undefined) expect(ours).toHaveProperty("problem")
        else if (!("problem" in ours)) expect(ours).toEqual(theirs)
        else expect(["duplicate-key", "number-range"]).toContain(ours.problem.rule)
      }),
      { numRuns: 2_000 },
    )
  })

  it("makes objects without a prototype", () => {
    const parsed = parseJson('{"constructor":{"a":1}}') as { value: { constructor: object } }
    expect(Object.getPrototypeOf(parsed.value)).toBeNull()
    expect(Object.getPrototypeOf(parsed.value.constructor)).toBeNull()
  })

  it.each([
    ['{"a":1,\n "a":2}', "duplicate-key", 2, 2],
    ['{"a":1,"\\u0061":2}', "duplicate-key", 1, 8],
    ['{"__proto__":1}', "forbidden-key", 1, 2],
    ['[{"\\u005f_proto__":1}]', "forbidden-key", 1, 3],
    ["[1,\n2,\n]", "syntax", 3, 1],
    ["", "syntax", 1, 1],
    ["1 2", "syntax", 1, 3],
    ["1e309", "number-range", 1, 1],
    ['"a\nb"', "syntax", 1, 1],
    ['"abc', "syntax", 1, 1],
    ["[".repeat(65), "too-deep", 1, 65],
  ])("refuses %j: %s", (text, rule, line, column) => {
    expect(parseJson(text)).toEqual({ problem: { rule, line, column, message: expect.any(String) } })
  })

  it("takes as much depth as it is told, and no more", () => {
    expect(parseJson("[[[]]]", { depthMax: 3 })).toHaveProperty("value")
    expect(parseJson("[[[]]]", { depthMax: 2 })).toHaveProperty("problem")
  })

  it("reads megabytes of one string, and refuses one without end, in linear time", () => {
    const long = "\\n\u00e9x".repeat(500_000)
    expect(parseJson(`"${long}"`)).toHaveProperty("value")
    expect(parseJson(`"${long}`)).toHaveProperty("problem")
  })
})
