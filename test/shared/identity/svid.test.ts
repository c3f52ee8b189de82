import { describe, expect, it } from "vitest"
import { base64url, isTrustDomain, isWorkload, signingInput, spiffeId, svidClaims } from "#shared/identity/svid.ts"

describe("a workload", () => {
  it.each(["default/storefront", "team-a/gateway/web", "-/health", "a/b"])("%s", (text) => {
    expect(isWorkload(text)).toBe(true)
  })

  it.each([
    "",
    "storefront",
    "/a",
    "a/",
    "a//b",
    "a/../b",
    "A/b",
    "a/b?c",
    "a/b/c/d",
    "a/b c",
    `a/${"b".repeat(64)}`,
    "a/-",
  ])("not %j", (text) => {
    expect(isWorkload(text)).toBe(false)
  })

  it("has a name in SPIFFE", () => {
    expect(spiffeId("shop.example", "default/storefront")).toBe("spiffe://shop.example/default/storefront")
    expect(["shop.example", "weft", "a_b"].map(isTrustDomain)).toEqual([true, true, true])
    expect(["Shop", "shop:80", "a/b", "", "ä"].map(isTrustDomain)).toEqual(Array(5).fill(false))
  })
})

describe("a token", () => {
  const mesh = { trustDomain: "shop.example", issuer: undefined }

  it("says who calls whom, from when to when, in whole seconds", () => {
    expect(svidClaims(mesh, "default/web", "https://api.example", 1_999, 600_000)).toEqual({
      ...{ sub: "spiffe://shop.example/default/web", aud: "https://api.example", iat: 1, exp: 601 },
    })
    const issued = svidClaims({ ...mesh, issuer: "https://control.example" }, "default/web", "x", 0, 1_000)
    expect(issued.iss).toBe("https://control.example")
  })

  it("is signed as JWS writes it", () => {
    const [header, claims] = signingInput("k1", svidClaims(mesh, "default/web", "x", 0, 1_000)).split(".")
    expect(JSON.parse(Buffer.from(header!, "base64url").toString())).toEqual({ alg: "ES256", typ: "JWT", kid: "k1" })
    expect(JSON.parse(Buffer.from(claims!, "base64url").toString())).toMatchObject({ aud: "x", exp: 1 })
    expect(base64url(new Uint8Array([0xfb, 0xff, 0xfe, 0]))).toBe("-__-AA")
  })
})
