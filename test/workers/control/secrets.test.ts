import { reset } from "cloudflare:test"
import { beforeAll, describe, expect, it } from "vitest"
import type { ResourceList } from "#shared/protocol/control-api.ts"
import { call, documents, get, makeToken } from "./support.ts"

const SECRET = "k3y-of-the-house"
const rules = (value: string) => [
  {
    match: { path: "/api", headers: { "x-api-key": value } },
    filters: [{ requestHeaders: { set: { authorization: `Bearer ${value}` } } }],
    backends: [{ service: "a" }],
  },
  { filters: [{ respond: { status: 200, headers: { "set-cookie": value } } }] },
]
const mesh = (value: string) => ({
  services: { a: {} },
  routes: { shop: { hosts: ["shop.example"], rules: rules(value) } },
})
let token: string

beforeAll(async () => {
  await reset()
  token = await makeToken("eyes", "viewer")
  await call("POST", "/v1/apply", { body: documents(mesh(SECRET)) })
  await call("POST", "/v1/apply", { body: documents(mesh(`${SECRET}-2`)) })
})

describe("a secret in a document", () => {
  it.each([
    ["GET", "/v1/resources"],
    ["GET", "/v1/revisions/1"],
    ["GET", "/v1/revisions/head"],
    ["GET", "/v1/diff?from=0"],
    ["GET", "/v1/diff?from=1&to=2"],
    ["GET", "/v1/status"],
    ["POST", "/v1/plan", documents(mesh("another-one"))],
    ["POST", "/v1/explain", { request: { url: "https://shop.example/api" } }],
    ["POST", "/v1/explain", { request: { url: "https://shop.example/" } }],
    ["POST", "/v1/apply", documents(mesh(`${SECRET}-3`))],
    ["POST", "/v1/rollback", { to: 1 }],
    ["GET", "/v1/audit"],
  ])("is not in the answer to %s %s", async (method, path, body?: unknown) => {
    const isWrite = path === "/v1/apply" || path === "/v1/rollback" || path === "/v1/audit"
    const response = await call(method, path, { body, ...(!isWrite && { token }) })
    const text = await response.text()
    expect(response.status, text).toBe(200)
    expect(text).not.toContain("k3y")
    expect(text).not.toContain("another-one")
  })

  it("stays when what was read is written back", async () => {
    const { resources } = await get<ResourceList>("/v1/resources?kind=Route")
    expect(JSON.stringify(resources)).toContain("(secret)")
    const body = documents({ routes: { shop: resources[0]!.spec } })
    const before = await (await call("GET", "/v1/revisions/head")).json<{ digest: string; revision: number }>()
    const applied = await (await call("POST", "/v1/apply", { body })).json()
    expect(applied).toMatchObject({ changes: [], revision: before.revision, digest: before.digest })
  })

  it("is asked for where there is none", async () => {
    const body = documents({ routes: { other: { hosts: ["other.example"], rules: rules("(secret)") } } })
    const response = await call("POST", "/v1/apply", { body })
    expect(response.status).toBe(422)
    const { problems } = await response.json<{ problems: { rule: string }[] }>()
    expect(problems.map(({ rule }) => rule)).toEqual(["secret-missing", "secret-missing"])
  })
})
