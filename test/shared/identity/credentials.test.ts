import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  credentialsAt,
  isApiKey,
  type Presented,
  withoutCookie,
  withoutParameter,
} from "#shared/identity/credentials.ts"
import type { CredentialPlace } from "#shared/model/authentication.ts"

const BEARER: CredentialPlace = { in: "header", name: "authorization", prefix: "Bearer" }
const WHOLE: CredentialPlace = { in: "header", name: "x-api-key", prefix: "" }
const QUERY: CredentialPlace = { in: "query", name: "access_token", paths: [] }
const COOKIE: CredentialPlace = { in: "cookie", name: "session" }

const presented = (more: Partial<Presented> & { header?: readonly [string, string] }): Presented => ({
  path: "/",
  rawQuery: "",
  headers: new Map(more.header ? [more.header] : []),
  ...more,
})

describe("in a header with a prefix", () => {
  it.each<[string, string | undefined, readonly string[]]>([
    ["nothing is nothing", undefined, []],
    ["a token is a token", "Bearer abc", ["abc"]],
    ["the scheme is the same in any case (RFC 9110 11.1)", "bEARER abc", ["abc"]],
    ["another scheme is nobody's business", "Basic YTpi", []],
    ["a longer word is another scheme", "Bearerer abc", []],
    ["digest's commas are not ours", 'Digest username="a", realm="Bearers"', []],
    ["the scheme alone is a bad token", "Bearer", [""]],
    ["two spaces make a bad token", "Bearer  abc", [" abc"]],
    ["a tab makes a bad token", "Bearer\tabc", ["\tabc"]],
    ["two lines are one bad token", "Bearer abc, Bearer def", ["Bearer abc, Bearer def"]],
    ["a second line is not overlooked", "Basic YTpi, Bearer abc", ["Basic YTpi, Bearer abc"]],
    ["nor without a space", "Basic YTpi,bearer abc", ["Basic YTpi,bearer abc"]],
    ["nor a first line", "Bearer abc, Basic YTpi", ["Bearer abc, Basic YTpi"]],
    ["an empty second line counts", "Bearer abc,", ["Bearer abc,"]],
    ["an empty header is no token", "", []],
  ])("%s", (_sentence, value, expected) => {
    const header = value === undefined ? {} : { header: ["authorization", value] as const }
    expect(credentialsAt(BEARER, presented(header))).toEqual(expected)
  })
})

describe("in a header without a prefix", () => {
  it.each<[string, readonly string[]]>([
    ["abc", ["abc"]],
    ["", [""]],
    ["a, b", ["a, b"]],
  ])("%j is %j", (value, expected) => {
    expect(credentialsAt(WHOLE, presented({ header: ["x-api-key", value] }))).toEqual(expected)
  })
})

describe("in the query", () => {
  it.each<[string, string, readonly string[]]>([
    ["nothing", "a=1", []],
    ["one", "a=1&access_token=abc", ["abc"]],
    ["an encoded name", "%61ccess_token=abc", ["abc"]],
    ["two", "access_token=a&access_token=b", ["a", "b"]],
    ["an empty one", "access_token=", [""]],
    ["a name alone", "access_token", [""]],
    ["a name in other case is another", "Access_Token=a", []],
    ["a second question mark belongs to the name", "?access_token=a", []],
  ])("%s", (_what, rawQuery, expected) => {
    expect(credentialsAt(QUERY, presented({ rawQuery }))).toEqual(expected)
  })

  it.each<[string, boolean]>([
    ["/ws", true],
    ["/ws/room", true],
    ["/wsx", false],
    ["/", false],
  ])("of %s only where it is looked for: %s", (path, expected) => {
    const place: CredentialPlace = { in: "query", name: "t", paths: ["/ws"] }
    expect(credentialsAt(place, presented({ path, rawQuery: "t=a" }))).toEqual(expected ? ["a"] : [])
  })

  it.each<[string, string]>([
    ["access_token=abc", ""],
    ["a=1&access_token=abc&b=2", "a=1&b=2"],
    ["%61ccess%5Ftoken=abc&b=%20+", "b=%20+"],
    ["access_token=a&access_token=b", ""],
    ["?access_token=a", "?access_token=a"],
    ["a=access_token=b&&c", "a=access_token=b&&c"],
  ])("%j without the token is %j", (before, after) => {
    expect(withoutParameter(before, "access_token")).toBe(after)
  })

  it("nothing of it is left, and nothing else is gone", () => {
    const part = fc.string({ unit: fc.constantFrom(..."t%74a=&?+;".split("")), maxLength: 12 })
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const before = parts.join("&")
        const after = withoutParameter(before, "t")
        const place: CredentialPlace = { in: "query", name: "t", paths: [] }
        expect(credentialsAt(place, presented({ rawQuery: after }))).toEqual([])
        const others = (query: string) => [...new URLSearchParams(`&${query}`)].filter(([name]) => name !== "t")
        expect(others(after)).toEqual(others(before))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe("in a cookie", () => {
  it.each<[string, string, readonly string[]]>([
    ["nothing", "a=1; b=2", []],
    ["one", "a=1; session=abc; b=2", ["abc"]],
    ["in quotes", 'session="abc"', ["abc"]],
    ["two", "session=a; session=b", ["a", "b"]],
    ["in a second line", "a=1, session=abc", ["abc"]],
    ["an empty one", "session=", [""]],
    ["without a space", "a=1;session=abc", ["abc"]],
    ["with spaces", "session = abc", ["abc"]],
    ["another's end", "xsession=a; session.x=b", []],
  ])("%s", (_what, cookie, expected) => {
    expect(credentialsAt(COOKIE, presented({ header: ["cookie", cookie] }))).toEqual(expected)
  })

  it.each<[string, string]>([
    ["session=abc", ""],
    ["a=1; session=abc; b=2", "a=1; b=2"],
    ["a=1, session=abc; b=2", "a=1; b=2"],
    ["a=x,y; session=abc", "a=x,y"],
    ["session=a;session=b; c=", "c="],
    ["a=session=b", "a=session=b"],
  ])("%j without it is %j", (before, after) => {
    expect(withoutCookie(before, "session")).toBe(after)
  })
})

describe("an API key", () => {
  const secret = "0123456789ABCDEFGHIJabcdefghij01"
  it.each<[string, boolean]>([
    [`weft_key_acme_${secret}`, true],
    [`weft_key_a-1_${secret}`, true],
    [`weft_key__${secret}`, false],
    [`weft_key_Acme_${secret}`, false],
    [`weft_key_acme_${secret}x`, false],
    [`weft_key_acme_${secret.slice(1)}`, false],
    [`weft_key_acme_${secret}\n`, false],
    [`weft_acme_${secret}`, false],
    ["", false],
  ])("%j: %s", (text, expected) => {
    expect(isApiKey(text)).toBe(expected)
  })
})
