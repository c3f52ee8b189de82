import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { editDistance, suggest } from "#shared/std/suggest.ts"

describe("did you mean", () => {
  it.each([
    ["chekout", ["cart", "checkout", "search"], "checkout"],
    ["rulez", ["hosts", "rules", "order"], "rules"],
    ["specifc", ["specific", "listed"], "specific"],
    ["Orders", ["orders"], "orders"],
    ["oredr", ["order", "older"], "order"],
    ["payments", ["cart", "checkout"], undefined],
    ["a", ["b"], "b"],
    ["orders", ["orders"], undefined],
    ["x".repeat(65), ["x".repeat(64)], undefined],
  ])("%s of %j: %s", (word, known, meant) => {
    expect(suggest(word, known)).toBe(meant)
  })

  it("measures a distance: zero only between equals, the same both ways, never more than the longer word", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance === 0).toBe(a === b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      }),
    )
  })

  it("stops at the distance that is too far, and says the same below it", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 })
    fc.assert(
      fc.property(word, word, fc.nat({ max: 8 }), (a, b, atMost) => {
        expect(editDistance(a, b, atMost)).toBe(Math.min(atMost, editDistance(a, b)))
      }),
    )
  })

  it("takes a long word with many differences for another word", () => {
    const known = "a-rather-long-name-of-some-service"
    expect(suggest("a-rather-lomg-mane-of-some-servise", [known])).toBe(known)
    expect(suggest("a-xxxxxxx-lomg-mane-of-some-servise", [known])).toBeUndefined()
  })
})
