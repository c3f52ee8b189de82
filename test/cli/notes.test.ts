import { describe, expect, it } from "vitest"
import { noteLines } from "#cli/changes.ts"
import { columnsOf, documentOf, kindOf, specOf } from "#cli/kinds.ts"
import type { Note, Resource } from "#shared/model/document.ts"

const note: Note = {
  kind: "HTTPRoute",
  namespace: "team",
  name: "web",
  path: "spec.rules[0]",
  outcome: "invalid",
  condition: "ResolvedRefs",
  reason: "BackendNotFound",
  message: "No Service",
}
const route: Resource = {
  kind: "HTTPRoute",
  namespace: "team",
  name: "web",
  since: 3,
  spec: {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "web", namespace: "team" },
    spec: { parentRefs: [{ name: "public" }], hostnames: ["a.test", "b.test"], rules: [{}, {}] },
  },
}

describe("a note", () => {
  it.each([
    [
      "says what, where and why",
      note,
      "invalid  HTTPRoute team/web spec.rules[0]  ResolvedRefs BackendNotFound: No Service\n",
    ],
    [
      "of a whole object has no path, and says a word once",
      { ...note, path: "", outcome: "applied", condition: "Accepted", reason: "Accepted" } as const,
      "applied  HTTPRoute team/web  Accepted: No Service\n",
    ],
    [
      "cannot move the cursor",
      { ...note, message: "a\u001b[2Jb\nc" },
      "invalid  HTTPRoute team/web spec.rules[0]  ResolvedRefs BackendNotFound: a\\u001b[2Jb c\n",
    ],
  ])("%s", (_, one, line) => {
    expect(noteLines([one], (_, text) => text)).toBe(line)
  })

  it("is painted by what became of the object", () => {
    expect(noteLines([note], (style, text) => `<${style}>${text}`)).toMatch(/^<red>invalid /)
  })
})

describe("a Kubernetes object", () => {
  it.each([
    ["httproutes", "HTTPRoute"],
    ["HTTPRoute", "HTTPRoute"],
    ["grpcroute", "GRPCRoute"],
    ["coreservices", "CoreService"],
    ["gateways", "Gateway"],
  ])("of the kind %s is a %s", (typed, kind) => {
    expect(kindOf(typed)).toBe(kind)
  })

  it("is shown as the document that it is", () => {
    expect(documentOf(route)).toBe(route.spec)
    const gateway = { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "g" }, spec: {} }
    expect(documentOf({ ...route, kind: "Gateway", spec: gateway })).toBe(gateway)
  })

  it("is listed with what distinguishes its kind", () => {
    const cells = columnsOf("HTTPRoute").map(([name, cell]) => `${name} ${cell(specOf(route))}`)
    expect(cells).toEqual(["PARENTS public", "HOSTS a.test, b.test", "RULES 2"])
    const gateway = { ...route, spec: { apiVersion: "x", spec: { listeners: [{ name: "http" }, { name: "https" }] } } }
    expect(columnsOf("Gateway").map(([, cell]) => cell(specOf(gateway)))).toEqual(["http, https"])
  })
})
