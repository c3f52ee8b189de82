import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { joinMatches } from "#shared/config/delegate-match.ts"
import { lint } from "#shared/config/lint.ts"
import type { MeshDocument, RuleDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Match } from "#shared/model/route.ts"
import { match } from "#shared/routing/table.ts"
import { aHead, aMatch, aTable, type HeadText, type MatchText, PUBLIC } from "#test/shared/routing/build.ts"
import { aRandomHead, aRandomSnapshot } from "#test/shared/routing/random.ts"
import { cpuMs } from "#test/support/cpu-time.ts"

function compiled(content: MeshDocument) {
  return compile([], { documents: [{ source: "test", content }], prune: true, revision: 1 })
}

const takes = (one: Match, head: HeadText) =>
  match(aTable({ hosts: ["*"], rules: [["x", one]] }), PUBLIC, aHead(head)) !== undefined

describe("a joined match", () => {
  it("takes what both matches take, and nothing else", () => {
    let joinedOften = 0
    let takenOften = 0
    const aRandomMatch = aRandomSnapshot.map(({ routes }) => routes[0]!.rules[0]!.matches[0]!)
    // What delegates has a prefix or no path.
    const outerMatch = aRandomMatch.map((one): Match => {
      const { path, ...rest } = one
      return path === undefined || path.kind === "prefix" ? one : { ...rest, path: { kind: "prefix", value: "/a" } }
    })
    fc.assert(
      fc.property(
        outerMatch,
        aRandomMatch,
        fc.array(aRandomHead, { minLength: 40, maxLength: 40 }),
        (outer, inner, heads) => {
          const joined = joinMatches(outer, inner, "parent")
          if ("rule" in joined) return
          joinedOften += 1
          for (const head of heads) {
            const both = takes(outer, head) && takes(inner, head)
            if (both) takenOften += 1
            if (takes(joined, head) !== both) expect({ outer, inner, joined, head }).toBe("the same")
          }
        },
      ),
      { numRuns: 400 },
    )
    expect(joinedOften).toBeGreaterThan(80)
    expect(takenOften).toBeGreaterThan(120)
  })

  it.each<[string, MatchText, MatchText, string]>([
    ["paths beside each other", { path: "/a" }, { path: "/ab" }, "outside-delegation"],
    ["a wider path", { path: "/a/b" }, { path: "/a" }, "outside-delegation"],
    ["a template that may leave", { path: "/a" }, { path: "/{x}/b" }, "outside-delegation"],
    ["two methods", { method: "GET" }, { method: "POST" }, "delegation-contradiction"],
    ["two callers", { from: ["a"] }, { from: ["b"] }, "delegation-contradiction"],
    ["a call below a path", { path: "/a" }, { rpc: "get" }, "delegation-contradiction"],
    ["two networks", { addresses: ["10.0.0.0/8"] }, { addresses: ["11.0.0.0/8"] }, "delegation-contradiction"],
    ["two times", { beforeMs: 10 }, { afterMs: 10 }, "delegation-contradiction"],
    ["two calls", { rpc: "get" }, { rpc: "put" }, "delegation-contradiction"],
  ])("is refused for %s", (_, outer, inner, rule) => {
    expect(joinMatches(aMatch(outer), aMatch(inner), "parent")).toMatchObject({ rule, hint: expect.any(String) })
  })
})

