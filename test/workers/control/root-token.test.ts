import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { weaknessOf } from "#workers/control/root-token.ts"
import { ROOT_TOKEN } from "./support.ts"

describe("a root token", () => {
  it.each([
    "changeme",
    "changemechangeme",
    "changeme-changeme-changeme",
    "admin-token-secret",
    "your-secret-token-here",
    "Sup3rSecretPassword"[0]!.repeat(20),
    "replace-me-with-a-token",
    "weft-admin-token-1",
    "0123456789abcdef",
    "abcdefghijklmnopqrst",
    "qwertyuiopasdfghjkl",
    "aaaaaaaabbbbbbbb",
    "abcdabcdabcdabcdabcd",
    "k3yk3yk3yk3yk3yk3yk3y",
    "with a space in between",
    "t\u00f6ken-with-an-umlaut-x",
    "short-1x9q",
    "",
  ])("%j is refused, with a reason", (token) => {
    expect(weaknessOf(token)).toMatch(/^it /)
  })

  it.each([
    ROOT_TOKEN,
    "fake-control-admin-token-7hq2",
    "correct-horse-battery-staple",
    "edd1c9f034335f136f87ad84b625c8f1",
  ])("%j is taken", (token) => {
    expect(weaknessOf(token)).toBeUndefined()
  })

  it("that is made at random is taken", () => {
    const hex = fc.stringMatching(/^[0-9a-f]{32}$/)
    const base64 = fc.stringMatching(/^[A-Za-z0-9_-]{32}$/)
    // By numbers, not by fast-check's taste for the extreme.
    const random = fc.noShrink(fc.oneof(hex, base64)).filter((token) => new Set(token).size > 9)
    fc.assert(
      fc.property(random, (token) => weaknessOf(token) === undefined),
      { numRuns: 2_000, seed: 7 },
    )
  })
})
