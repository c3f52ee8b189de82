import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { covers, literalStart } from "#shared/config/lint/cover.ts"
import { lintReach, placesOf } from "#shared/config/lint/reach.ts"
import { simplerPath, simplerValue } from "#shared/config/lint/simpler.ts"
import { Sites } from "#shared/config/lint/site.ts"
import type { Resource } from "#shared/model/document.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { admitRegex } from "#shared/routing/regex.ts"
import { compile, IMPLICIT, match } from "#shared/routing/table.ts"
import { aHead, aMatch, type MatchText } from "#test/shared/routing/build.ts"
import { aRandomHead, aRandomSnapshot, ENTRIES } from "#test/shared/routing/random.ts"

/** As if each route had been written with all its matches in lists. */
function resourcesOf({ routes }: Snapshot): Resource[] {
  return routes.map(({ id, rules, since }) => {
    const spec = { rules: rules.map(({ matches }) => ({ matches })) }
    return { kind: "Route", namespace: "default", name: id.slice("default/".length), spec, since }
  })
}

/** `default/r0/1` for a whole rule, `default/r0/1#2` for one of its matches. */
function unreachable(snapshot: Snapshot): Set<string> {
  const sites = new Sites(resourcesOf(snapshot))
  lintReach(placesOf(snapshot), sites)
  return new Set(
    sites.findings.map(({ path }) => {
      const [, name, rule, one] = /^routes\.(\w+)\.rules\[(\d+)\](?:\.matches\[(\d+)\])?$/.exec(path)!
      return one === undefined ? `default/${name}/${rule}` : `default/${name}/${rule}#${one}`
    }),
  )
}

describe("a rule that is said to be unreachable", () => {
  it("never takes a request, whatever comes", () => {
    let said = 0
    let taken = 0
    fc.assert(
      fc.property(aRandomSnapshot, fc.array(aRandomHead, { minLength: 60, maxLength: 60 }), (snapshot, heads) => {
        // Routes that share a place agree on their order; the compiler sees to it.
        const agreed = {
          ...snapshot,
          routes: snapshot.routes.map((route) => ({ ...route, order: snapshot.routes[0]!.order })),
        }
        const wrong = unreachable(agreed)
        said += wrong.size
        const table = compile(agreed)
        for (const text of heads) {
          for (const entry of ENTRIES) {
            const found = match(table, entry, aHead(text))
            if (found === undefined || found === IMPLICIT) continue
            taken += 1
            const one = `${found.rule.id}#${found.rule.matches.indexOf(found.match)}`
            if (wrong.has(found.rule.id) || wrong.has(one)) expect({ text, entry, one }).toBe("never taken")
          }
        }
      }),
      { numRuns: 300 },
    )
    expect(said).toBeGreaterThan(100)
    expect(taken).toBeGreaterThan(10_000)
  })
})

