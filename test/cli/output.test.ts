import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import type { Io } from "#cli/io.ts"
import { age, count, facts, plain, print, table } from "#cli/output.ts"

describe("table", () => {
  it("aligns by what is seen, and leaves nothing behind the last column", () => {
    const red = "\u001b[31mno\u001b[39m"
    expect(
      table(
        ["A", "LONG", "C"],
        [
          ["wide cell", red, ""],
          ["x", "yes", "z"],
        ],
      ),
    ).toBe(`A          LONG  C\nwide cell  ${red}\nx          yes   z\n`)
  })
})

describe("age", () => {
  it.each([
    [0, "0s"],
    [-5_000, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [3_599_999, "59m"],
    [86_399_999, "23h"],
    [40 * 86_400_000, "40d"],
  ])("%d ms ago is %s", (ms, text) => {
    expect(age(1e12 - ms, 1e12)).toBe(text)
  })
})

describe("plain", () => {
  it.each([
    ["a\nb\tc", "a b c"],
    ["\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
    ["\u001b]0;title\u0007x", "\\u001b]0;title\\u0007x"],
    ["\u009b2J", "\\u009b2J"],
    ["safe\u202eevil", "safe\\u202eevil"],
    ["tag\u{e0041}", "tag\\udb40\\udc41"],
    ["one\r\n\u2028two", "one two"],
    ["Grüße 東京", "Grüße 東京"],
  ])("%j is shown as %j", (text, shown) => {
    expect(plain(text)).toBe(shown)
  })
})

it("counts and lists", () => {
  expect([count(1, "problem"), count(0, "problem"), count(2, "entry", "entries")]).toEqual([
    "1 problem",
    "0 problems",
    "2 entries",
  ])
  expect(
    facts([
      ["a", "1"],
      ["long", "2"],
    ]),
  ).toBe("a     1\nlong  2\n")
})

describe("data that others wrote, as JSON and YAML", () => {
  const value = {
    "k\u009b2J": [
      "\u001b[31m",
      "c1 \u009b2J",
      "\u202egnp.exe",
      "\u2066x\u2069",
      "del \u007f",
      "line\u2028end",
      "tag \u{e0041}\u061c",
    ],
    "Grüße 東京": "a: b # c",
  }
  it.each(["json", "yaml"] as const)(
    "reads the same as %s, and holds nothing that a terminal obeys",
    async (format) => {
      let text = ""
      const io = { out: { write: (part: string) => (text += part) } } as unknown as Io
      await print(io, format, value, () => "")
      expect(format === "json" ? JSON.parse(text) : parse(text)).toEqual(value)
      expect(text).not.toMatch(/[^\P{Cc}\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
      expect(text).toContain("Grüße 東京")
    },
  )
})
