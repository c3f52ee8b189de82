import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { chooseKey, fits, type KeySet, readKeySet } from "#shared/identity/key-set.ts"
import { ALGORITHMS, type PublicJwk } from "#shared/model/authentication.ts"

const chars = (count: number) => "A".repeat(count)
const RSA = { kty: "RSA", n: chars(342), e: "AQAB" }
const P256 = { kty: "EC", crv: "P-256", x: chars(43), y: chars(43) }
const P384 = { kty: "EC", crv: "P-384", x: chars(64), y: chars(64) }
const P521 = { kty: "EC", crv: "P-521", x: chars(88), y: chars(88) }
const ED = { kty: "OKP", crv: "Ed25519", x: chars(43) }

function setOf(...keys: unknown[]): KeySet {
  const read = readKeySet({ keys })
  if ("reason" in read) throw new Error(read.reason)
  return read
}

const kinds = (jwk: object) => ALGORITHMS.filter((algorithm) => fits(jwk as PublicJwk, algorithm))

describe("a key", () => {
  it.each<[string, object, readonly string[]]>([
    ["RSA", RSA, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]],
    ["RSA with an algorithm of its own", { ...RSA, alg: "PS256" }, ["PS256"]],
    ["RSA for an algorithm of shared secrets", { ...RSA, alg: "HS256" }, []],
    ["P-256", P256, ["ES256"]],
    ["P-384", P384, ["ES384"]],
    ["P-521", P521, ["ES512"]],
    ["P-256 for the algorithm of another curve", { ...P256, alg: "ES384" }, []],
    ["Ed25519", ED, ["EdDSA", "Ed25519"]],
    ["Ed25519 by its newer name", { ...ED, alg: "Ed25519" }, ["EdDSA", "Ed25519"]],
    ["an elliptic curve's key on the wrong curve's name", { ...P256, crv: "Ed25519" }, []],
  ])("%s fits", (_what, jwk, expected) => {
    expect(kinds(jwk)).toEqual(expected)
  })

  it("fits no algorithm that needs no key, or a shared one", () => {
    for (const algorithm of ["none", "None", "HS256", "HS512", "dir", "", "RS25", "RS2566"]) {
      for (const jwk of [RSA, P256, P384, P521, ED]) expect(fits(jwk as PublicJwk, algorithm)).toBe(false)
    }
  })

  it.each<[string, unknown]>([
    ["for encryption", { ...RSA, use: "enc" }],
    ["for other operations", { ...RSA, key_ops: ["encrypt", "wrapKey"] }],
    ["with operations that are no list", { ...RSA, key_ops: "verify" }],
    ["that is a shared secret", { kty: "oct", k: "c2VjcmV0" }],
    ["of a kind that is not known", { ...RSA, kty: "rsa" }],
    ["with a modulus of 1024 bits", { ...RSA, n: chars(171) }],
    ["with a modulus of 16384 bits", { ...RSA, n: chars(2_731) }],
    ["without a modulus", { kty: "RSA", e: "AQAB" }],
    ["with an exponent of any length", { ...RSA, e: chars(300) }],
    ["with a coordinate too short", { ...P256, x: chars(42) }],
    ["with padding", { ...P256, x: `${chars(42)}=` }],
    ["without a coordinate", { kty: "EC", crv: "P-256", x: chars(43) }],
    ["on a curve that is not known", { ...P256, crv: "secp256k1" }],
    ["on a curve of the prototype's", { ...P256, crv: "constructor" }],
    ["with an id that is a number", { ...RSA, kid: 7 }],
    ["with an id of any length", { ...RSA, kid: chars(300) }],
    ["whose private half is there for everybody", { ...RSA, d: chars(43) }],
    ["with primes of its modulus", { ...RSA, p: chars(43) }],
    ["that is null", null],
    ["that is a text", "RSA"],
  ])("%s is passed over", (_what, jwk) => {
    expect(setOf(jwk, { ...P256, kid: "good" }).keys.map((key) => key.jwk.kid)).toEqual(["good"])
  })

  it("keeps its public members only", () => {
    const [key] = setOf({ ...RSA, kid: "k", x5c: ["AAAA"], x5t: "AAAA" }).keys
    expect(key?.jwk).toEqual({ ...RSA, kid: "k" })
  })
})

describe("a set of keys", () => {
  it.each<[string, unknown]>([
    ["null", null],
    ["a list", [RSA]],
    ["an object without keys", {}],
    ["an object with keys that are no list", { keys: {} }],
    ["an object of 101 keys", { keys: Array.from({ length: 101 }, (_, index) => ({ ...RSA, kid: `k${index}` })) }],
  ])("is not %s", (_what, value) => {
    expect(readKeySet(value)).toHaveProperty("reason")
  })

  it("may be empty: an issuer that takes back all of its keys is taken at its word", () => {
    expect(setOf().keys).toEqual([])
  })

  it("is whatever an issuer publishes, or none", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = readKeySet({ keys: [value] })
        expect("reason" in read ? [] : read.keys).toEqual([])
      }),
    )
  })

  it("keeps the keys that it had before", () => {
    const before = setOf({ ...RSA, kid: "a" }, { ...P256, kid: "b" })
    const after = readKeySet(
      {
        keys: [
          { ...P256, kid: "b" },
          { ...ED, kid: "c" },
        ],
      },
      before,
    ) as KeySet
    expect(after.keys).toHaveLength(2)
    expect(after.byId.get("b")?.[0]).toBe(before.byId.get("b")?.[0])
    expect(after.byId.has("a")).toBe(false)
  })
})

describe("the key of a token", () => {
  const keys = setOf({ ...RSA, kid: "a" }, { ...RSA, n: `B${chars(341)}`, kid: "b" }, { ...P256, kid: "c" }, ED)
  const chosen = (keyId: string | undefined, algorithm: string, set = keys) => {
    const key = chooseKey(set, keyId, algorithm)
    return typeof key === "string" ? key : (key.jwk.kid ?? key.jwk.kty)
  }

  it.each<[string | undefined, string, string]>([
    ["a", "RS256", "a"],
    ["b", "PS256", "b"],
    ["c", "ES256", "c"],
    ["c", "RS256", "unknown_key"],
    ["a", "ES256", "unknown_key"],
    ["a", "HS256", "unknown_key"],
    ["a", "none", "unknown_key"],
    ["x", "RS256", "unknown_key"],
    ["", "RS256", "unknown_key"],
    ["../../../dev/null", "RS256", "unknown_key"],
    ["a' OR '1'='1", "RS256", "unknown_key"],
    ["__proto__", "RS256", "unknown_key"],
    ["constructor", "RS256", "unknown_key"],
    [undefined, "RS256", "ambiguous_key"],
    [undefined, "ES256", "c"],
    [undefined, "EdDSA", "OKP"],
    [undefined, "ES384", "unknown_key"],
  ])("with the id %j and the algorithm %s is %s", (keyId, algorithm, expected) => {
    expect(chosen(keyId, algorithm)).toBe(expected)
  })

  it("is ambiguous when two have one id and fit", () => {
    const twins = setOf({ ...RSA, kid: "a" }, { ...RSA, n: `B${chars(341)}`, kid: "a" }, { ...P256, kid: "a" })
    expect(chosen("a", "RS256", twins)).toBe("ambiguous_key")
    expect(chosen("a", "ES256", twins)).toBe("a")
  })
})