describe("whether one match takes all that another takes", () => {
  it.each<[string, MatchText, MatchText, boolean]>([
    ["everything, of anything", {}, { path: "/a", method: "GET", headers: ["h"] }, true],
    ["a path, of everything", { path: "/a" }, {}, false],
    ["a prefix, of itself with a slash", { path: "/a" }, { path: "=/a/" }, true],
    ["a prefix, of a longer word", { path: "/a" }, { path: "/ab" }, false],
    ["a template, of a path", { path: "/u/{x}" }, { path: "=/u/7" }, true],
    ["a template, of a template with a literal", { path: "/u/{x}/c" }, { path: "/u/me/c" } as MatchText, false],
    ["a template, of one that is longer", { path: "/u/{x}" }, { path: "/u/{x}/{y}" }, false],
    ["the rest, of one that is longer", { path: "/u/**" }, { path: "/u/{x}/{y}" }, true],
    ["a template, of a prefix", { path: "/u/**" }, { path: "/u" }, false],
    ["an expression, of a path", { path: "~/u/[0-9]+" }, { path: "=/u/7" }, true],
    ["an expression, of a path beside it", { path: "~/u/[0-9]+" }, { path: "=/u/x" }, false],
    ["a method, of another", { method: "GET" }, { method: "POST" }, false],
    ["callers, of one of them", { from: ["a", "b"] }, { from: ["a"] }, true],
    ["callers, of anybody", { from: ["a"] }, {}, false],
    ["presence, of a value", { headers: ["h"] }, { headers: ["h=1"] }, true],
    ["presence, of absence", { headers: ["h"] }, { headers: ["!h"] }, false],
    ["not a value, of another value", { headers: ["h!=1"] }, { headers: ["h=2"] }, false],
    ["a value, of another header's", { headers: ["h=1"] }, { headers: ["g=1"] }, false],
    ["HTTP only, of a call", { method: "GET" }, { rpc: "get" }, false],
    ["everything, of a call", { headers: ["h"] }, { rpc: "get", headers: ["h=1"] }, true],
    ["a call, of everything", { rpc: "get" }, {}, false],
  ])("%s", (_, wide, narrow, expected) => {
    expect(covers(aMatch(wide), aMatch(narrow))).toBe(expected)
  })
})

describe("what an expression begins with", () => {
  it.each([
    ["/users/[0-9]+", "/users/"],
    ["^/users/x$", "/users/x"],
    ["/users?/x", "/user"],
    ["/a|/b", ""],
    ["(?i)/a", ""],
    ["/a.b", "/a"],
    ["/ab{2}", "/a"],
  ])("%s: %s", (pattern, start) => {
    expect(literalStart(pattern)).toBe(start)
  })
})

describe("a simpler condition", () => {
  it.each([
    ["/a/b", "{ exact: /a/b }"],
    ["^/a\\.json$", "{ exact: /a.json }"],
    ["/a(/.*)?", "{ prefix: /a }"],
    ["/a/.*", '{ template: "/a/**" }'],
    ["/u/([^/]+)/o/[^/]+", '{ template: "/u/{part2}/o/{part4}" }'],
    ["/u/(?P<id>[^/]+)", '{ template: "/u/{id}" }'],
    [".*", "no path at all"],
    ["/a.*", undefined],
    ["/u/[0-9]+", undefined],
    ["/a|/b", undefined],
    ["/u/[^/]*", undefined],
    ["(?i)/a", undefined],
  ])("of the path %s is %s", (pattern, simpler) => {
    expect(simplerPath(pattern)).toBe(simpler)
  })

  it.each([
    ["beta", '{ exact: "beta" }'],
    ["^beta.*$", '{ prefix: "beta" }'],
    [".*beta", '{ suffix: "beta" }'],
    [".*be\\.ta.*", '{ contains: "be.ta" }'],
    [".*", "{ present: true }"],
    [".+", undefined],
    ["a|b", undefined],
    ["beta.+", undefined],
    ["[ab]", undefined],
  ])("of the value %s is %s", (pattern, simpler) => {
    expect(simplerValue(pattern)).toBe(simpler)
  })

  it("takes the same values", () => {
    const texts = ["", "a", "ab", "abc", "bab", "b"]
    const said = ["a", "a.*", ".*a", ".*a.*", "ab"].map((pattern) => {
      const admitted = admitRegex(pattern)
      const [, kind, value = ""] = /^\{ (\w+): "(.*)" \}$/.exec(simplerValue(pattern) ?? "") ?? []
      const same = texts.filter((text) => {
        const simpler = { exact: text === value, prefix: text.startsWith(value), suffix: text.endsWith(value) }
        const holds = kind === "contains" ? text.includes(value) : simpler[kind as keyof typeof simpler]
        return "regex" in admitted && admitted.regex.matches(text) === holds
      })
      return same.length
    })
    expect(said).toEqual(Array(5).fill(texts.length))
  })
})
