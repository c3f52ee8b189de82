import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { blastRadius } from "#shared/exchange/preview.ts"
import type { SampledHead } from "#shared/model/sample.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"

function snapshotOf(content: object): Snapshot {
  const result = compile([], { documents: [{ source: "a", content }], prune: false, revision: 1 } as never)
  if ("problems" in result) throw new Error(JSON.stringify(result.problems))
  return result.snapshot
}

const SERVICES = { storefront: {}, orders: { subsets: { v1: {}, v2: {} } }, catalog: {} }
const hosted = (rules: object[]) => ({ services: SERVICES, routes: { shop: { hosts: ["shop.test"], rules } } })
const to = (service: string, more: object = {}) => ({ ...more, backends: [{ service }] })
const split = (v1: number, v2: number) => ({
  backends: [
    { service: "orders", subset: "v1", weight: v1 },
    { service: "orders", subset: "v2", weight: v2 },
  ],
})
const head = (path: string, more: Partial<SampledHead> = {}): SampledHead => ({
  ...{ atMs: 1_000, weight: 1, method: "GET", url: `https://shop.test${path}` },
  ...more,
})
const radius = (before: object[], after: object[], heads: SampledHead[]) =>
  blastRadius(snapshotOf(hosted(before)), snapshotOf(hosted(after)), heads)

