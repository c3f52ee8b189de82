import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { decode, digest, encode } from "#shared/model/snapshot-codec.ts"
import type { LocalOrigins } from "#shared/std/egress.ts"

function compiled(...documents: MeshDocument[]) {
  const sourced = documents.map((content, index) => ({ source: `${index}.yaml`, content }))
  return compile([], { documents: sourced, prune: false, revision: 1 })
}

function mesh(...documents: MeshDocument[]) {
  const outcome = compiled(...documents)
  if ("problems" in outcome) throw new Error(JSON.stringify(outcome.problems))
  return outcome
}

function rulesOf(...documents: MeshDocument[]): string[] {
  const outcome = compiled(...documents)
  return "problems" in outcome ? outcome.problems.map(({ rule }) => rule) : []
}

const web = { web: {} }
const toWeb = { hosts: ["a.test"], rules: [{ backends: [{ service: "web" }] }] }

describe("compile", () => {
  it("lets one service use its derived binding for several versions", () => {
    const endpoints = ["aaaaaaaa", "bbbbbbbb"].map((id) => ({ version: { worker: "web", id } }))
    expect(rulesOf({ services: { web: { endpoints } } })).toEqual([])
  })

  it("lets a mesh reach its own machine only as far as its operator allows", () => {
    const content = {
      services: { one: { url: "http://localhost:9000" }, two: { subsets: { v2: { url: "http://127.0.0.1" } } } },
    }
    const request = { documents: [{ source: "mesh.yaml", content }], prune: false, revision: 1 }
    const pathsWith = (localOrigins?: LocalOrigins) => {
      const outcome = compile([], { ...request, ...(localOrigins && { localOrigins }) })
      return "problems" in outcome ? outcome.problems.map(({ rule, path }) => `${rule} ${path}`) : []
    }
    expect(pathsWith(new Set())).toEqual(["local-address services.one", "local-address services.two"])
    expect(pathsWith(new Set(["http://localhost:9000"]))).toEqual(["local-address services.two"])
    expect(pathsWith("all")).toEqual([])
    expect(pathsWith()).toEqual([])
  })

  it("refuses an attempt that may take as long as the whole request", () => {
    const rule = { backends: [{ service: "web" }], timeout: "1s" }
    const withAttempt = (attemptTimeout: string): MeshDocument => ({
      services: web,
      routes: { r: { hosts: ["a.test"], rules: [{ ...rule, attemptTimeout }] } },
    })
    expect(rulesOf(withAttempt("1s"))).toEqual(["attempt-outlasts-request"])
    expect(rulesOf(withAttempt("999ms"))).toEqual([])
  })

  it("lets a consumer route send a service's own traffic to that service, and nothing public", () => {
    const producer: MeshDocument = { namespace: "a", services: web }
    const rules = [{ backends: [{ service: "a/web" }] }]
    expect(rulesOf(producer, { namespace: "b", routes: { r: { service: "a/web", rules } } })).toEqual([])
    const open = { service: "a/web", hosts: ["b.test"], rules }
    expect(rulesOf(producer, { namespace: "b", routes: { r: open } })).toEqual(["reference-not-granted"])
  })

  it("turns a condition around as often as it is told", () => {
    const headers = { "x-a": { not: { not: "1" } }, "x-b": { not: "2" } }
    const { snapshot } = mesh({
      services: web,
      routes: { r: { ...toWeb, rules: [{ ...toWeb.rules[0]!, match: { headers } }] } },
    })
    expect(snapshot.routes[0]!.rules[0]!.matches[0]!.headers).toEqual([
      { name: "x-a", test: { kind: "exact", value: "1" } },
      { name: "x-b", test: { kind: "exact", value: "2" }, negate: true },
    ])
  })

  it("fills in what was not said about retries, redirects and shares", () => {
    const rules = [{ ...toWeb.rules[0]!, retry: { attempts: 1 } }, { filters: [{ redirect: { host: "b.test" } }] }]
    const [first, second] = mesh({ services: web, routes: { r: { ...toWeb, rules } } }).snapshot.routes[0]!.rules
    expect(first!.retry).toEqual({
      attempts: 1,
      on: ["connect-failure", "gateway-error"],
      backoffMs: 25,
      unsafe: false,
    })
    expect(first!.backends).toEqual([{ service: "default/web", weight: 1, filters: [] }])
    expect(second!.filters).toEqual([{ kind: "redirect", redirect: { host: "b.test", status: 302 } }])
  })

  it("refuses to take away what a route of the head still needs", () => {
    const { resources } = mesh({ services: web, routes: { r: toWeb } })
    const rest = resources.filter(({ kind }) => kind !== "Service")
    expect(compile(rest, { documents: [], prune: false, revision: 2 })).toMatchObject({
      problems: [{ rule: "unknown-service", resource: { kind: "Route", namespace: "default", name: "r" } }],
    })
  })

  it("says what changes, and keeps since", () => {
    const first = mesh({ services: { web: {}, old: {} } })
    const content = { services: { web: { binding: "SITE" }, new: {} } }
    const second = compile(first.resources, { documents: [{ source: "-", content }], prune: true, revision: 2 })
    if ("problems" in second) throw new Error("refused")
    expect(second.changes.map(({ action, name }) => [action, name])).toEqual([
      ["add", "new"],
      ["remove", "old"],
      ["change", "web"],
    ])
    expect(second.resources.map(({ name, since }) => [name, since])).toEqual([
      ["new", 2],
      ["web", 1],
    ])
  })

  it("makes the same bytes of the same mesh, however it is written", async () => {
    const one = mesh({ services: { web: {}, orders: {} }, routes: { r: toWeb } })
    const other = mesh(
      { routes: { r: { rules: toWeb.rules, hosts: toWeb.hosts } } },
      { services: { orders: {}, web: {} } },
    )
    expect(other.text).toBe(one.text)
    expect(await digest(one.text)).toMatch(/^[0-9a-f]{64}$/)
    expect(await digest("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  })

  it("makes what a proxy does not take only where it is too large", () => {
    const text = encode(mesh({ services: web }).snapshot)
    expect(decode(text)).toHaveProperty("snapshot")
    expect(decode(text.padEnd(LIMITS.snapshotBytesMax))).toHaveProperty("snapshot")
    expect(decode(text.padEnd(LIMITS.snapshotBytesMax + 1))).toHaveProperty("reason")
  })
})
