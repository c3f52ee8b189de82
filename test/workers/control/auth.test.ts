import { createExecutionContext, reset } from "cloudflare:test"
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import type { Role, TokenCreated } from "#shared/protocol/control-api.ts"
import { TABLE } from "#workers/control/app.ts"
import { allows } from "#workers/control/auth.ts"
import control from "#workers/control/index.ts"
import { call, controlEnv, documents, makeToken, ORIGIN, problemOf, ROOT_TOKEN } from "./support.ts"

const tokens: Partial<Record<Role, string>> = {}

beforeAll(async () => {
  await reset()
  for (const role of ["metrics", "viewer", "operator", "admin"] as const)
    tokens[role] = await makeToken(`a-${role}`, role)
})

/** A request that the endpoint understands; what it answers does not matter here. */
function request(path: string, token: string | null, method: string) {
  const bodies: Record<string, unknown> = {
    "/v1/plan": documents({}),
    "/v1/preview": documents({}),
    "/v1/apply": documents({}),
    "/v1/rollback": { to: 1 },
    "/v1/rollout": { action: "promote" },
    "/v1/breakers": { namespace: "default", service: "nothing", phase: "open", forSeconds: 60 },
    "/v1/explain": { request: { url: "http://shop.example/" } },
    "/v1/tokens": { name: "root", role: "viewer" },
    "/v1/keys": { id: "acme", owner: "Acme" },
    "/v1/identity/rotate": {},
    "/v1/alerts/silences": { forSeconds: 60, reason: "a test" },
    "/v1/alerts/acknowledge": { namespace: "default", slo: "nothing", forSeconds: 60, reason: "a test" },
  }
  const concrete = path
    .replace("{revision}", "1")
    .replace("{kind}", "Service")
    .replace("{namespace}", "default")
    .replace("{name}", "nothing")
    .replace("{id}", path.includes("silences") ? "00000000" : path.includes("traces") ? "0".repeat(32) : "nothing")
  const search = path === "/v1/diff" ? "?from=0" : ""
  return call(method, concrete + search, { token, ...(method === "POST" && { body: bodies[path] }) })
}

describe.each(TABLE.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
  "%s",
  (_, endpoint) => {
    const { method, path, role } = endpoint

    it(role === "open" ? "needs no token" : "answers 401 without a token", async () => {
      const response = await request(path, null, method)
      if (role === "open") return expect(response.status).toBe(200)
      expect(response.status).toBe(401)
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer /)
      expect(await problemOf(response)).toMatchObject({ type: "about:blank", status: 401 })
    })

    it.each(["metrics", "viewer", "operator", "admin"] as const)("decides for a %s by its role alone", async (has) => {
      const response = await request(path, tokens[has]!, method)
      const mayCall = role === "open" || allows(has, role)
      if (mayCall) return expect([200, 201, 204, 404, 409]).toContain(response.status)
      expect(response.status).toBe(403)
      expect((await problemOf(response)).detail).toContain(role)
    })
  },
)

