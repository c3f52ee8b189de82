import fc from "fast-check"
import { expect, it } from "vitest"
import { hash32, unitHash } from "#shared/std/hash.ts"

it("is the same for ever: stored sessions depend on it", () => {
  expect(["", "a", "user-1", "ü"].map(hash32)).toEqual(["", "a", "user-1", "ü"].map((text) => hash32(text)))
  expect(hash32("user-1")).toMatchInlineSnapshot(`2005895916`)
})

it("is a throw of the dice: in [0, 1), and even", () => {
  fc.assert(fc.property(fc.string(), (text) => unitHash(text) >= 0 && unitHash(text) < 1))
  const tenths = Array(10).fill(0)
  for (let user = 0; user < 20_000; user++) tenths[Math.floor(unitHash(`user-${user}`) * 10)] += 1
  expect(Math.min(...tenths)).toBeGreaterThan(1_800)
  expect(Math.max(...tenths)).toBeLessThan(2_200)
})
