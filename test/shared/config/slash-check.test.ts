import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import type { AccessPolicyDocument } from "#shared/model/access-document.ts"
import type { MeshDocument } from "#shared/model/document.ts"

const byPath: AccessPolicyDocument = { action: "deny", rules: [{ to: [{ paths: [{ prefix: "/admin" }] }] }] }

function problemsWith(policy: AccessPolicyDocument): string[] {
  const content: MeshDocument = {
    services: {
      files: { breaker: { fallback: { service: "spare" } } },
      spare: {},
      copy: {},
      other: {},
    },
    gateways: { public: { listeners: [{ name: "any" }] }, private: { listeners: [{ name: "any" }] } },
    routes: {
      files: {
        hosts: ["files.test"],
        gateways: ["public"],
        rules: [
          {
            encodedSlashes: "keep",
            filters: [{ mirror: { service: "copy" } }],
            backends: [{ service: "files" }],
          },
          { match: { path: "/other" }, backends: [{ service: "other" }] },
        ],
      },
    },
    policies: { it: policy },
  }
  const outcome = compile([], { documents: [{ source: "mesh.yaml", content }], prune: false, revision: 1 })
  return "problems" in outcome ? outcome.problems.map(({ rule, path }) => `${rule} ${path}`) : []
}

describe("a rule that keeps escaped slashes is refused under a policy that goes by paths", () => {
  it.each<[string, AccessPolicyDocument]>([
    ["of its gateway", { ...byPath, gateways: ["public"] }],
    ["of its service", { ...byPath, services: ["files"] }],
    ["of the service that stands in", { ...byPath, services: ["spare"] }],
    ["of the service that gets copies", { ...byPath, services: ["copy"] }],
    ["of its namespace", byPath],
    ["of the mesh", { ...byPath, mesh: true }],
    ["that allows", { ...byPath, action: "allow", mesh: true }],
    ["that is tried", { ...byPath, dryRun: true }],
    ["by exclusion", { action: "deny", rules: [{ to: [{ notPaths: ["/public/*"] }] }] }],
    ["by condition", { action: "deny", rules: [{ when: [{ key: "request.path", values: ["/admin"] }] }] }],
    ["that asks", { action: "custom", authorizer: { service: "other" }, rules: [{}] }],
  ])("%s", (_, policy) => {
    expect(problemsWith(policy)).toEqual(["slashes-with-path-policy routes.files"])
  })

  it.each<[string, AccessPolicyDocument]>([
    ["of another gateway", { ...byPath, gateways: ["private"] }],
    ["of another service", { ...byPath, services: ["other"] }],
    ["that goes by something else", { action: "deny", rules: [{ to: [{ methods: ["DELETE"] }] }] }],
    ["that decides nothing", { ...byPath, action: "audit" }],
    ["for all", { default: "deny" }],
  ])("but not under one %s", (_, policy) => {
    expect(problemsWith(policy)).toEqual([])
  })
})
