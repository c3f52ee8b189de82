import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import type { RateLimitDocument } from "#shared/model/document.ts"
import type { MatchDocument } from "#shared/model/match-document.ts"
import { decode } from "#shared/model/snapshot-codec.ts"

const PLAIN: RateLimitDocument = { requests: 100, per: "1m" }

function outcomeOf(rateLimits: readonly unknown[], match: MatchDocument = { path: { template: "/users/{id}" } }) {
  const rule = { name: "r", match, backends: [{ service: "api" }], rateLimits }
  const content = { services: { api: {}, batch: {} }, routes: { api: { hosts: ["a.test"], rules: [rule] } } }
  return compile([], { documents: [{ source: "mesh.yaml", content }], prune: false, revision: 1 })
}

function limitsOf(...rateLimits: RateLimitDocument[]) {
  const outcome = outcomeOf(rateLimits)
  if ("problems" in outcome) throw new Error(JSON.stringify(outcome.problems))
  const decoded = decode(outcome.text)
  if ("reason" in decoded) throw new Error(decoded.reason)
  return decoded.snapshot.routes[0]!.rules[0]!.rateLimits!
}

describe("rate limits in documents", () => {
  it("have defaults: a burst of one period, one bucket for all, shared by the mesh", () => {
    expect(limitsOf(PLAIN)).toEqual([
      {
        ...{ id: "default/api/r/limit-0", name: "limit-0", requests: 100, perMs: 60_000, burst: 100, key: [] },
        ...{ scope: "mesh", cost: { kind: "fixed", tokens: 1 }, shadow: false, whenUnavailable: "allow" },
        headers: false,
      },
    ])
  })

  it("say everything else in their own words", () => {
    const [limit] = limitsOf({
      ...{ name: "per-user", requests: 5, per: "24h", burst: 20, scope: "exact", shadow: true, headers: true },
      key: ["caller", "header:X-API-Key", "cookie:User", "capture:id", "ip", "method", "rpc"].slice(0, 4),
      cost: { header: "X-Cost", from: "batch", otherwise: 3 },
      whenUnavailable: "deny",
    })
    expect(limit).toMatchObject({
      ...{ id: "default/api/r/per-user", perMs: 86_400_000, burst: 20, scope: "exact", whenUnavailable: "deny" },
      key: [
        { by: "caller" },
        { by: "header", name: "x-api-key" },
        { by: "cookie", name: "User" },
        { by: "capture", name: "id" },
      ],
      cost: { kind: "header", name: "x-cost", from: ["default/batch"], otherwise: 3 },
    })
  })

  it("count by who is asking", () => {
    const [limit] = limitsOf({ ...PLAIN, key: ["key", "claim:sub", "claim:[https://a.test/tier].x"] })
    expect(limit?.key).toEqual([
      { by: "key" },
      { by: "claim", way: ["sub"] },
      { by: "claim", way: ["https://a.test/tier", "x"] },
    ])
  })

  it.each<[string, unknown, string, string, string?]>([
    ["a period under a second", { ...PLAIN, per: "500ms" }, "bad-duration", "per"],
    ["a period over a month", { ...PLAIN, per: "1000h" }, "bad-duration", "per"],
    ["no requests at all", { ...PLAIN, requests: 0 }, "out-of-range", "requests"],
    ["a key of nothing", { ...PLAIN, key: ["headers:x"] }, "bad-limit-key", "key[0]", "parts: "],
    ["a key without its name", { ...PLAIN, key: ["header:"] }, "bad-limit-key", "key[0]"],
    ["a key that has no name", { ...PLAIN, key: ["ip:x"] }, "bad-limit-key", "key[0]"],
    ["a claim without its name", { ...PLAIN, key: ["claim:"] }, "bad-limit-key", "key[0]"],
    ["a claim that is no way", { ...PLAIN, key: ["claim:a..b"] }, "bad-claim", "key[0]"],
    ["a header that is none", { ...PLAIN, key: ["header:a b"] }, "bad-header-name", "key[0]"],
    ["what is not captured", { ...PLAIN, key: ["capture:ident"] }, "unknown-capture", "key[0]", "captures: id"],
    ["a cost over the burst", { ...PLAIN, burst: 2, cost: 3 }, "cost-over-burst", "cost", "raise"],
    ["a cost that anybody may write", { ...PLAIN, cost: { header: "x" } }, "wrong-type", "cost.from"],
    ["a cost by nobody", { ...PLAIN, cost: { header: "x", from: "nobody" } }, "unknown-service", "cost.from"],
    ["an exact limit that is fast", { requests: 101, per: "1s", scope: "exact" }, "exact-too-fast", "scope", "mesh"],
    ["a word on what an isolate never asks", { ...PLAIN, scope: "isolate", whenUnavailable: "deny" }, "no-effect", ""],
  ])("may not have %s", (_what, limit, rule, place, hint = "") => {
    const outcome = outcomeOf([limit])
    if (!("problems" in outcome)) throw new Error("it was taken")
    const at = `routes.api.rules[0].rateLimits[0]${place === "" ? "" : `.${place}`}`
    expect(outcome.problems).toMatchObject([{ rule, path: at }])
    expect(outcome.problems[0]!.hint ?? "").toContain(hint)
  })

  it("say which template to write when there is none", () => {
    const outcome = outcomeOf([{ ...PLAIN, key: ["capture:id"] }], { path: "/users" })
    expect("problems" in outcome && outcome.problems[0]?.hint).toContain('"/users/{id}"')
  })

  it("have names of their own within a rule", () => {
    const outcome = outcomeOf([
      { ...PLAIN, name: "a" },
      { ...PLAIN, name: "a" },
    ])
    expect("problems" in outcome && outcome.problems).toMatchObject([{ rule: "duplicate-name" }])
  })
})
