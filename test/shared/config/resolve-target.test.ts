import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import type { TargetDocument } from "#shared/model/target-document.ts"

const WORLD = {
  source: "world",
  content: { services: { orders: {} }, gateways: { web: { listeners: [{ name: "any" }] } } },
}
const TEAM = {
  source: "team",
  content: { namespace: "team-a", services: { orders: {} }, gateways: { web: { listeners: [{ name: "any" }] } } },
}

function targetOf(namespace: string, target: TargetDocument) {
  const document = { source: "-", content: { namespace, authentication: { users: { ...target, keys: {} } } } }
  const compiled = compile([], { documents: [WORLD, TEAM, document], prune: false, revision: 1 })
  if ("problems" in compiled) return compiled.problems.map(({ path, rule }) => `${path} ${rule}`)
  expect(compiled.snapshot.format).toBe(2)
  return compiled.snapshot.authentications?.[0]?.target
}

describe("a target", () => {
  it.each<[string, string, TargetDocument, unknown]>([
    ["is the services of its namespace", "team-a", {}, { of: "namespace", namespace: "team-a" }],
    ["is the mesh", "default", { mesh: true }, { of: "mesh" }],
    [
      "is what is named, sorted",
      "default",
      { services: ["default/orders"], gateways: ["web", "default"] },
      { of: "places", services: ["default/orders"], gateways: ["default/default", "default/web"] },
    ],
    ["is the mesh for its own namespace only", "team-a", { mesh: true }, ["authentication.users.mesh not-mesh-wide"]],
    [
      "is not the mesh and a part of it",
      "default",
      { mesh: true, services: ["orders"] },
      ["authentication.users conflicting-keys"],
    ],
    [
      "names what there is",
      "default",
      { services: ["ordesr"], gateways: ["wbe"] },
      ["authentication.users.services[0] unknown-service", "authentication.users.gateways[0] unknown-gateway"],
    ],
    [
      "names nothing twice",
      "default",
      { services: ["orders", "default/orders"] },
      ["authentication.users.services[1] duplicate-target"],
    ],
    [
      "is nobody else's service",
      "team-a",
      { services: ["default/orders"] },
      ["authentication.users.services[0] reference-not-granted"],
    ],
    [
      "is nobody else's gateway",
      "team-a",
      { gateways: ["default/web"] },
      ["authentication.users.gateways[0] reference-not-granted"],
    ],
    [
      "is not the built-in gateway of everybody",
      "team-a",
      { gateways: ["default/default"] },
      ["authentication.users.gateways[0] reference-not-granted"],
    ],
    ["is something", "default", { services: [] }, ["authentication.users.services too-few"]],
  ])("%s", (_sentence, namespace, target, expected) => {
    expect(targetOf(namespace, target)).toEqual(expected)
  })
})

describe("a mesh without security resources", () => {
  it("is of format 1, which older proxies serve", () => {
    const compiled = compile([], { documents: [WORLD], prune: false, revision: 1 })
    expect("snapshot" in compiled && compiled.snapshot.format).toBe(1)
    expect("snapshot" in compiled && "authentications" in compiled.snapshot).toBe(false)
  })
})
