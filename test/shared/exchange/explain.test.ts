import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { explain } from "#shared/exchange/explain.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { DescribedRequest, Explained } from "#shared/protocol/explain.ts"

const SHOP: MeshDocument = {
  services: {
    storefront: {},
    orders: { subsets: { v1: {}, v2: {} } },
    mail: { url: "https://mail.test/api" },
  },
  gateways: { public: { listeners: [{ name: "http", port: 8080, protocol: "http" }] } },
  routes: {
    shop: {
      hosts: ["shop.test"],
      rules: [
        {
          name: "canary",
          match: { path: "/orders", headers: { "x-canary": "always" } },
          backends: [{ service: "orders", subset: "v2" }],
        },
        {
          name: "orders",
          match: { path: "/orders" },
          filters: [
            { responseHeaders: { remove: ["server"] } },
            { rewrite: { path: { prefix: "/v2/orders" } } },
            { requestHeaders: { set: { "x-edition": "web" } } },
            { mirror: { service: "mail", percent: 5 } },
            { limits: { bodyBytes: 1000 } },
          ],
          backends: [
            { service: "orders", subset: "v1", weight: 3 },
            { service: "orders", subset: "v2", weight: 1, filters: [{ responseHeaders: { set: { "x-side": "b" } } }] },
          ],
          timeout: "2s",
          retry: { attempts: 2, on: ["5xx"] },
        },
        { name: "old", match: { path: "/old" }, filters: [{ redirect: { path: { prefix: "/new" }, status: 301 } }] },
        {
          name: "keyed",
          match: { path: "/keyed", after: "2026-01-01T00:00:00Z" },
          filters: [{ rewrite: { query: { set: { api_key: "k3y" } } } }],
          backends: [{ service: "mail" }],
        },
        { name: "hi", match: { path: "/hi" }, filters: [{ respond: { status: 200, body: "hello" } }] },
        { name: "user", match: { path: "/user" }, backends: halves(), sticky: { header: "x-user" } },
        { name: "chain", match: { path: "/chain" }, backends: halves(), sticky: { chain: true } },
        {
          name: "mail",
          match: { path: "/mail" },
          backends: [{ service: "mail" }],
          rateLimits: [{ requests: 100, per: "1m", burst: 200, key: ["header:x-user", "method"] }],
        },
        { name: "broken", match: { path: "/broken" }, backends: [{ service: "mail" }], filters: [fault(100)] },
        { name: "shaky", match: { path: "/shaky" }, backends: [{ service: "mail" }], filters: [fault(10)] },
        { name: "some", match: { path: "/some", percent: 29 }, backends: [{ service: "mail" }] },
        { name: "front", backends: [{ service: "storefront" }] },
      ],
    },
    edge: { hosts: ["edge.test"], gateways: ["public"], rules: [{ backends: [{ service: "storefront" }] }] },
    orders: { service: "orders", rules: [{ match: { rpc: "get*" }, backends: [{ service: "orders", subset: "v2" }] }] },
  },
}

function halves() {
  return [
    { service: "orders", subset: "v1" },
    { service: "orders", subset: "v2" },
  ]
}

function fault(percent: number) {
  return { fault: { abort: { status: 503, percent } } }
}

const snapshot = snapshotOf(SHOP)

