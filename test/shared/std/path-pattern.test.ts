import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canonicalPath } from "#shared/std/path.ts"
import { pathPatternFault, pathTest, readingsOf } from "#shared/std/path-pattern.ts"

describe("a pattern of paths", () => {
  it.each([
    ["/admin", ["/admin"], ["/admin/", "/admin/x", "/admins", "/Admin", "/"]],
    ["/admin*", ["/admin", "/admin/", "/admin/x", "/admins"], ["/adm", "/x/admin"]],
    ["/admin/*", ["/admin/", "/admin/x/y"], ["/admin", "/admins/x"]],
    ["*.css", ["/a.css", "/a/b.css"], ["/a.css/b", "/acss"]],
    ["*/info", ["/a/info", "/info"], ["/a/info/", "/information"]],
    ["*", ["/", "/a"], []],
    [
      "/users/{*}/orders",
      ["/users/7/orders"],
      ["/users/orders", "/users//orders", "/users/7/8/orders", "/users/7/orders/"],
    ],
    [
      "/allow/admin/{**}",
      ["/allow/admin/", "/allow/admin/a", "/allow/admin/a/b.txt"],
      ["/allow/admin", "/allow/user/"],
    ],
    [
      "/foo/{*}/bar/{**}.txt",
      ["/foo/x/bar/y.txt", "/foo/x/bar/y/z.txt", "/foo/x/bar/.txt"],
      ["/foo/bar/y.txt", "/foo/x/bar/y"],
    ],
    ["/store/{**}/cart", ["/store//cart", "/store/a/cart", "/store/a/b/cart"], ["/store/cart", "/store/a/carts"]],
    ["/{*}/{*}", ["/a/b"], ["/a", "/a/b/c", "//b"]],
    ["/{**}", ["/", "/a/b"], []],
    ["/a/{**}a", ["/a/a", "/a/xa"], ["/a/"]],
    ["/caf%C3%A9", ["/caf\u00c3\u00a9"], ["/cafe"]],
    ["/a%2A", ["/a*"], ["/ab"]],
  ])("%s", (pattern, taken, left) => {
    const test = pathTest(pattern)
    expect(pathPatternFault(pattern)).toBeUndefined()
    expect(taken.filter((path) => !test(path))).toEqual([])
    expect(left.filter(test)).toEqual([])
  })

  it.each([
    ["/{**}/{**}", "twice"],
    ["/{**}/{*}", "last"],
    ["/a{*}", "whole segment"],
    ["/{*}b", "whole segment"],
    ["/{id}", "whole segment"],
    ["/a}", "whole segment"],
    ["/{*}/x*", "beside"],
    ["/*/{*}", "beside"],
    ["/{**}/*", "beside"],
    ["/{*}{**}", "between"],
  ])("has a fault: %s", (pattern, fault) => {
    expect(pathPatternFault(pattern)).toContain(fault)
    expect(pathTest(pattern)("/a")).toBe(false)
  })
})

describe("the readings of a path", () => {
  it.each([
    ["/admin/users", ["/admin/users"]],
    ["/a%40b", ["/a@b"]],
    ["/a%2520", ["/a%20"]],
    ["/admin;x=y/action", ["/admin;x=y/action", "/admin/action"]],
    ["/admin%3Bx/action", ["/admin;x/action", "/admin/action"]],
    ["/;x/admin", ["/;x/admin", "/admin"]],
    ["/a/..%3Bx/admin", ["/a/..;x/admin", "/admin"]],
    ["/a/.%3B/admin", ["/a/.;/admin", "/a/admin"]],
    ["/admin;", ["/admin;", "/admin"]],
    ["/a;b;c/d;e", ["/a;b;c/d;e", "/a/d"]],
    ["/%3B;p/admin;p", ["/;;p/admin;p", "/;/admin", "/admin"]],
    ["/admin%3Fx/y", ["/admin?x/y", "/admin"]],
    ["/admin%23x", ["/admin#x", "/admin"]],
    ["/public/..%3F/x", ["/public/..?/x", "/"]],
    ["/b/.%3B/admin%23", ["/b/.;/admin#", "/b/admin#", "/b/.;/admin", "/b/.;/admin/", "/b/admin"]],
    ["/admin/.%23", ["/admin/.#", "/admin/", "/admin"]],
    ["/admin/..%3Bx/..%3F/a", ["/admin/..;x/..?/a", "/..?/a", "/admin", "/admin/", "/"]],
    ["/admin;p/a%3Fb;c", ["/admin;p/a?b;c", "/admin/a?b", "/admin;p/a", "/admin/a"]],
    ["/caf%C3%A9;x", ["/caf\u00c3\u00a9;x", "/caf\u00c3\u00a9"]],
  ])("%s", (path, readings) => {
    expect(readingsOf(path)).toEqual(readings)
  })

  it("are there for every canonical path, and the second holds no parameters, no empty segment and no dots", () => {
    const piece = fc.constantFrom("a", "/", ";", "x", "..", ".", "%3B", "%2e", "%40", "%25", "%C3", "=", "*", "admin")
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const path = canonicalPath(`/${pieces.join("")}`)
        if (typeof path !== "string") return
        const [plain = "", ...others] = readingsOf(path)
        const bare = others.at(-1)
        expect(bare !== undefined).toBe(plain.includes(";"))
        if (bare === undefined) return
        expect(bare).not.toContain(";")
        expect(bare.slice(1).split("/").slice(0, -1)).not.toContain("")
        expect(bare.split("/").some((segment) => segment === "." || segment === "..")).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })
})