describe("delegation", () => {
  const services = { a: {} }
  const rule = (more: Partial<RuleDocument> = {}): RuleDocument => ({ backends: [{ service: "a" }], ...more })
  const shop = (rules: RuleDocument[]) => ({ hosts: ["shop.test"], rules })

  it("leaves nothing in the mesh but the rules of the route that owns the host", () => {
    const mesh = compiled({
      services,
      routes: {
        shop: shop([{ delegate: "sub" }]),
        sub: { rules: [rule(), rule({ name: "n", match: { path: "/n" } })] },
      },
    })
    expect("problems" in mesh ? mesh.problems : mesh.snapshot.routes).toMatchObject([
      { id: "default/shop", rules: [{ id: "default/shop/0>default/sub/0" }, { id: "default/shop/0>default/sub/n" }] },
    ])
  })

  it("is found again by what is said of its rules", () => {
    const sub = {
      rules: [rule({ match: { path: "/s" } }), rule({ matches: [{ path: "/x" }, { path: { template: "/s/{y}" } }] })],
    }
    const mesh = compiled({
      services,
      routes: { shop: shop([{ delegate: "sub" }, { delegate: "sub", match: { path: "/", method: "GET" } }]), sub },
    })
    if ("problems" in mesh) throw new Error(JSON.stringify(mesh.problems))
    expect(lint(mesh).map((one) => `${one.rule} ${one.path}`)).toEqual([
      "shadowed-match routes.sub.rules[1].matches[1]",
    ])
  })

  it("is bounded in what it makes of one route, and of a mesh", () => {
    const many = (count: number) => ({
      rules: Array.from({ length: count }, (_, index) => rule({ match: { path: `/p${index}` } })),
    })
    const problemsOf = (mesh: MeshDocument) => {
      const outcome = compiled(mesh)
      return "problems" in outcome ? outcome.problems.map(({ rule, path }) => `${rule} ${path}`) : []
    }
    const twice = (count: number) => ({
      services,
      routes: { shop: shop([{ delegate: "sub" }, { delegate: "sub" }]), sub: many(count) },
    })
    expect(problemsOf(twice(LIMITS.rulesMax / 2))).toEqual([])
    expect(problemsOf(twice(LIMITS.rulesMax / 2 + 1))).toEqual(["too-many routes.shop.rules"])

    const levels = Object.fromEntries(
      ["b", "c", "d"].map((name, index, all) => [
        name,
        { rules: Array.from({ length: 100 }, () => (all[index + 1] ? { delegate: all[index + 1]! } : rule())) },
      ]),
    )
    expect(problemsOf({ services, routes: { shop: shop([{ delegate: "b" }]), ...levels } })[0]).toMatch(/^too-many /)
  })

  it("tells what is wrong in a route that nobody delegates to yet", () => {
    const outcome = compiled({ routes: { sub: { rules: [rule()] } } })
    expect("problems" in outcome ? outcome.problems : []).toMatchObject([{ rule: "unknown-service" }])
  })
})

describe("delegation that multiplies", () => {
  const refusedMs = (routes: NonNullable<MeshDocument["routes"]>) =>
    cpuMs(() => {
      const refused = compiled({ services: { api: { binding: "API" } }, routes })
      expect("problems" in refused && refused.problems[0]?.rule).toBe("too-many")
    })

  it("is refused before it fills the memory: 64 conditions on each of four levels", () => {
    const matches = (level: number) =>
      Array.from({ length: LIMITS.matchesMax }, (_, index) => ({ headers: { [`x-${level}`]: String(index) } }))
    const rule = (level: number): RuleDocument =>
      level === 3
        ? { matches: matches(level), backends: [{ service: "api" }] }
        : { matches: matches(level), delegate: `level-${level + 1}` }
    const routes = Object.fromEntries(
      [0, 1, 2, 3].map((level) => [
        `level-${level}`,
        { ...(level === 0 && { hosts: ["app.test"] }), rules: [rule(level)] },
      ]),
    )
    expect(refusedMs(routes)).toBeLessThan(20_000)
  })

  it("is refused soon: a thousand rules of 64 conditions below others of 64", () => {
    const matches = (name: string) =>
      Array.from({ length: LIMITS.matchesMax }, (_, index) => ({ headers: { [name]: String(index) } }))
    const top = Array.from({ length: 8 }, (): RuleDocument => ({ matches: matches("x-top"), delegate: "low" }))
    const low = Array.from(
      { length: 128 },
      (): RuleDocument => ({ matches: matches("x-low"), backends: [{ service: "api" }] }),
    )
    const routes = { top: { hosts: ["app.test"], rules: top }, low: { rules: low } }
    expect(refusedMs(routes)).toBeLessThan(20_000)
  })
})
