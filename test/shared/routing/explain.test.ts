import { describe, expect, it } from "vitest"
import { gatewayId, type Namespace } from "#shared/model/names.ts"
import { explain } from "#shared/routing/explain.ts"
import { compile, type Entry } from "#shared/routing/table.ts"
import { aHead, aRoute, aSnapshot, aTable, aTest, type HeadText, PUBLIC, type RouteText, service } from "./build.ts"

const SHOP: RouteText = {
  name: "shop",
  hosts: ["*.test"],
  rules: [
    ["front"],
    ["orders", { path: "/orders" }],
    ["canary", { path: "/orders", headers: ["x-canary=always"] }],
    ["post", { path: "/orders", method: "POST" }],
    ["one", { path: "=/orders/1" }],
    ["user", { path: "/users/{id}" }],
  ],
}

const becauseOf = (routes: readonly RouteText[], head: HeadText, entry: Entry = PUBLIC) => {
  const { winner, others } = explain(aTable(...routes), entry, aHead(head))
  return Object.fromEntries([winner, ...others].map((one) => [one?.rule.replace("default/", ""), one?.because]))
}

describe("an explanation", () => {
  it("tells the host, the winner, and for the others the first condition that failed", () => {
    const told = explain(aTable(SHOP), PUBLIC, aHead({ path: "/orders/7", headers: { "x-canary": "never" } }))
    expect(told).toMatchObject({
      outcome: "matched",
      place: 'gateway default/default, listener default, hostname "*.test"',
      winner: { rule: "default/shop/1", match: 'path prefix "/orders"' },
      more: 0,
    })
    expect(told.others.map(({ rule, because }) => `${rule}: ${because}`)).toEqual([
      "default/shop/3: the method is GET, and must be POST",
      'default/shop/2: the header x-canary is "never", and must be "always"',
      "default/shop/0: all its conditions hold, but default/shop/1 comes first by kind of path match",
      'default/shop/4: the path is "/orders/7", and must be "/orders/1"',
      'default/shop/5: the path is "/orders/7", and must fit the template "/users/{id}"',
    ])
  })

  it("names the criterion that decided", () => {
    expect(becauseOf([SHOP], { path: "/orders", headers: { "x-canary": "always" } })["shop/1"]).toBe(
      "all its conditions hold, but default/shop/2 comes first by number of header conditions",
    )
    const twin = (name: string, since: number): RouteText => ({ name, since, rules: [["x", { path: "/a" }]] })
    expect(becauseOf([twin("a", 2), twin("b", 1)], { path: "/a" })["a/0"]).toContain(
      "default/b/0 comes first by age of the route",
    )
    const listed: RouteText = { order: "listed", rules: [["any"], ["exact", { path: "=/a" }]] }
    expect(becauseOf([listed], { path: "/a" })["route/1"]).toContain("default/route/0 comes first by written order")
  })

  it("has words for every condition", () => {
    const rules: RouteText["rules"] = [
      ["a", { headers: ["h"] }],
      ["b", { headers: ["!present"] }],
      ["c", { query: ["q!=1"] }],
      ["d", { cookies: [aTest("c", { kind: "prefix", value: "x" })] }],
      ["e", { from: ["cart"] }],
      ["f", { percent: 25 }],
      ["g", { path: "~/x.*" }],
      ["h", { rpc: "get*" }],
      ["i", { query: [aTest("empty", { kind: "regex", value: "a+" })] }],
    ]
    const head: HeadText = { query: "q=1&empty=", headers: { present: "1" }, dice: 0.5 }
    expect(becauseOf([{ rules }], head)).toMatchObject({
      "route/0": "the header h is absent, and must be present",
      "route/1": 'the header present is "1", and must be absent',
      "route/2": 'the query parameter q is "1", and must not be "1"',
      "route/3": 'the cookie c is absent, and must begin with "x"',
      "route/4": "the caller is not a service of the mesh, and must be default/cart",
      "route/5": "the dice fell on 50.00, and the match takes what is below 25",
      "route/6": 'the path is "/", and must match "/x.*" as a whole',
      "route/7": "the match takes RPC calls only, and this is an HTTP request",
      "route/8": 'the query parameter empty is empty, and must match "a+" as a whole',
    })
  })

  it("shows the ten nearest and counts the rest", () => {
    const rules: RouteText["rules"] = Array.from({ length: 25 }, (_, index) => [
      "x",
      { path: `=/item/${index + 10}/x` },
    ])
    const told = explain(aTable({ rules }), PUBLIC, aHead({ path: "/item/23" }))
    expect(told).toMatchObject({ outcome: "not_found", winner: undefined, more: 15 })
    expect(told.others).toHaveLength(10)
    expect(told.others[0]?.match).toBe('path exact "/item/23/x"')
  })

  it("tells a route once that is attached twice to what turns out to be one host", () => {
    const edge = gatewayId("default", "edge")
    const attachments = ["*.test", "a.test"].map((hostname) => ({ to: "gateway", gateway: edge, hostname }) as const)
    const gateways = [{ id: edge, listeners: [{ name: "web", hostname: "a.test" }] }]
    const table = compile(aSnapshot([aRoute({ attachments, rules: [["a"], ["b"]] })], gateways))
    const entry: Entry = { at: "gateway", gateway: edge, port: 80, protocol: "http" }
    expect(explain(table, entry, aHead({ host: "a.test" })).others).toHaveLength(1)
  })

  it("says where the way ended when no route is near", () => {
    const edge = gatewayId("default", "edge")
    const gateways = [{ id: edge, listeners: [{ name: "web", hostname: "*.test", port: 80 }] }]
    const table = compile(aSnapshot([aRoute(SHOP)], gateways))
    const ask = (host: string, gateway = edge) =>
      explain(table, { at: "gateway", gateway, port: 80, protocol: "http" }, aHead({ host })).place
    expect(ask("a.test")).toBe('gateway default/edge, listener web: no route names host "a.test" on port 80 (http)')
    expect(ask("a.org")).toBe('gateway default/edge has no listener for host "a.org" on port 80 (http)')
    expect(ask("a.test", gatewayId("x", "y"))).toBe("there is no gateway x/y")
  })

  it("tells producer, consumer and implicit routes apart", () => {
    const entry: Entry = { at: "service", service: service("orders") }
    const attachment = { to: "service", service: service("orders") } as const
    const table = aTable(
      { name: "p", attachments: [attachment], rules: [["p"]] },
      { name: "c", attachments: [{ ...attachment, consumers: "team" as Namespace }], rules: [["c"]] },
    )
    const ask = (caller: string) => explain(table, entry, aHead({ caller }))
    expect(ask("team/a").place).toBe("service default/orders, routes for callers of namespace team")
    expect(ask("team/a").winner?.rule).toBe("default/c/0")
    expect(ask("default/a").place).toBe("service default/orders, routes for every caller")
    expect(explain(aTable(), entry, aHead())).toMatchObject({
      outcome: "implicit",
      place: "service default/orders has no routes for this caller: it is simply called",
    })
  })

  it("explains RPC calls", () => {
    const attachments = [{ to: "service", service: service("orders") } as const]
    const rules: RouteText["rules"] = [["a", { rpc: "get*" }], ["b", { path: "/x" }], ["c"]]
    expect(
      becauseOf([{ attachments, rules }], { rpc: "put" }, { at: "service", service: service("orders") }),
    ).toMatchObject({
      "route/0": 'the RPC method is "put", and must be "get*"',
      "route/1": "the match takes HTTP requests only, and this is an RPC call",
      "route/2": "all its conditions hold, and it comes first of those that do",
    })
  })
})