describe("the blast radius", () => {
  it("is nothing when nothing changes, and without samples", () => {
    const rules = [split(90, 10)]
    expect(radius(rules, rules, [head("/"), head("/a")])).toMatchObject({
      samples: 2,
      requests: 2,
      share: 0,
      changes: [],
    })
    expect(radius(rules, [to("catalog")], [])).toMatchObject({ samples: 0, requests: 0, share: 0, changes: [] })
  })

  it("of a split is what moves between its backends", () => {
    const { share, changes } = radius([split(90, 10)], [split(50, 50)], [head("/")])
    expect(share).toBeCloseTo(0.4)
    expect(changes).toMatchObject([
      {
        ...{ kind: "backend", caller: "public at default/default", share: expect.closeTo(0.4) },
        ...{ before: "default/orders/v1 90 %, default/orders/v2 10 %" },
        ...{ after: "default/orders/v1 50 %, default/orders/v2 50 %" },
      },
    ])
  })

  it("says whose requests would meet another policy, and what of limits and users it cannot tell", () => {
    const before = [to("orders", { name: "a", match: { path: "/a" }, timeout: "1s" }), to("orders")]
    const after = [to("orders", { name: "a", match: { path: "/a" }, retry: { attempts: 2 } }), to("orders")]
    const found = radius(before, after, [head("/a", { weight: 3 }), head("/b", { weight: 7 })])
    expect(found).toMatchObject({ share: 0.3, unjudged: ["limits"] })
    expect(found.changes).toMatchObject([{ kind: "policy", before: "default/orders under timeout 1s, no retry" }])
    expect(found.changes[0]!.after).toMatch(/^default\/orders under retry\.attempts 2, .*no timeout/)
    expect(radius(before, before, [head("/a")]).unjudged).toBeUndefined()
  })

  it("is told by the calling service what an access policy does, and says that it knows no end users", () => {
    const mesh = { services: SERVICES }
    const policies = {
      only: { services: ["orders"], action: "allow", rules: [{ from: [{ services: ["storefront"] }] }] },
    }
    const heads = ["default/storefront", "default/catalog"].map((from) => ({
      atMs: 1,
      weight: 1,
      from,
      to: "default/orders",
    }))
    const calls = heads.map((one) => ({ ...one, method: "GET", url: "http://orders/" }) as SampledHead)
    const found = blastRadius(snapshotOf(mesh), snapshotOf({ ...mesh, policies }), calls)
    expect(found).toMatchObject({ share: 0.5, unjudged: ["users"] })
    expect(found.changes).toMatchObject([{ kind: "refusal", caller: "default/catalog" }])
  })

  it("tells refusals, answers, backends, rewrites and routes apart, with what each request stands for", () => {
    const before = [
      to("orders", { name: "gone", match: { path: { prefix: "/gone" } } }),
      to("orders", { name: "moved", match: { path: { prefix: "/moved" } } }),
      to("orders", { name: "other", match: { path: { prefix: "/other" } } }),
      to("orders", { name: "deep", match: { path: { prefix: "/deep" } } }),
      to("orders", { name: "old", match: { path: { prefix: "/named" } } }),
      to("orders", { name: "same", match: { path: { prefix: "/same" } } }),
    ]
    const after = [
      { name: "moved", match: { path: { prefix: "/moved" } }, filters: [{ redirect: { path: "/new", status: 301 } }] },
      to("catalog", { name: "other", match: { path: { prefix: "/other" } } }),
      to("orders", { name: "deep", match: { path: { prefix: "/deep" } }, filters: [{ rewrite: { path: "/flat" } }] }),
      to("orders", { name: "new", match: { path: { prefix: "/named" } } }),
      to("orders", { name: "same", match: { path: { prefix: "/same" } } }),
    ]
    const paths = { "/gone/1": 5, "/moved/1": 4, "/other/1": 3, "/deep/1": 2, "/named/1": 1, "/same/1": 85 }
    const heads = Object.entries(paths).map(([path, weight]) => head(path, { weight }))
    const { share, requests, changes } = radius(before, after, heads)
    expect(requests).toBe(100)
    expect(share).toBeCloseTo(0.15)
    expect(changes.map(({ kind, before, after, share }) => [kind, before, after, Math.round(share * 100)])).toEqual([
      ["refusal", "default/orders", "refused: route_not_found", 5],
      ["answer", "default/orders", "answers 301 https://shop.test/new", 4],
      ["backend", "default/orders", "default/catalog", 3],
      ["rewrite", "default/shop/deep to default/orders", "default/shop/deep to default/orders", 2],
      ["route", "default/shop/old to default/orders", "default/shop/new to default/orders", 1],
    ])
    expect(changes[3]?.examples).toEqual([
      {
        request: "GET https://shop.test/deep/1",
        before: "default/orders https://shop.test/deep/1 (default/shop/deep)",
        after: "default/orders https://shop.test/flat (default/shop/deep)",
      },
    ])
  })

  it("goes by callers, RPC methods, and the headers that were kept", () => {
    const routes = (rules: object[]) =>
      snapshotOf({ services: SERVICES, routes: { orders: { service: "orders", rules } } })
    const before = routes([split(1, 0)])
    const after = routes([
      { match: { headers: { "x-canary": "always" } }, ...split(0, 1) },
      { match: { rpc: "getOrder" }, ...split(0, 1) },
      split(1, 0),
    ])
    const call = { atMs: 1, weight: 1, from: "default/storefront", to: "default/orders" }
    const heads: SampledHead[] = [
      { ...call, url: "http://orders/", headers: [{ name: "x-canary", value: "always" }] },
      { ...call, url: "http://orders/" },
      { ...call, rpc: "getOrder" },
      { ...call, rpc: "other" },
    ]
    const { share, changes } = blastRadius(before, after, heads)
    expect(share).toBeCloseTo(0.5)
    expect(changes).toMatchObject([{ kind: "backend", caller: "default/storefront", after: "default/orders/v2" }])
    expect(changes[0]?.examples.map(({ request }) => request)).toEqual(["GET http://orders/", "RPC getOrder"])
  })

  it("is a distance: between 0 and 1, the same both ways, and 0 only for the same", () => {
    const weights = fc.tuple(fc.nat(10), fc.integer({ min: 1, max: 10 }))
    fc.assert(
      fc.property(weights, weights, (one, other) => {
        const there = radius([split(...one)], [split(...other)], [head("/")]).share
        const back = radius([split(...other)], [split(...one)], [head("/")]).share
        expect(there).toBeCloseTo(back)
        expect(there).toBeCloseTo(Math.abs(one[0] / (one[0] + one[1]) - other[0] / (other[0] + other[1])))
      }),
      { numRuns: 50 },
    )
  })
})
