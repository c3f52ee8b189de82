import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { diffLines, unified } from "#cli/difference.ts"

const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 })
const side = (sign: "+" | "-", before: string[], after: string[]) =>
  diffLines(before, after).flatMap((line) => (line.sign === " " || line.sign === sign ? [line.text] : []))

describe("diffLines", () => {
  it("leads from one text to the other", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(side("-", before, after)).toEqual(before)
        expect(side("+", before, after)).toEqual(after)
      }),
    )
  })

  it("keeps as many lines as can be kept", () => {
    const lines = diffLines([..."abcabba"], [..."cbabac"])
    expect(lines.filter(({ sign }) => sign === " ")).toHaveLength(4)
  })

  it("stays quick with texts that have nothing in common", () => {
    const many = (prefix: string) => Array.from({ length: 20_000 }, (_, index) => `${prefix}${index}`)
    expect(diffLines(many("a"), many("b"))).toHaveLength(40_000)
  })
})

describe("unified", () => {
  const show = (before: string, after: string) =>
    unified(diffLines([...before], [...after])).map((hunk) => hunk.map(({ sign, text }) => sign + text).join(","))

  it.each([
    ["abc", "abc", []],
    ["abcdefghi", "abcdXfghi", [" b, c, d,-e,+X, f, g, h"]],
    ["abcdefghijklmnop", "Xbcdefghijklmnop", ["-a,+X, b, c, d"]],
    ["abcdefghijklmnop", "XbcdefghijklmnoY", ["-a,+X, b, c, d", " m, n, o,-p,+Y"]],
    ["abcdefgh", "XbcdefgY", ["-a,+X, b, c, d, e, f, g,-h,+Y"]],
    ["", "ab", ["+a,+b"]],
  ])("%s -> %s", (before, after, hunks) => {
    expect(show(before, after)).toEqual(hunks)
  })

  it("shows every change exactly once", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before, after)
        const shown = unified(lines).flat()
        expect(shown.filter(({ sign }) => sign !== " ")).toEqual(lines.filter(({ sign }) => sign !== " "))
        expect(new Set(shown).size).toBe(shown.length)
      }),
    )
  })
})
