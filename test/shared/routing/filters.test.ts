import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { rewriteAddress } from "#shared/exchange/address.ts"
import type { PathChange, QueryChange } from "#shared/model/rewrite.ts"
import type { HeaderChange, Redirect } from "#shared/model/route.ts"
import {
  applyHeaderChange,
  directAnswer,
  faultWanted,
  literalPrefix,
  mirrorWanted,
  type RedirectFrom,
  redirectAnswer,
  redirectLocation,
  rewriteOf,
  rewritePath,
} from "#shared/routing/filters.ts"
import { changeQuery } from "#shared/routing/query.ts"
import { IMPLICIT, type Matched, match } from "#shared/routing/table.ts"
import { aHead, aTable, backend, type MatchText, PUBLIC } from "./build.ts"

/** What a request to the path matched, by a table of this one match. */
function matchedBy(only: MatchText, path: string): Matched {
  const found = match(aTable({ rules: [["a", only]] }), PUBLIC, aHead({ path }))
  if (found === undefined || found === IMPLICIT) throw new Error(`${JSON.stringify(only)} does not take ${path}`)
  return found
}

const rewrite = (path: string, only: MatchText, change: PathChange) => rewritePath(path, change, matchedBy(only, path))

describe("header changes", () => {
  const change = (part: Partial<HeaderChange>): HeaderChange => ({ set: [], add: [], remove: [], ...part })

  it("overwrite, append and remove, whatever the case of the name", () => {
    const headers = new Headers({ "X-Set": "old", "x-add": "one", "X-REMOVE": "gone", other: "stays" })
    applyHeaderChange(headers, {
      set: [
        { name: "x-set", value: "new" },
        { name: "x-set-absent", value: "new" },
      ],
      add: [
        { name: "x-add", value: "two" },
        { name: "x-add-absent", value: "first" },
      ],
      remove: ["x-remove", "x-never-there"],
    })
    expect([...headers]).toEqual([
      ["other", "stays"],
      ["x-add", "one, two"],
      ["x-add-absent", "first"],
      ["x-set", "new"],
      ["x-set-absent", "new"],
    ])
  })

  it("keep cookies apart", () => {
    const headers = new Headers({ "set-cookie": "a=1" })
    applyHeaderChange(headers, change({ add: [{ name: "set-cookie", value: "b=2" }] }))
    expect(headers.getSetCookie()).toEqual(["a=1", "b=2"])
  })

  it("remove before they set and add", () => {
    const headers = new Headers({ x: "1" })
    applyHeaderChange(headers, change({ remove: ["x"], add: [{ name: "x", value: "2" }] }))
    expect(headers.get("x")).toBe("2")
  })

  it("gives headers that are absent a value, and leaves the empty ones", () => {
    const headers = new Headers({ x: "1", y: "", z: "3" })
    const defaults = ["x", "y", "z", "w"].map((name) => ({ name, value: "9" }))
    applyHeaderChange(headers, { ...change({ remove: ["z"] }), default: defaults })
    expect(Object.fromEntries(headers)).toEqual({ x: "1", y: "", z: "9", w: "9" })
  })
})

