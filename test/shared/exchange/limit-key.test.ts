import { describe, expect, it } from "vitest"
import { limitCost, limitKey } from "#shared/exchange/limit-key.ts"
import { serviceId } from "#shared/model/names.ts"
import type { Claims, Principals } from "#shared/model/principal.ts"
import type { LimitCost, LimitKey, RateLimit } from "#shared/model/rate-limit.ts"
import type { RequestHead } from "#shared/routing/head.ts"

const LIMIT: RateLimit = {
  ...{ id: "default/api/0/limit-0", name: "limit-0", requests: 10, perMs: 1_000, burst: 10, key: [] },
  ...{ scope: "mesh", cost: { kind: "fixed", tokens: 1 }, shadow: false, whenUnavailable: "allow", headers: false },
}

function head(headers: Record<string, string>, more: Partial<RequestHead> = {}): RequestHead {
  return {
    ...{ method: "GET", path: "/", rawQuery: "", host: "", caller: undefined, rpc: undefined, dice: 0 },
    headers: new Headers(headers),
    ...more,
  }
}

const SUB: LimitKey = { by: "claim", way: ["sub"] }
const nobody: Principals = { caller: undefined, user: undefined, key: undefined, address: undefined }
const withKey = (id: string): Principals => ({ ...nobody, key: { id, owner: "Acme", scopes: [] } })
const withClaims = (claims: Claims): Principals => ({
  ...nobody,
  user: { issuer: "i", subject: "s", audiences: [], presenter: undefined, claims },
})

const key = (parts: readonly LimitKey[], request: RequestHead, captures?: Record<string, string>) =>
  limitKey({ ...LIMIT, key: parts }, request, captures)

describe("the key of a request", () => {
  it("is nothing for a limit on all requests", () => {
    expect(key([], head({ "x-user": "a" }))).toBe("")
  })

  it.each<[string, LimitKey, RequestHead, RequestHead, Record<string, string>?]>([
    ["a header", { by: "header", name: "x-user" }, head({ "x-user": "a" }), head({ "x-user": "b" })],
    ["a cookie", { by: "cookie", name: "user" }, head({ cookie: "user=a" }), head({ cookie: "user=b; x=a" })],
    ["the caller", { by: "caller" }, head({}, { caller: serviceId("default", "a") }), head({})],
    ["the method", { by: "method" }, head({}), head({}, { method: "HEAD" })],
    ["the RPC method", { by: "rpc" }, head({}, { rpc: "get" }), head({}, { rpc: "put" })],
    ["the address", { by: "ip" }, head({}, { address: "1.2.3.4" }), head({}, { address: "1.2.3.5" })],
    ["the API key", { by: "key" }, head({}, { principals: withKey("a") }), head({}, { principals: withKey("b") })],
    ["no API key", { by: "key" }, head({}, { principals: withKey("-") }), head({})],
    [
      "a claim",
      SUB,
      head({}, { principals: withClaims({ sub: "a" }) }),
      head({}, { principals: withClaims({ sub: "b" }) }),
    ],
    [
      "a claim's kind",
      SUB,
      head({}, { principals: withClaims({ sub: "1" }) }),
      head({}, { principals: withClaims({ sub: 1 }) }),
    ],
    ["no claim", SUB, head({}, { principals: withClaims({ sub: "-" }) }), head({}, { principals: withClaims({}) })],
    ["nobody", SUB, head({}, { principals: withClaims({ sub: "" }) }), head({})],
  ])("tells requests apart by %s", (_what, part, one, other) => {
    expect(key([part], one)).toBe(key([part], one))
    expect(key([part], one)).not.toBe(key([part], other))
  })

  it("tells requests apart by what the path's template captured", () => {
    const part: LimitKey = { by: "capture", name: "id" }
    expect(key([part], head({}), { id: "7" })).not.toBe(key([part], head({}), { id: "8" }))
    expect(key([part], head({}), { id: "7", other: "1" })).toBe(key([part], head({}), { id: "7", other: "2" }))
  })

  it("cannot be made to look like another's by what a claim holds", () => {
    const parts: LimitKey[] = ["a", "b"].map((name) => ({ by: "claim", way: [name] }))
    const keys = [
      { a: "x\u0000=y", b: "z" },
      { a: "x", b: "y\u0000=z" },
      { a: ["x", "y"], b: "z" },
      { a: '["x","y"]', b: "z" },
    ].map((claims) => key(parts, head({}, { principals: withClaims(claims) })))
    expect(new Set(keys).size).toBe(keys.length)
  })

  it("tells an absent value from an empty one, and neither from the place of another", () => {
    const parts: LimitKey[] = ["a", "b"].map((name) => ({ by: "header", name }))
    const keys = [{}, { a: "" }, { b: "" }, { a: "x" }, { b: "x" }, { a: "x", b: "x" }, { a: "-" }, { b: "-" }]
    expect(new Set(keys.map((headers) => key(parts, head(headers)))).size).toBe(keys.length)
  })

  it.each([
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9", true],
    ["2001:0DB8:0001:0002::1", "2001:db8:1:2::9", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["2001:db8::1", "2001:db8:0:0:7::", true],
    ["::1", "::2", true],
    ["::ffff:1.2.3.4", "1.2.3.4", true],
    ["::ffff:1.2.3.4", "1.2.3.5", false],
  ])("takes the addresses of one IPv6 network for one: %s and %s: %s", (one, other, same) => {
    const of = (address: string) => key([{ by: "ip" }], head({}, { address }))
    expect(of(one) === of(other)).toBe(same)
  })

  it("believes a header about the address only when a service of the mesh passes it on", () => {
    const said = { "cf-connecting-ip": "1.2.3.4" }
    expect(key([{ by: "ip" }], head(said))).toBe(key([{ by: "ip" }], head({})))
    const caller = serviceId("default", "storefront")
    expect(key([{ by: "ip" }], head(said, { caller }))).toBe(key([{ by: "ip" }], head({}, { address: "1.2.3.4" })))
  })
})

describe("the cost of a request", () => {
  const trusted = serviceId("default", "batch")
  const byHeader: LimitCost = { kind: "header", name: "x-cost", from: [trusted], otherwise: 2 }

  it.each<[string, LimitCost, RequestHead, number]>([
    ["what the limit says", { kind: "fixed", tokens: 3 }, head({ "x-cost": "7" }), 3],
    ["what a trusted caller says", byHeader, head({ "x-cost": "7" }, { caller: trusted }), 7],
    ["nothing, when a trusted caller says so", byHeader, head({ "x-cost": "0" }, { caller: trusted }), 0],
    ["the whole bucket at most", byHeader, head({ "x-cost": "7000" }, { caller: trusted }), 10],
    ["not what the public says", byHeader, head({ "x-cost": "0" }), 2],
    ["not what others say", byHeader, head({ "x-cost": "0" }, { caller: serviceId("default", "web") }), 2],
    ["not what is no whole number", byHeader, head({ "x-cost": "-1" }, { caller: trusted }), 2],
    ["not what is not there", byHeader, head({}, { caller: trusted }), 2],
  ])("is %s", (_what, cost, request, tokens) => {
    expect(limitCost({ ...LIMIT, cost }, request)).toBe(tokens)
  })
})
