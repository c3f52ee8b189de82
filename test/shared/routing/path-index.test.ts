import { describe, expect, it } from "vitest"
import { match } from "#shared/routing/table.ts"
import { aHead, aTable, type HeadText, PUBLIC, type RouteText, takers } from "./build.ts"

function check(routes: readonly RouteText[], requests: readonly (readonly [HeadText, string])[]): void {
  const { actual, expected } = takers(routes, requests)
  expect(actual).toEqual(expected)
}

describe("path matches", () => {
  it("prefer the exact path, then the longest prefix", () => {
    check(
      [
        {
          rules: [
            ["three", { path: "=/match/exact/one" }, { path: "/match/" }],
            ["two", { path: "=/match/exact" }, { path: "/match/prefix/one" }],
            ["one", { path: "=/match" }, { path: "/match/prefix/" }],
          ],
        },
      ],
      [
        [{ path: "/match/exact/one" }, "three"],
        [{ path: "/match/exact" }, "two"],
        [{ path: "/match" }, "one"],
        [{ path: "/match/prefix/one/any" }, "two"],
        [{ path: "/match/prefix/any" }, "one"],
        [{ path: "/match/any" }, "three"],
        [{ path: "/matches" }, "404"],
        [{ path: "/Match" }, "404"],
      ],
    )
  })

  it("take whole segments of a prefix and let a header win over the catch-all", () => {
    check(
      [
        {
          rules: [
            ["one", { path: "/" }, { headers: ["version=one"] }],
            ["two", { path: "/v2" }, { headers: ["version=two"] }],
          ],
        },
      ],
      [
        [{ path: "/" }, "one"],
        [{ path: "/example" }, "one"],
        [{ path: "/", headers: { version: "one" } }, "one"],
        [{ path: "/v2" }, "two"],
        [{ path: "/v2/" }, "two"],
        [{ path: "/v2/example" }, "two"],
        [{ path: "/v2example" }, "one"],
        [{ path: "/foo/v2/example" }, "one"],
        [{ path: "/", headers: { version: "two" } }, "two"],
        [{ path: "/v2", headers: { version: "one" } }, "two"],
      ],
    )
  })

  it("tell an exact path from the same with a slash", () => {
    check(
      [{ rules: [["a", { path: "=/abc" }]] }],
      [
        [{ path: "/abc" }, "a"],
        [{ path: "/abc/" }, "404"],
        [{ path: "/abc/d" }, "404"],
      ],
    )
  })

  it("rank exact, prefix, template, regex, and the catch-all last", () => {
    check(
      [
        {
          rules: [
            ["any"],
            ["regex", { path: "~/[a-z]+/[a-z0-9]+(/.*)?" }],
            ["template", { path: "/users/{id}" }],
            ["prefix", { path: "/users/7/orders" }],
            ["exact", { path: "=/users/7/orders/1" }],
          ],
        },
      ],
      [
        [{ path: "/users/7/orders/1" }, "exact"],
        [{ path: "/users/7/orders/2" }, "prefix"],
        [{ path: "/users/7" }, "template"],
        [{ path: "/users/7/cart" }, "regex"],
        [{ path: "/users/" }, "any"],
        [{ path: "/" }, "any"],
      ],
    )
  })

  it("rank templates by the first segment that differs: literal, one, rest", () => {
    check(
      [
        {
          rules: [
            ["rest", { path: "/a/**" }],
            ["one-b", { path: "/{x}/b" }],
            ["a-one", { path: "/a/{y}" }],
            ["deep", { path: "/a/{y}/c" }],
            ["named-rest", { path: "/files/{path=**}" }],
          ],
        },
      ],
      [
        [{ path: "/a/b" }, "a-one"],
        [{ path: "/z/b" }, "one-b"],
        [{ path: "/a/b/c" }, "deep"],
        [{ path: "/a/b/d" }, "rest"],
        [{ path: "/a/" }, "rest"],
        [{ path: "/a" }, "404"],
        [{ path: "/files/" }, "named-rest"],
        [{ path: "/files/x/y" }, "named-rest"],
        [{ path: "/files" }, "404"],
        [{ path: "//b" }, "404"],
      ],
    )
  })

  it("give the captures of the template that won", () => {
    const table = aTable({ rules: [["a", { path: "/users/{id}/*/{constructor=**}" }]] })
    const found = match(table, PUBLIC, aHead({ path: "/users/7%20a/x/b/c" }))
    expect(found).toMatchObject({ captures: { id: "7%20a", constructor: "b/c" } })
    expect(match(aTable({ rules: [["a"]] }), PUBLIC, aHead())).not.toHaveProperty("captures")
  })

  it("match a regex against the whole path, and take nothing when the regex is broken", () => {
    check(
      [
        {
          rules: [
            ["a", { path: "~/a+" }],
            ["b", { path: "~/b(" }],
            ["c", { path: "~/c" }],
          ],
        },
      ],
      [
        [{ path: "/aaa" }, "a"],
        [{ path: "/aaab" }, "404"],
        [{ path: "/b(" }, "404"],
        [{ path: "/c" }, "c"],
      ],
    )
  })
})
