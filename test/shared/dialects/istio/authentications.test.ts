import { generateKeyPairSync } from "node:crypto"
import { describe, expect, it } from "vitest"
import type { Authentication, TokenProvider } from "#shared/model/authentication.ts"
import { complaintsOf } from "#test/shared/dialects/gateway-api/mesh-of.ts"
import { authentication, worldWith } from "./objects.ts"

const URI = "jwksUri: https://idp.example/keys"
const rule = (fields: string) => `{ jwtRules: [{ issuer: iss, ${fields} }] }`

function authenticationOf(spec: string): Authentication {
  return worldWith(authentication(spec)).snapshot.authentications![0]!
}

function providerOf(fields: string): TokenProvider {
  return authenticationOf(rule(fields)).tokens[0]!
}

const complaints = (fields: string) => complaintsOf(worldWith(authentication(rule(fields))))

describe("a RequestAuthentication", () => {
  it("needs nobody to have a token", () => {
    const spec = `{ selector: { matchLabels: { app: orders } }, jwtRules: [{ issuer: iss, ${URI} }] }`
    expect(authenticationOf(spec)).toMatchObject({
      id: "shop/a",
      target: { of: "places", services: ["shop/orders"] },
      required: false,
    })
  })

  it("takes Istio's defaults", () => {
    expect(providerOf(URI)).toEqual({
      issuer: "iss",
      audiences: [],
      algorithms: expect.arrayContaining(["RS256", "ES256", "EdDSA"]),
      keys: { kind: "url", url: "https://idp.example/keys" },
      from: [
        { in: "header", name: "authorization", prefix: "Bearer" },
        { in: "query", name: "access_token", paths: [] },
      ],
      mayLiveForever: true,
      forward: false,
      claimHeaders: [],
      listClaims: [],
    })
  })

  it("says where tokens are, what they must be, and what services read of them", () => {
    const fields = `${URI}, audiences: [web], forwardOriginalToken: true, outputPayloadToHeader: X-Payload,
      fromHeaders: [{ name: X-Token, prefix: "Token " }], fromParams: [token], fromCookies: [session],
      outputClaimToHeaders: [{ header: X-Sub, claim: sub }, { header: X-Deep, claim: a.b }], spaceDelimitedClaims: [roles]`
    expect(providerOf(fields)).toMatchObject({
      audiences: ["web"],
      forward: true,
      payloadHeader: "x-payload",
      from: [
        { in: "header", name: "x-token", prefix: "Token" },
        { in: "query", name: "token", paths: [] },
        { in: "cookie", name: "session" },
      ],
      claimHeaders: [
        { header: "x-sub", claim: ["sub"] },
        { header: "x-deep", claim: ["a", "b"] },
      ],
      listClaims: ["roles"],
    })
  })

  it("without rules is nothing", () => {
    expect(worldWith(authentication("{}")).snapshot.authentications).toBeUndefined()
  })

  it("keeps the names of native ones apart", () => {
    const native = `namespace: shop
authentication: { a: { services: [orders], jwt: [{ issuer: "https://i.example", audiences: [x], jwks: "https://i.example/k" }] } }`
    const { authentications = [] } = worldWith(authentication(rule(URI)), native).snapshot
    expect(new Set(authentications.map(({ id }) => id)).size).toBe(authentications.length)
  })
})

describe("keys", () => {
  it("that stand in the object are kept without what is not public", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k" }
    const { keys } = providerOf(`jwks: '${JSON.stringify({ keys: [jwk] })}'`)
    expect(keys).toMatchObject({ kind: "inline", keys: [jwk] })
  })

  it.each([
    ["http://users.shop.svc.cluster.local:8080/keys?x=1", { service: "shop/users", path: "/keys?x=1" }],
    ["http://users/keys", { service: "shop/users", path: "/keys" }],
    ["https://orders.other/keys", { service: "other/orders", path: "/keys" }],
  ])("of a service in the mesh are asked for over its binding: %s", (uri, expected) => {
    expect(providerOf(`jwksUri: "${uri}"`).keys).toEqual({ kind: "service", ...expected })
  })

  it.each([
    ["that are none", "jwks: '{'", "jwks"],
    ["that are empty", `jwks: '{"keys":[]}'`, "jwks"],
    ["of an unknown service", 'jwksUri: "http://nobody.shop.svc.cluster.local/keys"', "jwksUri"],
    ["in plain text", 'jwksUri: "http://idp.example/keys"', "jwksUri"],
    ["that nobody names", "forwardOriginalToken: true", "jwksUri"],
  ])("%s verify no token, and the object says so", (_, fields, path) => {
    expect(providerOf(fields).keys).toEqual({ kind: "inline", keys: [] })
    expect(complaints(fields)).toEqual([
      `invalid RequestAuthentication/a spec.jwtRules[0].${path} ResolvedRefs InvalidKeys`,
    ])
  })
})

it.each([
  ["timeout: 1s", "timeout"],
  ["outputPayloadToHeader: host", "outputPayloadToHeader"],
  ["outputClaimToHeaders: [{ header: weft-from, claim: sub }]", "outputClaimToHeaders[0]"],
])("what cannot be done is said: %s", (field, path) => {
  expect(complaints(`${URI}, ${field}`)).toEqual([
    `unsupported RequestAuthentication/a spec.jwtRules[0].${path} Accepted UnsupportedValue`,
  ])
})

it("tells that tokens made for others are taken too", () => {
  const { notes } = worldWith(authentication(rule(URI)))
  expect(notes.map(({ path }) => path)).toContain("spec.jwtRules[0].audiences")
})
