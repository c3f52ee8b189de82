/** What `explain` tells is what happens: the same requests, put in words and sent through the real proxy. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { explain } from "#shared/exchange/explain.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import type { Header } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { Branch, Explained } from "#shared/protocol/explain.ts"
import { type RawResponse, startTestMesh, type TestMesh } from "./mesh.ts"

const V1 = { service: "echo", subset: "v1" }
const V2 = { service: "echo", subset: "v2" }

const DOCUMENT: MeshDocument = {
  services: { echo: { subsets: { v1: {}, v2: {} } }, unbound: {}, caller: {}, callee: {} },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    app: {
      hosts: ["app.test", "*.wild.test"],
      rules: [
        { name: "exact", match: { path: { exact: "/a" } }, backends: [V1] },
        { name: "prefix", match: { path: "/a" }, backends: [V2] },
        { name: "post", match: { path: "/a", method: "POST" }, backends: [V1] },
        { name: "header", match: { path: "/a", headers: { "x-side": { not: "v1" } } }, backends: [V2] },
        { name: "query", match: { path: "/a", query: { side: { regex: "v[0-9]" } } }, backends: [V1] },
        { name: "cookie", match: { path: "/a", cookies: { side: "v1" } }, backends: [V1] },
        {
          name: "template",
          match: { path: { template: "/users/{id}/{rest=**}" } },
          filters: [{ rewrite: { host: "users.test", path: { template: "/u/{rest}/{id}" } } }],
          backends: [V1],
        },
        {
          name: "moved",
          match: { path: "/old" },
          filters: [{ rewrite: { path: { prefix: "/new" } } }, { requestHeaders: { set: { "x-moved": "yes" } } }],
          backends: [
            { ...V1, weight: 3 },
            { ...V2, weight: 1, filters: [{ requestHeaders: { set: { "x-b": "2" } } }] },
          ],
        },
        {
          name: "there",
          match: { path: "/there" },
          filters: [{ redirect: { host: "b.test", path: { prefix: "/" } } }],
        },
        { name: "said", match: { path: "/said" }, filters: [{ respond: { status: 418, body: "tea" } }] },
        {
          name: "first-answer",
          match: { path: "/cors" },
          filters: [
            { respond: { status: 200 } },
            { cors: { origins: ["https://a.test"] } },
            { limits: { bodyBytes: 4 } },
          ],
        },
        { name: "failing", match: { path: "/fail" }, filters: [fault(), { limits: { bodyBytes: 4 } }], backends: [V1] },
        { name: "sticky", match: { path: "/sticky" }, sticky: { header: "x-user" }, backends: [V1, V2] },
        { name: "unbound", match: { path: "/unbound" }, backends: [{ service: "unbound" }] },
        { name: "none", match: { path: { regex: "/r[0-9]+" } }, backends: [V1] },
      ],
    },
    listed: {
      hosts: ["listed.test"],
      order: "listed",
      rules: [
        { match: { path: "/a", percent: 50 }, backends: [V1] },
        { match: { path: "/" }, backends: [V2] },
        { match: { path: { exact: "/a/b" } }, backends: [V1] },
      ],
    },
  },
}

function fault() {
  return { fault: { abort: { status: 503, percent: 100 } } }
}

const HOSTS = ["app.test", "x.wild.test", "wild.test", "APP.test.", "listed.test", "no_host", "nobody.test"]
const TARGETS = [
  ...[
    "/a",
    "/a/",
    "/a/b",
    "/ab",
    "/a?side=v2",
    "/a?side=w",
    "/users/7/x/y",
    "/users/7",
    "/old",
    "/old/1/..//2?q",
    "/older",
  ],
  ...[
    "/there/1?q=2",
    "/said",
    "/cors",
    "/fail",
    "/sticky",
    "/unbound",
    "/r12",
    "/r1x",
    "/%61",
    "/a%2fb",
    "/a\\b",
    "/..;/a",
  ],
]
const VARIANTS: readonly { readonly method?: string; readonly headers?: readonly Header[]; readonly body?: string }[] =
  [
    {},
    { method: "POST", body: "12345", headers: [header("content-length", "5")] },
    { headers: [header("x-side", "v1"), header("Cookie", "side=v1")] },
    { headers: [header("x-user", "ann"), header("connection", "close, x-side"), header("x-side", "v2")] },
    {
      method: "OPTIONS",
      headers: [header("origin", "https://a.test"), header("access-control-request-method", "PUT")],
    },
  ]

function header(name: string, value: string): Header {
  return { name, value }
}

let mesh: TestMesh | undefined
let snapshot: Snapshot

beforeAll(async () => {
  mesh = await startTestMesh(DOCUMENT)
  const compiled = compile([], { documents: [{ source: "test", content: DOCUMENT }], prune: true, revision: 1 })
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  snapshot = compiled.snapshot
})
afterAll(() => mesh?.stop())

const CASES = HOSTS.flatMap((host) =>
  TARGETS.flatMap((target) => VARIANTS.map((variant) => ({ host, target, ...variant }))),
)

describe("an explanation", () => {
  it(`is what the proxy does, ${CASES.length} times`, async () => {
    const differing: unknown[] = []
    let sent = 0
    for (const { host, target, method = "GET", headers = [], body } of CASES) {
      const told = explain({ revision: 1, snapshot }, { url: `http://${host}${target}`, method, headers })
      const raw = [...headers.map(({ name, value }) => [name, value] as const), ["weft-debug", "1"] as const]
      const lengthless = raw.filter(([name]) => name !== "content-length")
      const got = await mesh!.raw({ method, target, host, headers: lengthless, ...(body !== undefined && { body }) })
      const difference = differenceOf(told, got)
      if (told.branches[0]?.sends) sent += 1
      if (difference !== undefined) differing.push({ method, host, target, headers, difference, told, got })
    }
    expect(differing).toEqual([])
    expect(sent).toBeGreaterThan(100)
  })
})

/** What the answer says otherwise than the explanation; undefined when nothing. */
function differenceOf(told: Explained, got: RawResponse): string | undefined {
  const refusal = got.headers.get("weft-refusal")
  const facts = Object.fromEntries((got.headers.get("weft-debug") ?? "").split(" ").map((fact) => fact.split("=")))
  // Of percentages only one share is told in full.
  const known = told.shares === undefined || facts.rule === told.winner?.rule
  if (told.shares && !told.shares.some(({ rule }) => rule === facts.rule)) return "another rule"
  if (!known) return undefined
  if (facts.rule !== undefined && facts.rule !== told.winner?.rule) return "another rule"
  if (told.refusal) return told.refusal.name === refusal ? undefined : "refused otherwise"
  const branch = told.branches.find((one) => one.backend === facts.to)
  if (!branch) return "another backend"
  if (told.branches.some(({ chosen }) => chosen) && !branch.chosen) return "a backend that was not chosen"
  return differenceInBranch(branch, refusal, got)
}

function differenceInBranch(branch: Branch, refusal: string | null, got: RawResponse): string | undefined {
  const unbound = branch.sends?.endpoints[0]?.at === "binding UNBOUND"
  if (branch.refusal || unbound) {
    return (branch.refusal?.name ?? "no_healthy_endpoint") === refusal ? undefined : "refused otherwise in the branch"
  }
  if (refusal !== null) return "refused"
  if (branch.answer) {
    const { status, headers, body } = branch.answer
    const same = status === got.status && headers.every(({ name, value }) => got.headers.get(name)?.includes(value))
    return same && body === got.body ? undefined : "answered otherwise"
  }
  const echoed = JSON.parse(got.body) as { url: string; headers: Record<string, string> }
  if (echoed.url !== branch.sends?.url) return `sent to ${echoed.url}`
  const set = branch.steps.filter(({ filter }) => filter === "requestHeaders").map(({ effect }) => effect)
  const missing = set.find((effect) => {
    const [, name = "", value] = /^sets (\S+): (.*)$/.exec(effect) ?? []
    return echoed.headers[name] !== value
  })
  return missing && `not done: ${missing}`
}