describe("the table of roles", () => {
  it("is what the API promises", () => {
    const roles = Object.fromEntries(TABLE.map(({ method, path, role }) => [`${method} ${path}`, role]))
    expect(roles).toEqual({
      "GET /healthz": "open",
      "GET /.well-known/jwks.json": "open",
      "GET /.well-known/openid-configuration": "open",
      "GET /v1/identity/keys": "viewer",
      "POST /v1/identity/rotate": "admin",
      "GET /openapi.json": "viewer",
      "GET /reference": "viewer",
      "GET /v1/schema.json": "viewer",
      "GET /v1/whoami": "viewer",
      "POST /v1/plan": "viewer",
      "POST /v1/preview": "viewer",
      "POST /v1/apply": "operator",
      "GET /v1/rollout": "viewer",
      "POST /v1/rollout": "operator",
      "POST /v1/rollback": "operator",
      "GET /v1/revisions": "viewer",
      "GET /v1/revisions/{revision}": "viewer",
      "GET /v1/revisions/{revision}/convergence": "viewer",
      "GET /v1/diff": "viewer",
      "GET /v1/resources": "viewer",
      "DELETE /v1/resources/{kind}/{namespace}/{name}": "operator",
      "POST /v1/explain": "viewer",
      "GET /v1/breakers": "viewer",
      "POST /v1/breakers": "operator",
      "GET /v1/status": "viewer",
      "GET /v1/stats": "viewer",
      "GET /v1/vitals": "viewer",
      "GET /v1/traces/{id}": "viewer",
      "GET /v1/tap": "operator",
      "POST /v1/probe-ticket": "viewer",
      "GET /v1/alerts": "viewer",
      "POST /v1/alerts/silences": "operator",
      "DELETE /v1/alerts/silences/{id}": "operator",
      "POST /v1/alerts/acknowledge": "operator",
      "GET /metrics": "metrics",
      "GET /v1/tokens": "admin",
      "POST /v1/tokens": "admin",
      "DELETE /v1/tokens/{name}": "admin",
      "GET /v1/keys": "viewer",
      "POST /v1/keys": "operator",
      "DELETE /v1/keys/{id}": "operator",
      "GET /v1/audit": "admin",
    })
  })

  it.each([
    ["metrics", "metrics", true],
    ["metrics", "viewer", false],
    ["viewer", "metrics", true],
    ["viewer", "viewer", true],
    ["viewer", "operator", false],
    ["viewer", "admin", false],
    ["operator", "viewer", true],
    ["operator", "operator", true],
    ["operator", "admin", false],
    ["admin", "viewer", true],
    ["admin", "operator", true],
    ["admin", "admin", true],
  ] as const)("a %s for what takes a %s: %s", (has, needs, expected) => {
    expect(allows(has, needs)).toBe(expected)
  })
})

