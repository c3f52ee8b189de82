import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readToken, type Token } from "#shared/identity/jws.ts"
import { marksOfKey, marksOfToken, principalOf } from "#shared/identity/marks.ts"
import type { TokenProvider } from "#shared/model/authentication.ts"
import { base64url } from "#test/support/tokens.ts"

const token = (claims: object) =>
  readToken(`${base64url('{"alg":"RS256"}')}.${base64url(JSON.stringify(claims))}.c2ln`) as Token
const provider = (claim: readonly string[], payloadHeader?: string) =>
  ({
    claimHeaders: [{ header: "x-claim", claim }],
    ...(payloadHeader && { payloadHeader }),
  }) as unknown as TokenProvider

describe("a claim's header", () => {
  it.each<[string, unknown, string | undefined]>([
    ["a text", "alice", "alice"],
    ["an empty text", "", ""],
    ["a text with spaces", "Alice B.", "Alice B."],
    ["a number", 1562182722, "1562182722"],
    ["a boolean", false, "false"],
    ["a list", ["a", 1, true], "a,1,true"],
    ["a list with a comma in one of it", ["a,b"], undefined],
    ["a list with nothing in one of it", ["a", ""], undefined],
    ["an empty list", [], undefined],
    ["a list of lists", [["a"]], undefined],
    ["an object", { a: 1 }, undefined],
    ["null", null, undefined],
    ["nothing", undefined, undefined],
    ["a line break", "a\r\nX-Admin: 1", undefined],
    ["a null character", "a\0b", undefined],
    ["a tab", "a\tb", undefined],
    ["a line break in a list", ["a\nb"], undefined],
    ["other alphabets", "Müller", undefined],
    ["a space at the end", "a ", undefined],
    ["more than a header holds", "x".repeat(9_000), undefined],
  ])("for %s", (_what, claim, expected) => {
    expect(marksOfToken(provider(["claim"]), token({ claim }))).toEqual(
      expected === undefined ? [] : [["x-claim", expected]],
    )
  })

  it("goes by the way to the claim, and by no prototype", () => {
    const nested = token({ nested: { "nested-2": { key2: "valueC" } } })
    expect(marksOfToken(provider(["nested", "nested-2", "key2"]), nested)).toEqual([["x-claim", "valueC"]])
    expect(marksOfToken(provider(["constructor", "name"]), nested)).toEqual([])
  })

  it("of the whole payload is what stands in the token", () => {
    const claims = { sub: "Müller\n" }
    expect(marksOfToken(provider(["none"], "x-payload"), token(claims))).toEqual([
      ["x-payload", base64url(JSON.stringify(claims))],
    ])
  })

  it("can be sent, whatever the claim is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (claim) => {
        for (const [name, value] of marksOfToken(provider(["claim"]), token({ claim }))) {
          expect(new Headers([[name, value]]).get(name)).toBe(value)
        }
      }),
    )
  })
})

describe("a key's header", () => {
  it("is what is known of the key", () => {
    const headers = [
      { header: "x-id", value: "id" },
      { header: "x-owner", value: "owner" },
      { header: "x-scopes", value: "scopes" },
    ] as const
    const holder = { id: "acme", owner: "Acme\n", scopes: ["read", "write"] }
    expect(marksOfKey({ from: [], forward: false, headers }, holder)).toEqual([
      ["x-id", "acme"],
      ["x-scopes", "read write"],
    ])
  })
})

describe("a principal", () => {
  it("needs a subject", () => {
    const user = { issuer: "https://iss.test", audiences: [], presenter: undefined, claims: {} }
    expect(principalOf({ ...user, subject: "alice" })).toBe("https://iss.test/alice")
    expect(principalOf({ ...user, subject: "" })).toBe(undefined)
  })
})
