import { describe, expect, it } from "vitest"
import { DEFAULT_GATEWAY, gatewayId } from "#shared/model/names.ts"
import type { Attachment, Gateway } from "#shared/model/route.ts"
import { compile } from "#shared/routing/table.ts"
import { aRoute, aSnapshot, aTable, type HeadText, type RouteText, taker, takers } from "./build.ts"

function check(routes: readonly RouteText[], requests: readonly (readonly [HeadText, string])[]): void {
  const { actual, expected } = takers(routes, requests)
  expect(actual).toEqual(expected)
}

describe("hosts", () => {
  it("prefer exact to the longest wildcard to any, and never fall through", () => {
    check(
      [
        { name: "any", hosts: ["*"], rules: [["any"]] },
        { name: "wild", hosts: ["*.example.com"], rules: [["wild"]] },
        { name: "wilder", hosts: ["*.a.example.com"], rules: [["wilder"]] },
        { name: "exact", hosts: ["x.a.example.com"], rules: [["exact", { path: "/only" }]] },
      ],
      [
        [{ host: "x.a.example.com", path: "/only" }, "exact"],
        [{ host: "x.a.example.com", path: "/other" }, "404"],
        [{ host: "y.a.example.com" }, "wilder"],
        [{ host: "z.y.a.example.com" }, "wilder"],
        [{ host: "a.example.com" }, "wild"],
        [{ host: "example.com" }, "any"],
        [{ host: "notexample.com" }, "any"],
      ],
    )
  })

  it("answer 404 for a host that no route names", () => {
    check(
      [{ hosts: ["a.test"], rules: [["a"]] }],
      [
        [{ host: "b.test" }, "404"],
        [{ host: "" }, "404"],
        [{ host: "__proto__" }, "404"],
      ],
    )
  })

  it("match across routes on a host that they share", () => {
    check(
      [
        {
          name: "p1",
          hosts: ["example.com", "example.net"],
          rules: [["one", { path: "/" }, { headers: ["version=one"] }]],
        },
        { name: "p2", hosts: ["example.com"], rules: [["two", { path: "/v2" }, { headers: ["version=two"] }]] },
      ],
      [
        [{ host: "example.com", path: "/" }, "one"],
        [{ host: "example.net", path: "/v2" }, "one"],
        [{ host: "example.com", path: "/v2/example" }, "two"],
        [{ host: "example.com", path: "/", headers: { version: "two" } }, "two"],
        [{ host: "example.net", path: "/", headers: { version: "two" } }, "one"],
      ],
    )
  })
})

describe("listeners", () => {
  const gateway = gatewayId("default", "edge")
  const on = (hostname: string, listener?: string): Attachment => ({
    to: "gateway",
    gateway,
    hostname,
    ...(listener === undefined ? {} : { listener }),
  })
  const ask = (gateways: readonly Gateway[], routes: readonly RouteText[]) => {
    const table = compile(aSnapshot(routes.map(aRoute), gateways))
    return (host: string, path: string, port = 80, protocol: "http" | "https" = "http") =>
      taker(table, { host, path }, { at: "gateway", gateway, port, protocol })
  }

  it("intersect their hostname with the route's", () => {
    const listeners = [
      { name: "1", port: 80, hostname: "very.specific.com" },
      { name: "2", port: 80, hostname: "*.wildcard.io" },
      { name: "3", port: 80, hostname: "*.anotherwildcard.io" },
    ]
    const get = ask(
      [{ id: gateway, listeners }],
      [
        {
          name: "s1",
          attachments: ["non.matching.com", "*.nonmatching.io", "very.specific.com"].map((host) => on(host)),
          rules: [["s1", { path: "/s1" }]],
        },
        {
          name: "s2",
          attachments: ["wildcard.io", "foo.wildcard.io", "foo.bar.wildcard.io"].map((host) => on(host)),
          rules: [["s2", { path: "/s2" }]],
        },
        { name: "s3", attachments: [on("non.matching.com"), on("*.specific.com")], rules: [["s3", { path: "/s3" }]] },
        { name: "s4", attachments: [on("*.anotherwildcard.io")], rules: [["s4", { path: "/s4" }]] },
      ],
    )
    expect(get("very.specific.com", "/s1")).toBe("s1")
    expect(get("very.specific.com", "/s3")).toBe("s3")
    expect(get("foo.specific.com", "/s3")).toBe("404")
    expect(get("non.matching.com", "/s1")).toBe("404")
    expect(get("foo.wildcard.io", "/s2")).toBe("s2")
    expect(get("foo.bar.wildcard.io", "/s2")).toBe("s2")
    expect(get("wildcard.io", "/s2")).toBe("404")
    expect(get("a.b.anotherwildcard.io", "/s4")).toBe("s4")
    expect(get("anotherwildcard.io", "/s4")).toBe("404")
  })

  it("isolate: only the routes of the listener with the most specific hostname count", () => {
    const get = ask(
      [
        {
          id: gateway,
          listeners: [
            { name: "empty" },
            { name: "wild", hostname: "*.example.com" },
            { name: "foo", hostname: "*.foo.example.com" },
            { name: "abc", hostname: "abc.foo.example.com" },
          ],
        },
      ],
      ["empty", "wild", "foo", "abc"].map((name) => ({
        name,
        attachments: [on("*", name)],
        rules: [[name, { path: `/${name}` }]],
      })),
    )
    expect(get("bar.com", "/empty")).toBe("empty")
    expect(get("bar.com", "/wild")).toBe("404")
    expect(get("bar.example.com", "/wild")).toBe("wild")
    expect(get("bar.example.com", "/empty")).toBe("404")
    expect(get("bar.foo.example.com", "/foo")).toBe("foo")
    expect(get("bar.foo.example.com", "/wild")).toBe("404")
    expect(get("abc.foo.example.com", "/abc")).toBe("abc")
    expect(get("abc.foo.example.com", "/foo")).toBe("404")
  })

  it("hold for their port and protocol; the one that names them wins", () => {
    const get = ask(
      [
        {
          id: gateway,
          listeners: [
            { name: "any" },
            { name: "eighty", port: 80 },
            { name: "secure", protocol: "https", port: 443 },
            { name: "443", port: 443 },
          ],
        },
      ],
      ["any", "eighty", "secure", "443"].map((name) => ({ name, attachments: [on("*", name)], rules: [[name]] })),
    )
    expect(get("a.test", "/", 80)).toBe("eighty")
    expect(get("a.test", "/", 8080)).toBe("any")
    expect(get("a.test", "/", 443, "https")).toBe("secure")
    expect(get("a.test", "/", 443, "http")).toBe("443")
  })

  it("of an unknown gateway take nothing; the default gateway need not be declared", () => {
    const table = aTable({ rules: [["a"]] })
    expect(taker(table, {}, { at: "gateway", gateway, port: 80, protocol: "http" })).toBe("404")
    expect(taker(table, {}, { at: "gateway", gateway: DEFAULT_GATEWAY, port: 1234, protocol: "http" })).toBe("a")
  })
})
