import { describe, expect, it } from "vitest"
import { describeMatch, quote } from "#shared/routing/words.ts"
import { aMatch, aTest } from "./build.ts"

describe("a match in words", () => {
  it("names all its conditions", () => {
    const match = aMatch({
      path: "~/a+",
      method: "GET",
      from: ["cart", "team/cart"],
      headers: ["h=1", "!gone"],
      query: ["q!=1", aTest("r", { kind: "present" }, true)],
      cookies: [aTest("c", { kind: "contains", value: 'a"b' })],
      percent: 2.5,
    })
    expect(describeMatch(match)).toBe(
      'path regex "/a+", method GET, caller default/cart or team/cart, header h exact "1", header gone is absent, ' +
        'query parameter q not exact "1", query parameter r is not present, cookie c contains "a\\"b", 2.5 % of requests',
    )
    const narrow = aMatch({ addresses: ["10.0.0.0/8", "::1"], afterMs: 0, beforeMs: 1_000 })
    expect(describeMatch(narrow)).toBe(
      "client's address in 10.0.0.0/8 or ::1, from 1970-01-01T00:00:00.000Z on, before 1970-01-01T00:00:01.000Z",
    )
    expect(describeMatch(aMatch({ rpc: "get*" }))).toBe('RPC method "get*"')
  })

  it("is every request when there is none", () => {
    expect(describeMatch(aMatch())).toBe("every request")
    expect(describeMatch(aMatch({ path: "/" }))).toBe("every request")
  })

  it("cuts long values", () => {
    expect(quote("a".repeat(81))).toBe(`"${"a".repeat(80)}…"`)
    expect(quote("a".repeat(80))).toBe(`"${"a".repeat(80)}"`)
  })
})
