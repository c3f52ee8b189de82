import { describe, expect, it } from "vitest"
import { type HeadText, type RouteText, takers } from "./build.ts"

function check(routes: readonly RouteText[], requests: readonly (readonly [HeadText, string])[]): void {
  const { actual, expected } = takers(routes, requests)
  expect(actual).toEqual(expected)
}

describe("other conditions", () => {
  it("count headers: the match with more of them wins, then the first rule", () => {
    check(
      [
        {
          rules: [
            ["one", { headers: ["version=one"] }],
            ["two", { headers: ["version=two"] }],
            ["one", { headers: ["version=two", "color=orange"] }],
            ["one", { headers: ["color=blue"] }, { headers: ["color=green"] }],
            ["two", { headers: ["color=red"] }, { headers: ["color=yellow"] }],
          ],
        },
      ],
      [
        [{ headers: { version: "one" } }, "one"],
        [{ headers: { version: "two" } }, "two"],
        [{ headers: { version: "two", color: "orange" } }, "one"],
        [{ headers: { version: "two", color: "blue" } }, "two"],
        [{ headers: { color: "orange" } }, "404"],
        [{ headers: { color: "yellow" } }, "two"],
        [{ headers: { COLOR: "green" } }, "one"],
        [{}, "404"],
      ],
    )
  })

  it("let the path win over query, and headers over query", () => {
    check(
      [
        {
          rules: [
            ["one", { query: ["animal=whale"] }],
            ["two", { query: ["animal=dolphin"] }],
            ["three", { query: ["animal=dolphin", "color=blue"] }, { query: ["ANIMAL=Whale"] }],
            ["one", { path: "/path5" }],
            ["two", { query: ["animal=hydra"] }],
            ["three", { headers: ["version=four"] }],
          ],
        },
      ],
      [
        [{ query: "animal=whale" }, "one"],
        [{ query: "animal=dolphin" }, "two"],
        [{ query: "animal=dolphin&color=blue" }, "three"],
        [{ query: "ANIMAL=Whale" }, "three"],
        [{ query: "animal=whaledolphin" }, "404"],
        [{ query: "animal=whale&animal=dolphin" }, "one"],
        [{ path: "/path5", query: "animal=hydra" }, "one"],
        [{ query: "animal=hydra", headers: { version: "four" } }, "three"],
        [{ query: "" }, "404"],
      ],
    )
  })

  it("let the path win over the method, and the method over headers", () => {
    check(
      [
        {
          rules: [
            ["one", { method: "POST" }],
            ["two", { method: "GET" }],
            ["one", { path: "/path5" }],
            ["two", { method: "PATCH" }],
            ["three", { headers: ["version=four"] }],
          ],
        },
      ],
      [
        [{ method: "POST" }, "one"],
        [{ method: "GET" }, "two"],
        [{ method: "HEAD" }, "404"],
        [{ method: "PATCH", path: "/path5" }, "one"],
        [{ method: "PATCH", headers: { version: "four" } }, "two"],
        [{ method: "DELETE", headers: { version: "four" } }, "three"],
      ],
    )
  })

  it("put a time before the same match for all, and an address", () => {
    check(
      [{ rules: [["all"], ["then", { afterMs: 10, beforeMs: 20 }], ["inside", { addresses: ["10.0.0.0/8"] }]] }],
      [
        [{ nowMs: 9 }, "all"],
        [{ nowMs: 10 }, "then"],
        [{ nowMs: 20, address: "10.0.0.1" }, "inside"],
        [{ nowMs: 10, address: "10.0.0.1" }, "inside"],
        [{ nowMs: 20, address: "11.0.0.1" }, "all"],
      ],
    )
  })

  it("put a share before the same match for all, and hand the rest of the dice to the next share", () => {
    check(
      [{ rules: [["all"], ["tenth", { percent: 10 }], ["half", { percent: 50 }], ["never", { percent: 0 }]] }],
      [
        [{ dice: 0 }, "tenth"],
        [{ dice: 0.0999 }, "tenth"],
        [{ dice: 0.1 }, "half"],
        [{ dice: 0.4999 }, "half"],
        [{ dice: 0.5 }, "all"],
      ],
    )
  })

  it("count cookies and the caller as headers, and no single header over two of them", () => {
    check(
      [
        {
          rules: [
            ["header", { headers: ["h=1"] }],
            ["cookie", { cookies: ["c=1"] }],
            ["both", { cookies: ["c=1"], from: ["cart"] }],
            ["query", { query: ["a", "b", "c"] }],
          ],
        },
      ],
      [
        [{ headers: { h: "1", cookie: "c=1" } }, "header"],
        [{ headers: { cookie: "c=1" }, query: "a&b&c" }, "cookie"],
        [{ headers: { h: "1", cookie: "c=1" }, caller: "cart" }, "both"],
        [{ query: "a&b&c" }, "query"],
      ],
    )
  })

  it("know the calling service; public traffic has none", () => {
    check(
      [{ rules: [["cart", { from: ["cart", "checkout"] }], ["rest"]] }],
      [
        [{ caller: "cart" }, "cart"],
        [{ caller: "checkout" }, "cart"],
        [{ caller: "search" }, "rest"],
        [{}, "rest"],
      ],
    )
  })
})

describe("ties", () => {
  const rules = (to: string) => [[to, { path: "/a" }]] as const

  it("go to the older route, then to the name, then to the first rule", () => {
    check(
      [
        { name: "a", since: 2, rules: rules("younger") },
        { name: "b", since: 1, rules: rules("older") },
      ],
      [[{ path: "/a" }, "older"]],
    )
    check(
      [
        { name: "b", rules: rules("b") },
        { name: "a", rules: rules("a") },
      ],
      [[{ path: "/a" }, "a"]],
    )
    check([{ rules: [...rules("first"), ...rules("second")] }], [[{ path: "/a" }, "first"]])
  })
})

describe("listed order", () => {
  it("takes the first match as written, whatever is more specific", () => {
    check(
      [
        {
          name: "young",
          since: 2,
          order: "listed",
          rules: [["young", { path: "=/a/b" }]],
        },
        {
          name: "old",
          since: 1,
          order: "listed",
          rules: [
            ["header", { headers: ["x=1"] }],
            ["prefix", { path: "/a" }],
            ["exact", { path: "=/a/b" }],
            ["regex", { path: "~/r.*" }, { path: "/q/{x}" }],
            ["long", { path: "/r/s" }],
            ["any"],
          ],
        },
      ],
      [
        [{ path: "/a/b", headers: { x: "1" } }, "header"],
        [{ path: "/a/b" }, "prefix"],
        [{ path: "/r/s" }, "regex"],
        [{ path: "/q/s" }, "regex"],
        [{ path: "/z" }, "any"],
      ],
    )
  })
})
