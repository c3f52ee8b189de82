import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { admitRegex, RegexPool, RegexSet } from "#shared/routing/regex.ts"
import { cpuMs } from "#test/support/cpu-time.ts"

const takes = (pattern: string, text: string) => {
  const admitted = admitRegex(pattern)
  return "regex" in admitted ? admitted.regex.matches(text) : admitted.problem
}

describe("an expression", () => {
  it("takes the whole text or nothing, in RE2 syntax", () => {
    const table: readonly (readonly [string, string, boolean])[] = [
      ["a+", "aaa", true],
      ["a+", "aab", false],
      ["a|b", "b", true],
      ["a|b", "ab", false],
      ["", "", true],
      ["(?i)abc", "ABC", true],
      ["/[a-z]+/\\d{1,3}", "/a/12", true],
      ["/[a-z]+/\\d{1,3}", "/a/1234", false],
      ["\\pL+", "äöü", true],
      [".*", "a\nb", false],
      ["(?s).*", "a\nb", true],
    ]
    for (const [pattern, text, expected] of table) {
      expect([pattern, text, takes(pattern, text)]).toEqual([pattern, text, expected])
    }
  })

  it("is refused with a reason when it is broken, not linear, too long or too large", () => {
    for (const pattern of [
      "(",
      "[",
      "a{2,1}",
      "*a",
      "(?=a)",
      "(?<=a)b",
      "(a)\\1",
      "a{1001}",
      "(?:x|y){0,1000}z",
      "((a{100}){100}){100}",
    ]) {
      expect([pattern, typeof takes(pattern, "")]).toEqual([pattern, "string"])
    }
    expect(takes("a".repeat(900), "")).toBe(false)
    expect(takes("a".repeat(LIMITS.regexCharsMax + 1), "")).toContain("1025 characters, more than 1024")
    expect(takes("(?:x|y){0,1000}z", "")).toContain("steps, more than 1000")
  })

  it("reads no more of a text than the limit", () => {
    const long = "a".repeat(LIMITS.regexTextCharsMax)
    expect(takes("a*", long)).toBe(true)
    expect(takes("a*b", `${long}b`)).toBe(false)
  })
})

describe("a set", () => {
  it("tells which of its expressions take the whole text, also when it cannot be one machine", () => {
    for (const broken of [[], ["("]]) {
      const set = new RegexSet(["/a.*", "/ab", "b", ...broken])
      expect([...set.matches("/ab")].sort()).toEqual([0, 1])
      expect(set.matches("/ab/c")).toEqual([0])
      expect(set.matches("x")).toEqual([])
    }
  })
})

describe("a pool", () => {
  it("gives the same pattern the same expression, and a broken one that takes nothing", () => {
    const pool = new RegexPool()
    expect(pool.get("a")).toBe(pool.get("a"))
    expect(pool.get("a").matches("a")).toBe(true)
    expect(pool.get("(").matches("(")).toBe(false)
  })
})

describe("evil expressions", () => {
  /** Shapes on which backtracking engines take time exponential or of a high power in the text's length. */
  const SHAPES = [
    "(X+)+Y",
    "(X*)*Y",
    "(X|XX)+Y",
    "(X|X)*Y",
    "X*X*X*X*X*Y",
    "(.*X){8}Y",
    "(X?){20}X{20}Y",
    "(XZ|X)+Y",
    "([^Y]+)*Y",
    "(X+Z?)+Y",
  ]
  const LETTERS = ["a", "b", "[a-b]", "\\w", ".", "(?:a|b)", "\\pL", "[^c]", "a?b?", "(?i)a"]
  const TAILS = ["c", "$c", "c{2}", "(c|d)", "\\dc"]
  const TEXT_CHARS = 4 * 1024
  const patterns = SHAPES.flatMap((shape) =>
    LETTERS.flatMap((letter) =>
      TAILS.map((tail) => shape.replaceAll("X", letter).replaceAll("Z", "b").replaceAll("Y", tail)),
    ),
  )

  it("stay linear on 4 KB of text: none of 500 takes long", () => {
    expect(patterns).toHaveLength(500)
    let worst = { pattern: "", ms: 0 }
    let refused = 0
    for (const pattern of patterns) {
      const admitted = admitRegex(pattern)
      if (!("regex" in admitted)) {
        refused++
        continue
      }
      for (const text of ["a".repeat(TEXT_CHARS), "ab".repeat(TEXT_CHARS / 2)]) {
        const ms = cpuMs(() => expect(admitted.regex.matches(text)).toBe(false))
        if (ms > worst.ms) worst = { pattern, ms }
      }
    }
    console.info(
      `worst of ${patterns.length - refused}: ${worst.pattern} took ${worst.ms.toFixed(1)} ms; ${refused} refused`,
    )
    expect(refused).toBeLessThan(50)
    // Backtracking would take longer than the universe has; a linear engine on a busy machine takes some milliseconds.
    expect(worst.ms).toBeLessThan(1_000)
  })
})
