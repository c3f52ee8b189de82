import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { lint } from "#shared/config/lint.ts"
import type { AccessPolicyDocument, PolicyRuleDocument } from "#shared/model/access-document.ts"
import type { MeshDocument } from "#shared/model/document.ts"

function found(policies: Record<string, AccessPolicyDocument>, more: Partial<MeshDocument> = {}): string[] {
  const content: MeshDocument = {
    services: { a: {}, b: {} },
    authentication: { web: { mesh: true, required: false, keys: {} } },
    ...more,
    policies,
  }
  const result = compile([], { documents: [{ source: "test", content }], prune: true, revision: 1 })
  if ("problems" in result) throw new Error(JSON.stringify(result.problems, null, 2))
  return lint(result).map(({ severity, rule, path }) => `${severity} ${rule} ${path}`)
}

const deny = (...rules: PolicyRuleDocument[]): AccessPolicyDocument => ({ services: ["a"], action: "deny", rules })
const allow = (...rules: PolicyRuleDocument[]): AccessPolicyDocument => ({ services: ["a"], rules })
const by = { from: [{ services: ["b"] }] }

describe("lints of access policies", () => {
  it.each<[string, AccessPolicyDocument, string | undefined]>([
    [
      "a path that leaves open what is below it",
      deny({ to: [{ paths: ["/admin"] }] }),
      "warning path-left-open policies.p.rules[0].to[0].paths",
    ],
    [
      "a prefix that leaves open the path itself",
      deny({ to: [{ paths: ["/admin/*"] }] }),
      "warning path-left-open policies.p.rules[0].to[0].paths",
    ],
    ["a path with all below it", deny({ to: [{ paths: ["/admin", "/admin/*"] }] }), undefined],
    ["a prefix", deny({ to: [{ paths: [{ prefix: "/admin" }] }] }), undefined],
    ["what begins with it", deny({ to: [{ paths: ["/admin*"] }] }), undefined],
    ["the root alone", deny({ to: [{ paths: ["/"] }] }), undefined],
    ["a path that is allowed", allow({ ...by, to: [{ paths: ["/admin"] }] }), undefined],
    [
      "a path in a condition",
      deny({ when: [{ key: "request.path", values: ["/x"] }] }),
      "warning path-left-open policies.p.rules[0]",
    ],
    ["everybody, for something", allow({ to: [{ methods: ["GET"] }] }), "info allows-anybody policies.p.rules[0]"],
    ["everybody, for everything", allow({}), "info allows-everything policies.p.rules[0]"],
    ["somebody, for everything", allow(by), undefined],
    ["everything, on a condition", allow({ when: [{ key: "request.headers[x]", values: ["1"] }] }), undefined],
    ["nobody for anything", deny({}), "info denies-everything policies.p.rules[0]"],
    ["no rules to allow", allow(), "info allows-nothing policies.p.rules"],
    ["no rules to deny", deny(), "warning takes-nothing policies.p.rules"],
    ["no rules to audit", { services: ["a"], action: "audit", rules: [] }, "warning takes-nothing policies.p.rules"],
    ["a default that opens nothing", { services: ["a"], default: "allow" }, "info needless-default policies.p"],
    ["a default that closes", { services: ["a"], default: "deny" }, undefined],
    [
      "calls with a path",
      deny({ to: [{ rpc: ["get"], paths: ["/x*"] }] }),
      "warning never-taken policies.p.rules[0].to[0]",
    ],
    ["calls beside paths", deny({ to: [{ rpc: ["get"] }, { paths: ["/x*"] }] }), undefined],
    [
      "calls with a header",
      deny({ to: [{ rpc: ["get"] }], when: [{ key: "request.headers[x]", values: ["1"] }] }),
      "warning never-taken policies.p.rules[0].to[0]",
    ],
    [
      "a caller by a gateway",
      deny({ from: [{ services: ["b"], gateways: ["default"] }] }),
      "warning never-taken policies.p.rules[0].from[0]",
    ],
    ["a caller or a gateway", deny({ from: [{ services: ["b"] }, { gateways: ["default"] }] }), undefined],
    [
      "a caller at a gateway",
      { gateways: ["default"], action: "deny", rules: [by] },
      "warning never-taken policies.p.rules[0].from[0]",
    ],
    [
      "a call at a gateway",
      { gateways: ["default"], action: "deny", rules: [{ to: [{ rpc: ["get"] }] }] },
      "warning never-taken policies.p.rules[0].to[0]",
    ],
    [
      "a call at a service too",
      { gateways: ["default"], services: ["a"], action: "deny", rules: [{ to: [{ rpc: ["get"] }] }] },
      undefined,
    ],
    [
      "values that are excluded",
      deny({ to: [{ methods: ["GET", "POST"], notMethods: ["*"] }] }),
      "warning never-taken policies.p.rules[0].to[0]",
    ],
    ["one of two values excluded", deny({ to: [{ methods: ["GET", "POST"], notMethods: ["GET"] }] }), undefined],
    [
      "a path that is excluded",
      deny({ to: [{ paths: ["/a/b"], notPaths: ["/a/*"] }] }),
      "warning never-taken policies.p.rules[0].to[0]",
    ],
    ["an exception below a path", deny({ to: [{ paths: ["/a*"], notPaths: ["/a/b"] }] }), undefined],
    [
      "a namespace that nobody is in",
      allow({ from: [{ namespaces: ["default", "team-z"] }] }),
      "warning names-nobody policies.p.rules[0]",
    ],
    [
      "services of a namespace that nobody is in",
      allow({ from: [{ services: ["team-z/*"] }] }),
      "warning names-nobody policies.p.rules[0]",
    ],
    ["services of a namespace", allow({ from: [{ services: ["default/*"], namespaces: ["def*"] }] }), undefined],
  ])("%s: %j", (_what, policy, finding) => {
    const all = found({ p: policy })
    expect(all.includes(finding ?? "")).toBe(finding !== undefined)
    if (finding === undefined) expect(all).toEqual([])
  })

  it("say that a default opens what another one closed only then", () => {
    const open: AccessPolicyDocument = { services: ["a"], default: "allow" }
    expect(found({ open, closed: { mesh: true, default: "deny" } })).toEqual([])
  })

  it.each<[string, PolicyRuleDocument]>([
    ["end users", { from: [{ principals: ["*"] }] }],
    ["claims", { when: [{ key: "request.auth.claims[groups]", values: ["a"] }] }],
    ["API keys", { from: [{ keyOwners: ["x"] }] }],
  ])("say of %s that nobody is authenticated", (_what, rule) => {
    expect(found({ p: deny(rule) })).toEqual([])
    expect(found({ p: deny(rule) }, { authentication: {} })).toEqual([
      "warning nobody-authenticated policies.p.rules[0]",
    ])
  })

  it("say of paths that only calls are routed there", () => {
    const rules = (match: object) => ({
      routes: { a: { service: "a", rules: [{ match, backends: [{ service: "a" }] }] } },
    })
    const policy = { p: deny({ to: [{ methods: ["GET"] }] }) }
    expect(found(policy, rules({ rpc: "get*" }))).toEqual(["warning http-for-calls policies.p.rules[0].to[0]"])
    expect(found(policy, rules({ path: "/x" }))).toEqual([])
    expect(found(policy)).toEqual([])
  })

  it("say of a namespace without services that nothing is covered", () => {
    expect(
      found({ p: { default: "deny" } }, { services: undefined as never, namespace: "empty", authentication: {} }),
    ).toEqual(["warning covers-nothing policies.p"])
    expect(found({ p: { default: "deny" } })).toEqual([])
  })
})
