import { describe, expect, it } from "vitest"
import { pick } from "#shared/balancing/random.ts"

describe("picking by chance", () => {
  it("takes each endpoint for an equal slice of the dice", () => {
    expect([0, 0.32, 0.34, 0.66, 0.67, 0.999].map((dice) => pick(["a", "b", "c"], [], dice))).toEqual([
      "a",
      "a",
      "b",
      "b",
      "c",
      "c",
    ])
  })

  it("leaves out what was tried, while there is something else", () => {
    expect(pick(["a", "b", "c"], ["a", "c"], 0.9)).toBe("b")
    expect(pick(["a", "b"], ["a", "b"], 0.9)).toBe("b")
  })

  it("takes the only one again, and none of none", () => {
    expect(pick(["a"], ["a"], 0)).toBe("a")
    expect(pick([], [], 0)).toBeUndefined()
  })
})
