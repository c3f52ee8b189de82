import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { endOf, judgeClaims } from "#shared/identity/claims.ts"
import { readToken, type Token } from "#shared/identity/jws.ts"
import type { TokenProvider } from "#shared/model/authentication.ts"
import { base64url } from "#test/support/tokens.ts"

const NOW = 1_800_000_000

const PROVIDER: TokenProvider = {
  issuer: "https://iss.test",
  audiences: ["api"],
  algorithms: ["RS256"],
  keys: { kind: "inline", keys: [] },
  from: [{ in: "header", name: "authorization", prefix: "Bearer" }],
  mayLiveForever: false,
  forward: false,
  claimHeaders: [],
  listClaims: [],
}

function token(claims: object, header: object = {}): Token {
  const payload = { iss: "https://iss.test", aud: "api", sub: "alice", exp: NOW + 300, ...claims }
  const read = readToken(
    `${base64url(JSON.stringify({ alg: "RS256", ...header }))}.${base64url(JSON.stringify(payload))}.c2ln`,
  )
  if (typeof read === "string") throw new Error(read)
  return read
}

const judge = (claims: object, provider: Partial<TokenProvider> = {}, header: object = {}) => {
  const judged = judgeClaims({ ...PROVIDER, ...provider }, token(claims, header), NOW * 1000)
  return typeof judged === "string" ? judged : "taken"
}