describe("rewriting the path", () => {
  it("replaces a prefix by whole segments, however slashes stand", () => {
    const table: readonly (readonly [path: string, prefix: string, to: string, result: string])[] = [
      ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
      ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
      ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
      ["/foo/bar", "/foo/", "/xyz/", "/xyz/bar"],
      ["/foo", "/foo", "/xyz", "/xyz"],
      ["/foo/", "/foo", "/xyz", "/xyz/"],
      ["/foo/bar", "/foo", "", "/bar"],
      ["/foo/", "/foo", "", "/"],
      ["/foo", "/foo", "", "/"],
      ["/foo/", "/foo", "/", "/"],
      ["/foo", "/foo", "/", "/"],
      ["/foo/bar", "/", "/qux", "/qux/foo/bar"],
      ["/strip-prefix/three", "/strip-prefix", "/", "/three"],
    ]
    for (const [path, prefix, to, result] of table) {
      const row = [path, prefix, to]
      expect([...row, rewrite(path, { path: prefix }, { kind: "prefix", value: to })]).toEqual([...row, result])
    }
    expect(rewrite("/foo/bar", {}, { kind: "prefix", value: "/qux" })).toBe("/qux/foo/bar")
  })

  it("replaces the whole path, also for a prefix change on a match that is no prefix", () => {
    expect(rewrite("/full/one/two", { path: "/full/one" }, { kind: "full", value: "/one" })).toBe("/one")
    expect(rewrite("/foo/bar", { path: "=/foo/bar" }, { kind: "prefix", value: "/qux" })).toBe("/qux")
    expect(rewrite("/foo/bar", { path: "~/foo/.*" }, { kind: "prefix", value: "/qux" })).toBe("/qux")
  })

  it("fills the captures of the template that matched, as they are encoded", () => {
    const change: PathChange = { kind: "template", value: "/v2/{rest}/of/{id}" }
    expect(rewrite("/users/a%20b/x/y", { path: "/users/{id}/{rest=**}" }, change)).toBe("/v2/x/y/of/a%20b")
    expect(rewrite("/users", { path: "/users" }, change)).toBe("/v2//of/")
  })

  it("replaces every place that an expression takes, and leaves the others", () => {
    const table: readonly (readonly [path: string, pattern: string, to: string, result: string])[] = [
      ["/v1/a/b", "^/v1", "/v2", "/v2/a/b"],
      ["/x/v1/a", "^/v1", "/v2", "/x/v1/a"],
      ["/a/one/b/one/c", "one", "two", "/a/two/b/two/c"],
      ["/foo/bar/x", "^/foo/(?<id>[^/]+)", "/people/{id}", "/people/bar/x"],
      ["/aaa/bbb", "^/([^/]+)/([^/]+)$", "/{2}/{1}/{0}", "/bbb/aaa/aaa/bbb"],
      ["/a", "^/a(/b)?$", "/x{1}", "/x"],
      ["/a/b/c", "^(?:/[^/]+){2}", "", "/c"],
      ["/a/b", "^(?:/[^/]+){2}", "", "/"],
      ["/a/b", "^/a/", "", "/b"],
      ["/a", "^", "/x", "/x/a"],
      ["/AbC", "(?i)^/abc$", "/x", "/x"],
      ["/1/1/1/1/1/1/1/1/1/1", "1", "2", "/2/2/2/2/2/2/2/2/1/1"],
      ["/a", "(", "/x", "/a"],
    ]
    for (const [path, pattern, value, result] of table) {
      expect([path, pattern, value, rewrite(path, {}, { kind: "regex", pattern, value })]).toEqual([
        path,
        pattern,
        value,
        result,
      ])
    }
  })

  it("lets no expression put a dot segment together", () => {
    const from = { scheme: "https", host: "a.test", port: 443, rawQuery: "" } as const
    const moved = (path: string, pattern: string, value: string) => {
      const change: PathChange = { kind: "regex", pattern, value }
      return rewriteAddress({ ...from, path }, [{ rewrite: { path: change } }], matchedBy({}, path))
    }
    expect(moved("/files../secret", "^/files(.*)$", "/static/{1}")).toMatchObject({ refusal: "bad_request" })
    expect(moved("/files./secret", "^/files(.*)$", "/static/.{1}")).toMatchObject({ refusal: "bad_request" })
    expect(moved("/a%25/2E2E", "%25/", "%")).toMatchObject({ refusal: "bad_request" })
    expect(moved("/files/a", "^/files(.*)$", "/static/{1}")).toMatchObject({ path: "/static/a" })
    expect(moved("/other/..a", "^/files(.*)$", "/static/{1}")).toMatchObject({ path: "/other/..a" })
  })

  it("always begins with / and stays under its literal prefix", () => {
    const segment = fc.stringMatching(/^[a-z0-9.%~]{1,4}$/)
    const aPath = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join("/")}`)
    const slash = fc.constantFrom("", "/")
    const aChange = fc.oneof(
      fc.record({
        kind: fc.constant("prefix" as const),
        value: fc.oneof(
          fc.tuple(aPath, slash).map((parts) => parts.join("")),
          slash,
        ),
      }),
      fc.record({ kind: fc.constant("full" as const), value: aPath }),
      aPath.map((path) => ({ kind: "template" as const, value: `${path}/{rest}` })),
    )
    fc.assert(
      fc.property(aPath, fc.array(segment), slash, aChange, (prefix, rest, end, change) => {
        const path = [prefix, ...rest].join("/") + end
        const only =
          change.kind === "template"
            ? { path: { kind: "template" as const, value: "/{rest=**}" } }
            : { path: { kind: "prefix" as const, value: prefix } }
        const result = rewrite(path, only, change)
        const under = literalPrefix(change).replace(/\/$/, "")
        expect(result.startsWith("/")).toBe(true)
        expect(result === under || result.startsWith(`${under}/`)).toBe(true)
      }),
    )
  })

  it("knows the literal prefix of every change", () => {
    expect(literalPrefix({ kind: "prefix", value: "/xyz/" })).toBe("/xyz")
    expect(literalPrefix({ kind: "prefix", value: "/" })).toBe("/")
    expect(literalPrefix({ kind: "full", value: "/one" })).toBe("/one")
    expect(literalPrefix({ kind: "template", value: "/v2/users/{id}/x" })).toBe("/v2/users")
    expect(literalPrefix({ kind: "template", value: "/{id}" })).toBe("/")
    expect(literalPrefix({ kind: "template", value: "/v2" })).toBe("/v2")
  })

  it("changes host and path only where asked", () => {
    const from = { host: "a.test", path: "/foo/x", rawQuery: "a=b" }
    const matched = matchedBy({ path: "/foo" }, "/foo/x")
    expect(rewriteOf({}, from, matched)).toEqual(from)
    expect(rewriteOf({ host: "b.test" }, from, matched)).toEqual({ ...from, host: "b.test" })
    expect(rewriteOf({ path: { kind: "prefix", value: "/" } }, from, matched)).toEqual({ ...from, path: "/x" })
    const query = { set: [{ name: "c", value: "d" }], add: [], remove: ["a"] }
    expect(rewriteOf({ query }, from, matched)).toEqual({ ...from, rawQuery: "c=d" })
  })
})

describe("changing the query", () => {
  it("leaves what it is not about as it is written", () => {
    const table: readonly (readonly [string, Partial<QueryChange>, string])[] = [
      ["", { remove: ["a"] }, ""],
      ["a=1&b=%5B&&c", { remove: ["a"] }, "b=%5B&&c"],
      ["a=1&b=2&a=3", { remove: ["a"] }, "b=2"],
      ["b%5B%5D=1&b=2", { remove: ["b[]"] }, "b=2"],
      ["a+b=1&a%20b=2&A=3", { remove: ["a b"] }, "A=3"],
      ["%zz=1&a", { remove: ["a"] }, "%zz=1"],
      ["", { add: [{ name: "a", value: "x&y=1" }] }, "a=x%26y%3D1"],
      ["a=1", { add: [{ name: "a", value: "" }] }, "a=1&a="],
      ["a=1&b=2&a=3", { set: [{ name: "a", value: "9" }] }, "b=2&a=9"],
      ["a=1", { set: [{ name: "b", value: "2" }], add: [{ name: "c", value: "3" }], remove: ["a"] }, "b=2&c=3"],
    ]
    for (const [query, change, result] of table) {
      expect([query, changeQuery(query, { set: [], add: [], remove: [], ...change })]).toEqual([query, result])
    }
  })
})

describe("a redirect", () => {
  const from: RedirectFrom = { scheme: "http", host: "a.test", port: 80, path: "/foo/bar", rawQuery: "" }
  const to = (redirect: Partial<Redirect>, change: Partial<RedirectFrom> = {}) =>
    redirectLocation({ status: 302, ...redirect }, { ...from, ...change }, matchedBy({ path: "/foo" }, "/foo/bar"))

  it("takes its own port, else its scheme's, else the listener's, and leaves out what the scheme implies", () => {
    const secure = { scheme: "https", port: 443 } as const
    const host = "example.org"
    const table: readonly (readonly [Partial<Redirect>, Partial<RedirectFrom>, string])[] = [
      [{ host }, {}, "http://example.org"],
      [{ host, port: 80 }, {}, "http://example.org"],
      [{ host, port: 8080 }, {}, "http://example.org:8080"],
      [{ host, scheme: "https" }, {}, "https://example.org"],
      [{ host, scheme: "https", port: 443 }, {}, "https://example.org"],
      [{ host, scheme: "https", port: 8443 }, {}, "https://example.org:8443"],
      [{ host }, { port: 8080 }, "http://example.org:8080"],
      [{ host, port: 80 }, { port: 8080 }, "http://example.org"],
      [{ host, scheme: "https" }, { port: 8080 }, "https://example.org"],
      [{ host }, secure, "https://example.org"],
      [{ host, port: 8443 }, secure, "https://example.org:8443"],
      [{ host, scheme: "http" }, secure, "http://example.org"],
      [{ host, scheme: "http", port: 8080 }, secure, "http://example.org:8080"],
      [{ host, scheme: "https", port: 80 }, {}, "https://example.org:80"],
      [{ port: 8083 }, {}, "http://a.test:8083"],
    ]
    for (const [redirect, change, expected] of table) {
      expect([redirect, change, to(redirect, change)]).toEqual([redirect, change, `${expected}/foo/bar`])
    }
  })

  it("keeps the query, unless the new path brings one", () => {
    expect(to({ host: "b.test" }, { rawQuery: "a=b&c" })).toBe("http://b.test/foo/bar?a=b&c")
    expect(to({ path: { kind: "prefix", value: "/qux" } }, { rawQuery: "a=b" })).toBe("http://a.test/qux/bar?a=b")
    expect(to({ path: { kind: "full", value: "/bar?x=1" } }, { rawQuery: "a=b" })).toBe("http://a.test/bar?x=1")
    expect(to({ query: "x=1" }, { rawQuery: "a=b" })).toBe("http://a.test/foo/bar?x=1")
    expect(to({ query: "" }, { rawQuery: "a=b" })).toBe("http://a.test/foo/bar")
  })

  it("is relative when a service was called without any host", () => {
    expect(to({ path: { kind: "full", value: "/x" } }, { host: "", rawQuery: "q" })).toBe("/x?q")
  })

  it("answers with its status, a location and no body", () => {
    expect(redirectAnswer({ status: 307, scheme: "https" }, from, matchedBy({}, "/foo/bar"))).toEqual({
      status: 307,
      headers: [{ name: "location", value: "https://a.test/foo/bar" }],
      body: "",
    })
  })
})

describe("other filters", () => {
  it("answer directly as they are written", () => {
    const respond = { status: 418, headers: [{ name: "x", value: "y" }], body: "teapot" }
    expect(directAnswer(respond)).toEqual(respond)
  })

  it("mirror exactly the share of an even grid of throws", () => {
    for (const percent of [0, 0.5, 20, 100]) {
      let wanted = 0
      for (let index = 0; index < 1000; index++) {
        if (mirrorWanted({ backend: backend("shadow"), percent }, (index + 0.5) / 1000)) wanted++
      }
      expect(wanted).toBe(percent * 10)
    }
  })

  it("inject delay and abort each by its own throw", () => {
    const fault = { delay: { ms: 100, percent: 50 }, abort: { status: 503, percent: 10 } }
    expect(faultWanted(fault, 0.4, 0.05)).toEqual({ delayMs: 100, abortStatus: 503 })
    expect(faultWanted(fault, 0.5, 0.05)).toEqual({ delayMs: undefined, abortStatus: 503 })
    expect(faultWanted(fault, 0.4, 0.1)).toEqual({ delayMs: 100, abortStatus: undefined })
    expect(faultWanted({}, 0, 0)).toEqual({ delayMs: undefined, abortStatus: undefined })
  })
})