function snapshotOf(content: MeshDocument): Snapshot {
  const compiled = compile([], { documents: [{ source: "test", content }], prune: true, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return compiled.snapshot
}

const ask = (request: DescribedRequest | string, bindings?: string[]): Explained =>
  explain(
    { revision: 7, snapshot, ...(bindings && { bindings: new Set(bindings) }) },
    typeof request === "string" ? { url: `http://shop.test${request}` } : request,
  )
const header = (name: string, value: string) => ({ name, value })

describe("an explanation of a request", () => {
  it("tells the way from the door to the endpoints", () => {
    const told = ask({ url: "shop.test/orders/../orders/7?a=1", headers: [header("X-Canary", "always")] }, [
      "ORDERS_V2",
    ])
    expect(told).toMatchObject({
      revision: 7,
      understood: { method: "GET", url: "http://shop.test/orders/7?a=1", dropped: [] },
      place: 'gateway default/default, listener default, hostname "shop.test"',
      winner: { rule: "default/shop/canary", because: "all its conditions hold, and it comes first of those that do" },
      branches: [
        {
          backend: "default/orders/v2",
          share: 1,
          chosen: true,
          steps: [],
          sends: { url: "http://shop.test/orders/7?a=1", endpoints: [{ at: "binding ORDERS_V2", bound: true }] },
        },
      ],
    })
    expect(told.others[0]).toMatchObject({
      rule: "default/shop/orders",
      because: expect.stringContaining("comes first by"),
    })
  })

  it("shows no secret that a rule puts into the query, and knows no rule of a time without the time", () => {
    const { branches, others } = ask("/keyed?a=b")
    expect(others.find(({ rule }) => rule.endsWith("/keyed"))?.because).toBe(
      "the time is not known, and must be from 2026-01-01T00:00:00.000Z on",
    )
    expect(branches[0]?.sends?.url).toBe("http://shop.test/keyed?a=b")
    const then = explain(
      { revision: 7, snapshot, nowMs: Date.parse("2026-01-01T00:00:00Z") },
      { url: "http://shop.test/keyed?a=b" },
    )
    expect(then.branches[0]?.sends?.url).toBe("https://mail.test/api/keyed?a=b&api_key=(secret)")
    expect(JSON.stringify(then)).not.toContain("k3y")
  })

  it("shows a split with its shares, and the filters in the order in which they work", () => {
    const { branches, timeouts, retry } = ask("/orders/7")
    expect(branches.map(({ backend, share, chosen }) => [backend, share, chosen])).toEqual([
      ["default/orders/v1", 0.75, false],
      ["default/orders/v2", 0.25, false],
    ])
    expect(branches[1]?.steps.map(({ filter, of, on, effect }) => `${on} ${of} ${filter}: ${effect}`)).toEqual([
      "request rule limits: a body has at most 1000 bytes",
      "request rule requestHeaders: sets x-edition: web",
      "request rule rewrite: to http://shop.test/v2/orders/7",
      "request rule mirror: 5 % of requests are also sent to default/mail",
      "response rule responseHeaders: removes server",
      "response backend responseHeaders: sets x-side: b",
    ])
    expect(branches[0]?.sends).toEqual({
      url: "http://shop.test/v2/orders/7",
      endpoints: [{ at: "binding ORDERS_V1" }],
    })
    expect(timeouts).toEqual({ requestMs: 2000 })
    expect(retry).toMatchObject({ attempts: 2, applies: true, because: "GET may be sent twice" })
  })

  it.each([
    [0.74, "default/orders/v1"],
    [0.75, "default/orders/v2"],
  ])("marks the backend that a throw of %d gives", (dice, backend) => {
    const { branches } = ask({ url: "http://shop.test/orders", dice })
    expect(branches.filter(({ chosen }) => chosen).map((one) => one.backend)).toEqual([backend])
  })

  it("knows the side of a sticky split where the request decides it", () => {
    const user = (name?: string) =>
      ask({ url: "http://shop.test/user", ...(name && { headers: [header("x-user", name)] }) })
    expect(user()).toMatchObject({
      sticky: "by the header x-user, which this request does not bring: the dice decide",
      branches: [{ chosen: false }, { chosen: false }],
    })
    const sides = ["ann", "bob", "cleo", "dan", "eve", "fay"].map((name) => {
      const told = user(name)
      expect(told.sticky).toBe("decided by the header x-user")
      const chosen = told.branches.filter((branch) => branch.chosen)
      expect(chosen).toHaveLength(1)
      return chosen[0]?.backend
    })
    expect(new Set(sides).size).toBe(2)
  })

  it("cannot know the chain that a request begins, only one that it belongs to", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const begun = ask({ url: "http://shop.test/chain", dice: 0.1 })
    expect(begun.branches.some(({ chosen }) => chosen)).toBe(false)
    const known = ask({ url: "http://shop.test/chain", headers: [header("traceparent", traceparent)] })
    expect(known.branches.filter(({ chosen }) => chosen)).toHaveLength(1)
  })

  it("tells who takes which share of percentages, and explains the largest", () => {
    const told = ask("/some")
    expect(told.shares?.map(({ rule, share }) => [rule, Number(share.toFixed(4))])).toEqual([
      ["default/shop/some", 0.29],
      ["default/shop/front", 0.71],
    ])
    expect(told.winner?.rule).toBe("default/shop/front")
    expect(ask({ url: "http://shop.test/some", dice: 0.28 }).winner?.rule).toBe("default/shop/some")
    expect(ask("/hi").shares).toBeUndefined()
  })

  it.each([
    ["/old/x?y=1", { status: 301, headers: [header("location", "http://shop.test/new/x?y=1")], body: "" }],
    ["/hi", { status: 200, headers: [], body: "hello" }],
  ])("tells what the mesh answers to %s by itself", (path, answer) => {
    expect(ask(path).branches).toMatchObject([{ share: 1, chosen: true, answer }])
  })

  it("joins the path of an endpoint that is a URL", () => {
    expect(ask("/mail/1?x").branches[0]?.sends).toEqual({
      url: "https://mail.test/api/mail/1?x",
      endpoints: [{ at: "https://mail.test/api" }],
    })
  })

  it("names the limits that the request is counted by", () => {
    expect(ask("/mail/1").rateLimits).toEqual([
      "limit-0: 100 requests in 60 s for each header x-user and method, 200 at once; this one takes 1",
    ])
  })

  it("takes a failure that hits every request for what happens, another one for what may happen", () => {
    expect(ask("/broken").branches[0]).toMatchObject({ refusal: { name: "fault_injected", status: 503 } })
    expect(ask("/shaky").branches[0]).toMatchObject({
      steps: [{ effect: "10 % are answered 503" }],
      sends: { url: "https://mail.test/api/shaky" },
    })
  })

  it("says that no proxy has a binding, and nothing when no proxy has told", () => {
    const boundOf = (bindings?: string[]) => ask("/", bindings).branches[0]?.sends?.endpoints[0]?.bound
    expect([boundOf(["STOREFRONT"]), boundOf(["OTHER"]), boundOf()]).toEqual([true, false, undefined])
  })

  it("says why a retry does not apply", () => {
    const retry = (request: Partial<DescribedRequest>) => ask({ url: "http://shop.test/orders", ...request }).retry
    expect(retry({ method: "post" })).toMatchObject({
      applies: false,
      because: 'POST may act twice, and the rule does not say "unsafe"',
    })
    expect(retry({ method: "POST", headers: [header("idempotency-key", "1")] })).toMatchObject({ applies: true })
  })

  it("follows a service's request and its RPC calls", () => {
    expect(ask({ from: "storefront", to: "mail", url: "/send" })).toMatchObject({
      understood: { url: "http://mail/send", caller: "default/storefront", service: "default/mail" },
      place: "service default/mail has no routes for this caller: it is simply called",
      branches: [{ backend: "default/mail", sends: { url: "https://mail.test/api/send" } }],
    })
    const call = (rpc: string) => ask({ from: "storefront", to: "orders", rpc })
    expect(call("getOrder")).toMatchObject({
      understood: { method: "RPC", rpc: "getOrder" },
      branches: [{ backend: "default/orders/v2", sends: { endpoints: [{ at: "binding ORDERS_V2" }] } }],
    })
    expect(call("put")).toMatchObject({ branches: [], refusal: { name: "route_not_found" } })
    expect(ask({ from: "a", to: "mail", rpc: "send" }).branches[0]).toMatchObject({
      refusal: { name: "no_healthy_endpoint", detail: "the service has no binding that takes RPC" },
    })
  })

  it("does not take from the public what only the mesh may say", () => {
    const told = ask({
      url: "http://shop.test/",
      headers: [header("X-Forwarded-For", "1.1.1.1"), header("weft-hops", "99")],
    })
    expect(told.understood?.dropped).toEqual(["weft-hops", "x-forwarded-for"])
    expect(told.refusal).toBeUndefined()
  })
})

describe("an escaped slash", () => {
  it("passes where the rule keeps it, rewritten or not, and nowhere else", () => {
    const keep = { encodedSlashes: "keep" as const, backends: [{ service: "mail" }] }
    const files: MeshDocument = {
      ...SHOP,
      routes: {
        files: {
          hosts: ["files.test"],
          rules: [
            { match: { path: "/files" }, ...keep },
            { match: { path: "/moved" }, ...keep, filters: [{ rewrite: { path: { prefix: "/files" } } }] },
            { match: { path: "/" }, backends: [{ service: "mail" }] },
          ],
        },
      },
    }
    const outcome = compile([], { documents: [{ source: "files", content: files }], prune: false, revision: 1 })
    if ("problems" in outcome) throw new Error(JSON.stringify(outcome.problems))
    const fate = (path: string) => {
      const told = explain({ revision: 1, snapshot: outcome.snapshot }, { url: `http://files.test${path}` })
      return told.refusal?.name ?? told.branches[0]?.sends?.url
    }
    expect(fate("/files/a%2fb")).toBe("https://mail.test/api/files/a%2Fb")
    expect(fate("/moved/a%2Fb")).toBe("https://mail.test/api/files/a%2Fb")
    // Only whole segments are a prefix.
    for (const path of ["/files%2fa", "/x%2Fy", "/files/..%2fx", "/files/a%5cb"]) expect(fate(path)).toBe("bad_request")
  })
})

describe("a refusal", () => {
  it.each<[string, DescribedRequest, string, string | undefined]>([
    ["a path that hides a slash", { url: "http://shop.test/a%2fb" }, "bad_request", "the path holds the escape %2F"],
    [
      "a host that is none",
      { url: "http://sh op/" },
      "bad_request",
      "the Host header is not a host name with an optional port",
    ],
    [
      "a Host header that is none",
      { url: "http://shop.test/", headers: [header("host", "a/b")] },
      "bad_request",
      undefined,
    ],
    ["no host", { url: "/orders" }, "bad_request", "the URL names no host"],
    ["another scheme", { url: "ftp://shop.test/" }, "bad_request", "only http and https are spoken"],
    ["a header that is none", { url: "shop.test", headers: [header("a b", "")] }, "bad_request", undefined],
    ["a method that is not passed on", { url: "shop.test", method: "TRACE" }, "method_not_supported", undefined],
    ["a long URL", { url: `shop.test/${"x".repeat(9000)}` }, "uri_too_long", undefined],
    ["a host that no route names", { url: "http://nobody.test/" }, "route_not_found", undefined],
    ["a gateway that is not there", { url: "http://shop.test/", gateway: "team-a/x" }, "route_not_found", undefined],
    ["a listener that is not there", { url: "https://edge.test/", gateway: "public" }, "route_not_found", undefined],
    ["a caller without a name", { to: "orders", url: "/" }, "unauthenticated", undefined],
    ["a service that is not there", { from: "storefront", to: "nobody", url: "/" }, "service_not_found", undefined],
    [
      "a loop",
      { from: "storefront", to: "mail", url: "/", headers: [header("weft-hops", "12")] },
      "loop_detected",
      undefined,
    ],
  ])("is explained: %s", (_, request, name, detail) => {
    const told = ask(request)
    expect(told.refusal?.name).toBe(name)
    if (detail !== undefined) expect(told.refusal?.detail).toBe(detail)
    expect(told.branches).toEqual([])
  })

  it("by a missing listener or gateway says so", () => {
    expect(ask({ url: "https://edge.test/", gateway: "public" }).place).toContain("has no listener for host")
    expect(ask({ url: "http://edge.test:8080/", gateway: "public" }).branches[0]?.backend).toBe("default/storefront")
    expect(ask({ url: "http://shop.test/", gateway: "team-a/x" }).place).toBe("there is no gateway team-a/x")
  })

  it("by size is explained as the backend's branch", () => {
    const told = ask({ url: "http://shop.test/orders", method: "POST", headers: [header("content-length", "1001")] })
    expect(told.branches[0]).toMatchObject({
      refusal: { name: "body_too_large", status: 413 },
      steps: [{ filter: "limits" }],
    })
  })
})