describe("a genuine token", () => {
  it("tells who the user is", () => {
    const claims = { aud: ["web", "api"], azp: "app", scope: "read write", nested: { "a.b": [1] }, mine: "x  y" }
    const judged = judgeClaims({ ...PROVIDER, listClaims: ["mine"] }, token(claims), NOW * 1000)
    expect(judged).toEqual({
      issuer: "https://iss.test",
      subject: "alice",
      audiences: ["web", "api"],
      presenter: "app",
      claims: {
        ...{ iss: "https://iss.test", sub: "alice", exp: NOW + 300, ...claims },
        ...{ scope: ["read", "write"], mine: ["x", "y"] },
      },
    })
    expect(Object.getPrototypeOf((judged as { claims: object }).claims)).toBe(null)
  })

  it.each<[string, object, string]>([
    ["of the issuer", {}, "taken"],
    ["of an issuer that is longer", { iss: "https://iss.test/" }, "unknown_issuer"],
    ["of an issuer in other case", { iss: "https://ISS.test" }, "unknown_issuer"],
    ["of an issuer that is a list", { iss: ["https://iss.test"] }, "bad_claim"],
    ["of no issuer", { iss: undefined }, "bad_claim"],
    ["for us among others", { aud: ["web", "api"] }, "taken"],
    ["for others", { aud: "web" }, "wrong_audience"],
    ["for whom our name is a part of", { aud: "api-admin" }, "wrong_audience"],
    ["for whom our name is in other case", { aud: "API" }, "wrong_audience"],
    ["for nobody", { aud: [] }, "wrong_audience"],
    ["without an audience", { aud: undefined }, "wrong_audience"],
    ["for an object that holds our name", { aud: { api: 1 } }, "bad_claim"],
    ["for a list in a list", { aud: [["api"]] }, "bad_claim"],
    ["for a number beside us", { aud: ["api", 1] }, "bad_claim"],
    ["for null", { aud: null }, "bad_claim"],
    ["that ends within the skew", { exp: NOW - 59 }, "taken"],
    ["that ended with the skew", { exp: NOW - 60 }, "expired"],
    ["that ended before the skew", { exp: NOW - 61 }, "expired"],
    ["without an end", { exp: undefined }, "no_expiry"],
    ["with an end in a text", { exp: "9999999999" }, "bad_claim"],
    ["with an end before all time", { exp: -1 }, "bad_claim"],
    ["with an end between two seconds", { exp: NOW + 0.5 }, "bad_claim"],
    ["with an end beyond whole numbers", { exp: 2 ** 53 }, "bad_claim"],
    ["with an end of null", { exp: null }, "bad_claim"],
    ["with an end of true", { exp: true }, "bad_claim"],
    ["with an end in a list", { exp: [NOW + 300] }, "bad_claim"],
    ["that begins within the skew", { nbf: NOW + 60 }, "taken"],
    ["that begins after the skew", { nbf: NOW + 61 }, "not_yet_valid"],
    ["with a beginning in a text", { nbf: "0" }, "bad_claim"],
    ["made within the skew", { iat: NOW + 60 }, "taken"],
    ["made in an hour", { iat: NOW + 3600 }, "issued_in_future"],
    ["made in a text", { iat: "0" }, "bad_claim"],
    ["of nobody", { sub: undefined }, "taken"],
    ["of a number", { sub: 7 }, "bad_claim"],
    ["of null", { sub: null }, "bad_claim"],
    ["presented by a list", { azp: ["app"] }, "bad_claim"],
  ])("%s", (_what, claims, outcome) => {
    expect(judge(claims)).toBe(outcome)
  })

  it.each<[string, object, Partial<TokenProvider>, string]>([
    ["without an end where that is allowed", { exp: undefined }, { mayLiveForever: true }, "taken"],
    ["that has ended, also where none is needed", { exp: NOW - 61 }, { mayLiveForever: true }, "expired"],
    ["for whomever, where nobody asks", { aud: "web" }, { audiences: [] }, "taken"],
    ["without an audience, where nobody asks", { aud: undefined }, { audiences: [] }, "taken"],
    ["for an object, also where nobody asks", { aud: {} }, { audiences: [] }, "bad_claim"],
  ])("%s", (_what, claims, provider, outcome) => {
    expect(judge(claims, provider)).toBe(outcome)
  })

  it.each<[string | undefined, string | undefined, string]>([
    [undefined, undefined, "taken"],
    ["JWT", undefined, "taken"],
    ["jwt", undefined, "taken"],
    ["application/JWT", undefined, "taken"],
    ["at+jwt", undefined, "taken"],
    ["dpop+jwt", undefined, "token_type"],
    ["logout+jwt", undefined, "token_type"],
    ["", undefined, "token_type"],
    ["at+jwt", "at+jwt", "taken"],
    ["AT+JWT", "application/at+jwt", "taken"],
    ["JWT", "at+jwt", "token_type"],
    [undefined, "at+jwt", "token_type"],
    ["dpop+jwt", "at+jwt", "token_type"],
  ])("of the type %s where %s is wanted: %s", (found, wanted, outcome) => {
    const provider = wanted === undefined ? {} : { type: wanted }
    expect(judge({}, provider, found === undefined ? {} : { typ: found })).toBe(outcome)
  })

  it("with a registered claim that is anything is never taken but for a whole number in time, or a text", () => {
    // Who writes that key has no token at all, whose claims could be judged.
    const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__"'))
    const anything = fc.oneof(json, fc.double(), fc.integer(), fc.constantFrom(NOW, String(NOW), [NOW]))
    fc.assert(
      fc.property(fc.constantFrom("exp", "nbf", "iat"), anything, (name, value) => {
        const sent = JSON.parse(JSON.stringify({ value })) as { value: unknown }
        const isTime = Number.isSafeInteger(sent.value) && (sent.value as number) >= 0
        if (!isTime) expect(judge({ [name]: sent.value })).toBe("bad_claim")
      }),
    )
    fc.assert(
      fc.property(fc.constantFrom("iss", "sub", "azp"), json, (name, value) => {
        if (typeof value !== "string") expect(judge({ [name]: value })).toBe("bad_claim")
      }),
    )
  })

  it("is good until its end, and not a millisecond longer than the skew", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: -200_000, max: 200_000 }), (exp, offMs) => {
        const nowMs = exp * 1000 + offMs
        const taken = typeof judgeClaims(PROVIDER, token({ exp }), nowMs) !== "string"
        expect(taken).toBe(offMs < 60_000)
        expect(nowMs < endOf(token({ exp }))).toBe(taken)
      }),
    )
  })
})
