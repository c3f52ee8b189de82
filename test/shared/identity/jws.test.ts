import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readToken } from "#shared/identity/jws.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { base64url } from "#test/support/tokens.ts"

const HEADER = '{"alg":"RS256","kid":"k1"}'
const PAYLOAD = '{"iss":"https://iss.test","sub":"alice"}'
const token = (header = HEADER, payload: string | Uint8Array = PAYLOAD, signature = "c2ln") =>
  `${base64url(header)}.${base64url(payload)}.${signature}`
const nested = (depth: number) => `{"a":${'{"a":'.repeat(depth - 1)}1${"}".repeat(depth - 1)}}`

describe("a token", () => {
  it("is taken apart", () => {
    expect(readToken(token())).toEqual({
      text: token(),
      algorithm: "RS256",
      keyId: "k1",
      type: undefined,
      claims: { iss: "https://iss.test", sub: "alice" },
      payload: base64url(PAYLOAD),
    })
  })

  it("has claims without a prototype, all the way down", () => {
    const read = readToken(token(HEADER, '{"a":{"b":{}},"toString":1}'))
    if (typeof read === "string") throw new Error(read)
    for (let value: unknown = read.claims; value; value = Object.values(value as object)[0]) {
      if (typeof value === "object") expect(Object.getPrototypeOf(value)).toBe(null)
    }
  })

  it.each<[string, string, string]>([
    ["nothing", "", "token_malformed"],
    ["two parts", token().split(".").slice(0, 2).join("."), "token_malformed"],
    ["five parts, as encrypted ones have", `${token()}.a.b`, "token_malformed"],
    ["no signature", token(HEADER, PAYLOAD, ""), "token_malformed"],
    ["padding", `${token()}==`, "token_malformed"],
    ["the other alphabet's characters", token(HEADER, PAYLOAD, "c2+n"), "token_malformed"],
    ["white space", `${token()} `, "token_malformed"],
    ["a line end", `${token()}\n`, "token_malformed"],
    ["two tokens with a comma", `${token()}, ${token()}`, "token_malformed"],
    ["two tokens with a bar", `${token()}|${token()}`, "token_malformed"],
    ["bits that belong to no byte in the signature", token(HEADER, PAYLOAD, "c2lnZf"), "token_malformed"],
    ["bits that belong to no byte in the payload", token().replace(/(?<=\.[^.]+)[^.](?=\.)/, "x"), "token_malformed"],
    ["a length that no bytes have", token(HEADER, PAYLOAD, "c2lnZ"), "token_malformed"],
    ["a header that is no JSON", token("alg"), "token_malformed"],
    ["a header that is a list", token('["RS256"]'), "token_malformed"],
    ["a payload that is a text", token(HEADER, '"alice"'), "token_malformed"],
    ["a payload that is null", token(HEADER, "null"), "token_malformed"],
    ["a payload that is not UTF-8", token(HEADER, new Uint8Array([0x7b, 0xff, 0x7d])), "token_malformed"],
    ["a byte order mark", token(HEADER, `\uFEFF${PAYLOAD}`), "token_malformed"],
    ["a claim twice", token(HEADER, '{"sub":"alice","sub":"root"}'), "token_malformed"],
    ["a claim twice, once in escapes", token(HEADER, '{"sub":"alice","\\u0073ub":"root"}'), "token_malformed"],
    ["an algorithm twice", token('{"alg":"RS256","alg":"none"}'), "token_malformed"],
    ["__proto__", token(HEADER, '{"__proto__":{"role":"admin"}}'), "token_malformed"],
    ["__proto__ further down", token(HEADER, '{"a":{"\\u005f_proto__":{"role":"admin"}}}'), "token_malformed"],
    ["a number beyond all bounds", token(HEADER, '{"exp":1e400}'), "token_malformed"],
    ["NaN", token(HEADER, '{"exp":NaN}'), "token_malformed"],
    ["something behind the payload", token(HEADER, `${PAYLOAD}{}`), "token_malformed"],
    ["objects nested too deep", token(HEADER, nested(LIMITS.jwtDepthMax + 1)), "token_malformed"],
    ["no algorithm", token('{"kid":"k1"}'), "token_malformed"],
    ["an algorithm that is a list", token('{"alg":["RS256"]}'), "token_malformed"],
    ["a key id that is a number", token('{"alg":"RS256","kid":1}'), "token_malformed"],
    ["a key id of any length", token(`{"alg":"RS256","kid":"${"k".repeat(300)}"}`), "token_malformed"],
    ["a type that is an object", token('{"alg":"RS256","typ":{}}'), "token_malformed"],
    ["a critical extension", token('{"alg":"RS256","crit":["x-policy"],"x-policy":1}'), "token_extension"],
    ["an empty list of critical extensions", token('{"alg":"RS256","crit":[]}'), "token_extension"],
    ["a payload that is not encoded", token('{"alg":"RS256","b64":false,"crit":["b64"]}'), "token_extension"],
    ["b64 alone", token('{"alg":"RS256","b64":true}'), "token_extension"],
    ["the place of its key", token('{"alg":"RS256","jku":"https://evil.test/jwks"}'), "token_brings_key"],
    ["the place of its certificate", token('{"alg":"RS256","x5u":"https://evil.test/x"}'), "token_brings_key"],
    ["its key", token('{"alg":"RS256","jwk":{"kty":"RSA"}}'), "token_brings_key"],
    ["its certificate", token('{"alg":"RS256","x5c":["AAAA"]}'), "token_brings_key"],
    ["a megabyte", token(HEADER, JSON.stringify({ a: "x".repeat(1024 * 1024) })), "token_too_large"],
  ])("with %s is none", (_what, text, fault) => {
    expect(readToken(text)).toBe(fault)
  })

  it("of the largest size is read", () => {
    const padding = (chars: number) => token(HEADER, `{"a":"${"x".repeat(chars)}"}`)
    const most = Math.floor(((LIMITS.jwtBytesMax - token(HEADER, '{"a":""}').length) * 3) / 4)
    expect(readToken(padding(most - 2))).toHaveProperty("text")
    expect(readToken(padding(most + 4))).toBe("token_too_large")
  })

  it("whose text is anything is read or refused, and has one spelling", () => {
    const part = fc.string({ unit: fc.constantFrom(...'AQgZ09_-+/="{}:ae.'.split("")) })
    fc.assert(
      fc.property(fc.array(fc.oneof(part, part.map(base64url)), { maxLength: 4 }), (parts) => {
        const text = parts.join(".")
        const read = readToken(text)
        if (typeof read === "string") return
        const again = text.split(".").map((one) => Buffer.from(one, "base64url").toString("base64url"))
        expect(again.join(".")).toBe(text)
      }),
      { numRuns: 2_000 },
    )
  })
})
