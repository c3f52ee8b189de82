import { describe, expect, it } from "vitest"
import { disguisedIn, droppedFromAnswer, isHopByHop, isReserved, nominated } from "#shared/identity/headers.ts"

describe("reserved names", () => {
  it.each([
    "weft-from",
    "weft_from",
    "weft.from",
    "weft-anything",
    "x-weft-hops",
    "x-mesh-internal",
    "x-forwarded-for",
    "x_forwarded_for",
    "x-forwarded-prefix",
    "forwarded",
    "x-real-ip",
    "x.real_ip",
    "x-original-url",
    "x-method-override",
    "x-forwarded",
    "proxy",
    "proxy-status",
    "x-http-method-override",
    "cloudflare-workers-version-overrides",
    "cloudflare-workers-cohort",
    "cf_connecting_ip",
    "cf.ray",
  ])("%s", (name) => {
    expect(isReserved(name)).toBe(true)
  })

  it.each([
    "authorization",
    "cookie",
    "cf-connecting-ip",
    "x-request-id",
    "traceparent",
    "weftx",
    "x-forward",
    "host",
    "__proto__",
  ])("not %s", (name) => {
    expect(isReserved(name)).toBe(false)
  })
})

describe("disguised names", () => {
  it("are those that fold to a reserved one, not the reserved ones themselves", () => {
    const names = ["weft_from", "x.forwarded_for", "weft-from", "x_custom", "a.b", "accept"]
    const headers = new Headers(names.map((name): [string, string] => [name, "1"]))
    expect(disguisedIn(headers)).toEqual(["weft_from", "x.forwarded_for"])
  })
})

describe("what is for one connection", () => {
  it("is hop by hop, but the upgrade of a WebSocket passes", () => {
    expect(["connection", "te", "keep-alive", "proxy-authorization", "expect"].map(isHopByHop)).toEqual(
      Array(5).fill(true),
    )
    expect(["upgrade", "sec-websocket-key", "accept"].map(isHopByHop)).toEqual([false, false, false])
  })

  it.each([
    ["close, X-Real-Ip", ["close", "x-real-ip"]],
    ["X-A,,  ,x-b", ["x-a", "x-b"]],
    ["Authorization, Cookie, Host, Traceparent, Upgrade", []],
    ["CF-Connecting-IP, cf-ray", []],
  ])("%j nominates %j", (connection, names) => {
    expect(nominated(connection)).toEqual(names)
  })
})

describe("an answer from outside", () => {
  it("loses what was for its connection and what only the mesh says, and keeps the rest", () => {
    const headers = new Headers({
      connection: "x-a, upgrade",
      "x-a": "1",
      "keep-alive": "1",
      "weft-refusal": "internal",
    })
    headers.append("set-cookie", "a=1")
    expect([...droppedFromAnswer(headers, true)].sort()).toEqual(["connection", "keep-alive", "weft-refusal", "x-a"])
    expect([...droppedFromAnswer(headers, false)].sort()).toEqual(["connection", "keep-alive", "x-a"])
  })
})
