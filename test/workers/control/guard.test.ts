import { createExecutionContext } from "cloudflare:test"
import { describe, expect, it, vi } from "vitest"
import type { ControlEnv } from "#workers/control/env.ts"
import { guard } from "#workers/control/guard.ts"
import control from "#workers/control/index.ts"
import { call, controlEnv, ORIGIN, problemOf, ROOT_TOKEN } from "./support.ts"

/** A request as the runtime hands it over: the URL is not normalised. */
function raw(url: string, headers: Record<string, string> = {}, method = "GET"): Request {
  return { url, method, headers: new Headers(headers) } as Request
}

describe("the guard", () => {
  it.each([
    ["a plain path", "https://control.example/v1/status?x=1", {}, undefined],
    ["no path", "https://control.example", {}, undefined],
    ["dot segments", "https://control.example/v1/whoami/../tokens", {}, 400],
    ["encoded dot segments", "https://control.example/v1/%2e%2e/tokens", {}, 400],
    ["a backslash", "https://control.example/v1\\tokens", {}, 400],
    [
      "a host with a path",
      "https://control.example/v1/tokens?y=/healthz",
      { host: "control.example/v1/tokens?y=" },
      400,
    ],
    ["a host with a user", "https://a@evil.example/healthz", { host: "a@evil.example" }, 400],
    ["two hosts", "https://a, b/healthz", { host: "a, b" }, 400],
    ["its own origin", "https://control.example/v1/plan", { origin: "https://control.example" }, undefined],
    ["another origin", "https://control.example/healthz", { origin: "https://evil.example" }, 403],
    ["its own host by http", "https://control.example/healthz", { origin: "http://control.example" }, 403],
    ["another port", "https://control.example/healthz", { origin: "https://control.example:8443" }, 403],
    ["a sandboxed page", "https://control.example/healthz", { origin: "null" }, 403],
    ["an image on another site", "https://control.example/v1/status", { "sec-fetch-site": "cross-site" }, 403],
    [
      "a link on another site",
      "https://control.example/reference",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
      undefined,
    ],
  ])("on %s", (_, url, headers, status) => {
    expect(guard(raw(url, headers as Record<string, string>))?.status).toBe(status)
  })

  it("comes before the token", async () => {
    const response = await call("POST", "/v1/apply", {
      token: null,
      body: {},
      headers: { origin: "https://evil.example" },
    })
    expect(response.status).toBe(403)
    expect(response.headers.get("access-control-allow-origin")).toBeNull()
  })
})

describe("paths and methods", () => {
  it.each([
    ["GET", "/", 404],
    ["GET", "/v1", 404],
    ["GET", "/v1/plan/", 404],
    ["GET", "/metrics", 404],
    ["GET", "/v1/resources/a/b/c/d", 404],
    ["GET", "/v1/%3Cscript%3E", 404],
    ["DELETE", "/nothing", 404],
    ["PUT", "/v1/apply", 405],
    ["GET", "/v1/apply", 405],
    ["POST", "/v1/status", 405],
    ["PATCH", "/v1/tokens/x", 405],
    ["POST", "/healthz", 405],
  ])("%s %s answers %s, as a problem", async (method, path, status) => {
    const response = await call(method, path)
    expect(response.status).toBe(status)
    expect((await problemOf(response)).status).toBe(status)
    expect(response.headers.has("allow")).toBe(status === 405)
  })

  it("unknown paths need a token too", async () => {
    expect((await call("GET", "/nothing", { token: null })).status).toBe(401)
    expect((await call("OPTIONS", "/v1/apply", { token: null })).status).toBe(401)
    expect((await call("POST", "/healthz", { token: null })).status).toBe(401)
  })

  it.each([
    ["/v1/tokens", "POST, GET, HEAD, OPTIONS"],
    ["/v1/apply", "POST, OPTIONS"],
    ["/healthz", "GET, HEAD, OPTIONS"],
  ])("OPTIONS %s lists %s", async (path, allow) => {
    const response = await call("OPTIONS", path)
    expect(response.status).toBe(204)
    expect(response.headers.get("allow")?.split(", ").toSorted()).toEqual(allow.split(", ").toSorted())
  })

  it("HEAD is GET without the body", async () => {
    const response = await call("HEAD", "/v1/status")
    expect(response.status).toBe(200)
    expect(response.headers.get("etag")).toBe('"0"')
    expect(await response.text()).toBe("")
    expect((await call("HEAD", "/healthz", { token: null })).status).toBe(200)
    expect((await call("HEAD", "/v1/status", { token: null })).status).toBe(401)
  })

  it.each([
    ["/healthz", ROOT_TOKEN],
    ["/v1/status", ROOT_TOKEN],
    ["/v1/status", null],
    ["/nothing", ROOT_TOKEN],
    ["/reference", ROOT_TOKEN],
  ])("%s (token: %s) carries the security headers", async (path, token) => {
    const { headers } = await call("GET", path, { token })
    expect(headers.get("x-content-type-options")).toBe("nosniff")
    expect(headers.get("cache-control")).toBe("no-store")
    expect(headers.get("referrer-policy")).toBe("no-referrer")
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'")
    expect(headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(headers.get("access-control-allow-origin")).toBeNull()
  })
})

describe("exceptions", () => {
  async function statusWith(error: object) {
    const log = vi.spyOn(console, "error").mockImplementation(() => {})
    const broken = {
      getByName: () => ({
        ...{ head: () => Promise.reject(error), view: async () => ({ isolates: [] }) },
        ...{ relays: async () => [], breakers: async () => [], health: async () => [] },
      }),
    }
    const env = { ...controlEnv, ROUTE_TABLE: broken } as unknown as ControlEnv
    const headers = { authorization: `Bearer ${ROOT_TOKEN}` }
    const request = new Request(`${ORIGIN}/v1/status`, { headers }) as Request<unknown, IncomingRequestCfProperties>
    const response = await control.fetch(request, env, createExecutionContext())
    const logged = log.mock.calls.flat().join("\n")
    log.mockRestore()
    return { response, logged }
  }

  it("become 500 with an id that the log has, and nothing else", async () => {
    const { response, logged } = await statusWith(new Error("the secret of the house"))
    expect(response.status).toBe(500)
    const problem = await problemOf(response)
    expect(JSON.stringify(problem)).not.toMatch(/secret|Error|at /)
    const id = problem.detail?.match(/[0-9a-f-]{36}/)?.[0]
    expect(id).toBeDefined()
    expect(logged).toContain(id)
    expect(logged).toContain("the secret of the house")
  })

  it.each([
    ["an overloaded object", { overloaded: true }, 503],
    ["a reset object", { durableObjectReset: true }, 503],
    ["a broken connection", { retryable: true }, 503],
    ["flags forged by a callee", { overloaded: true, remote: true }, 500],
  ])("of %s become %s", async (_, flags, status) => {
    const { response } = await statusWith(Object.assign(new Error("x"), flags))
    expect(response.status).toBe(status)
    await problemOf(response)
  })
})
