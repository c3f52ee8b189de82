import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import type { Io } from "#cli/io.ts"
import { age, count, expiry, facts, plain, print, remaining, table } from "#cli/output.ts"

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

describe("what remains", () => {
  const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]

  it.each([
    // A life that began a moment ago, on a clock that is a little behind or ahead.
    [365 * DAY - 300, "365d"],
    [365 * DAY + 4_000, "365d"],
    [90 * DAY - 61_000, "90d"],
    [HOUR - 2_000, "1h"],
    [DAY - 1_000, "1d"],
    [30_000 - 40, "30s"],
    // No rounding that would mislead.
    [1.5 * DAY, "36h"],
    [90 * MINUTE, "90m"],
    [2.4 * HOUR, "144m"],
    [100 * DAY + 11 * HOUR, "100d"],
    [400, "1s"],
    [0, "0s"],
    [-5, "0s"],
  ])("of %d ms is said as %s", (ms, text) => {
    expect(remaining(1e12 + ms, 1e12)).toBe(text)
  })

  it("is never said by more than a twentieth too long or too short", () => {
    const units: Record<string, number> = { s: 1_000, m: MINUTE, h: HOUR, d: DAY }
    fc.assert(
      fc.property(fc.integer({ min: 20_000, max: 1_000 * DAY }), (ms) => {
        const [, amount, unit] = /^(\d+)([smhd])$/.exec(remaining(ms, 0))!
        expect(Math.abs(Number(amount) * units[unit!]! - ms)).toBeLessThanOrEqual(ms * 0.05)
      }),
    )
  })

  it("is over, or without end", () => {
    expect([expiry(undefined, 0), expiry(5, 5), expiry(5, 6)]).toEqual(["never", "expired", "expired"])
    expect(expiry(365 * DAY, 1_500)).toBe("in 365d")
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