describe("credentials", () => {
  const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`

  it.each([
    ["a bearer token", () => `Bearer ${ROOT_TOKEN}`, 200],
    ["any spelling of the scheme", () => `bEARER ${tokens.viewer}`, 200],
    ["Basic with any user", () => basic("whoever", tokens.viewer!), 200],
    ["Basic without a user", () => basic("", ROOT_TOKEN), 200],
    ["Basic with the token as user", () => basic(ROOT_TOKEN, ""), 401],
    ["Basic without a colon", () => `Basic ${btoa(ROOT_TOKEN)}`, 401],
    ["Basic that is not base64", () => "Basic %%%", 401],
    ["a wrong token of the same beginning", () => `Bearer ${ROOT_TOKEN.slice(0, -1)}x`, 401],
    ["a shorter token", () => `Bearer ${ROOT_TOKEN.slice(0, -1)}`, 401],
    ["a longer token", () => `Bearer ${ROOT_TOKEN}x`, 401],
    ["a default password", () => "Bearer changeme", 401],
    ["no token", () => "Bearer ", 401],
    ["the token alone", () => ROOT_TOKEN, 401],
    ["two tokens", () => `Bearer ${ROOT_TOKEN}, Bearer ${ROOT_TOKEN}`, 401],
    ["an unknown scheme", () => `Digest ${ROOT_TOKEN}`, 401],
    ["a huge token", () => `Bearer ${"x".repeat(10_000)}`, 401],
  ])("%s", async (_, authorization, status) => {
    const response = await call("GET", "/v1/whoami", { headers: { authorization: authorization() } })
    expect(response.status).toBe(status)
  })

  it("name the caller", async () => {
    expect(await (await call("GET", "/v1/whoami")).json()).toEqual({ name: "root", role: "admin" })
    const operator = await call("GET", "/v1/whoami", { token: tokens.operator! })
    expect(await operator.json()).toEqual({
      name: "a-operator",
      role: "operator",
      expiresAtMs: expect.any(Number),
    })
  })

  it("are asked for by Basic where a person opens what has no page", async () => {
    const response = await call("GET", "/v1/status", { token: null, headers: { accept: "text/html,*/*" } })
    expect(response.status).toBe(401)
    expect(response.headers.get("www-authenticate")).toMatch(/^Basic /)
  })

  it("end with the token", async () => {
    const token = await makeToken("short-lived", "viewer")
    expect((await call("GET", "/v1/whoami", { token })).status).toBe(200)
    expect((await call("DELETE", "/v1/tokens/short-lived")).status).toBe(204)
    expect((await call("GET", "/v1/whoami", { token })).status).toBe(401)
    expect((await call("DELETE", "/v1/tokens/short-lived")).status).toBe(404)
  })

  it.each([
    ["absent", undefined, ""],
    ["empty", "", ""],
    ["too short", "short", "short"],
    ["a word", "changeme-changeme", "changeme-changeme"],
  ])("have no default when the admin token is %s", async (_, secret, presented) => {
    const silent = vi.spyOn(console, "error").mockImplementation(() => {})
    const { WEFT_ADMIN_TOKEN: _root, ...rest } = controlEnv
    const bare = secret === undefined ? rest : { ...rest, WEFT_ADMIN_TOKEN: secret }
    const ask = async (token: string) => {
      // Wrong tokens are counted by address: these are not to be the many of one.
      const headers = {
        authorization: `Bearer ${token}`,
        "cf-connecting-ip": `2001:db8:${secret?.length ?? "ffff"}::1`,
      }
      const request = new Request(`${ORIGIN}/v1/whoami`, { headers }) as Request<unknown, IncomingRequestCfProperties>
      return (await control.fetch(request, bare, createExecutionContext())).status
    }
    for (const token of [presented, "undefined", "null", "root", ROOT_TOKEN]) expect(await ask(token)).toBe(401)
    expect(await ask(tokens.viewer!)).toBe(200)
    silent.mockRestore()
  })
})

describe("tokens over HTTP", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }))
  afterEach(() => {
    vi.useRealTimers()
  })

  it("show their secret once, of 190 bits, and keep no trace of it", async () => {
    const response = await call("POST", "/v1/tokens", { body: { name: "once", role: "viewer", expiresInSeconds: 60 } })
    expect(response.status).toBe(201)
    const created = await response.json<{ token: string; expiresAtMs: number; createdAtMs: number }>()
    expect(created.token).toMatch(/^weft_once_[0-9A-Za-z]{32}$/)
    expect(created.expiresAtMs - created.createdAtMs).toBe(60_000)
    const list = await (await call("GET", "/v1/tokens")).text()
    expect(list).toContain("once")
    expect(list).not.toContain(created.token.slice(-32))
  })

  it.each([
    [{}, 90 * 86_400],
    [{ expiresInSeconds: 60 }, 60],
    [{ expiresInSeconds: "never" }, undefined],
  ] as const)("made with %j live %s seconds", async (life, seconds) => {
    const body = { name: `lives-${seconds}`, role: "viewer", ...life }
    const created = await (await call("POST", "/v1/tokens", { body })).json<TokenCreated>()
    expect(created.createdBy).toBe("root")
    if (seconds === undefined) return expect(created).not.toHaveProperty("expiresAtMs")
    expect(created.expiresAtMs! - Date.now()).toBe(seconds * 1000)
  })

  it.each([
    ["a name twice", { name: "a-viewer", role: "viewer" }, 409],
    ["the name root", { name: "root", role: "viewer" }, 409],
    ["a bad name", { name: "A_b", role: "viewer" }, 400],
    ["an unknown role", { name: "x", role: "owner" }, 400],
    ["a life of no time", { name: "x", role: "viewer", expiresInSeconds: 0 }, 400],
    ["a life without end", { name: "x", role: "viewer", expiresInSeconds: 1e12 }, 400],
    ["an unknown key", { name: "x", role: "viewer", hash: "0" }, 400],
    ["the name nobody", { name: "nobody", role: "viewer" }, 409],
    ["an admin of a namespace", { name: "x", role: "admin", namespaces: ["team-a"] }, 422],
    ["no namespace at all", { name: "x", role: "viewer", namespaces: [] }, 400],
    ["a namespace that can be none", { name: "x", role: "viewer", namespaces: ["*"] }, 400],
    ["an end of another word", { name: "x", role: "viewer", expiresInSeconds: "forever" }, 400],
  ])("refuse %s", async (_, body, status) => {
    const response = await call("POST", "/v1/tokens", { body })
    expect(response.status).toBe(status)
    await problemOf(response)
  })
})
