import { createExecutionContext } from "cloudflare:test"
import { describe, expect, it, vi } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import { guard } from "#workers/control/guard.ts"
import control from "#workers/control/index.ts"
import { call, controlEnv, documents, ORIGIN, problemOf, ROOT_TOKEN } from "./support.ts"

type CfRequest = Request<unknown, IncomingRequestCfProperties>

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
    ["an image on a sibling host", "https://control.example/v1/status", { "sec-fetch-site": "same-site" }, 403],
    ["a site that nobody knows of", "https://control.example/v1/status", { "sec-fetch-site": "near" }, 403],
    ["its own page", "https://control.example/v1/status", { "sec-fetch-site": "same-origin" }, undefined],
    ["an address that somebody typed", "https://control.example/v1/status", { "sec-fetch-site": "none" }, undefined],
    [
      "a link on another site",
      "https://control.example/reference",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
      undefined,
    ],
    [
      "a frame on another site",
      "https://control.example/reference",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
      403,
    ],
    ["a small body", "https://control.example/v1/plan", { "content-length": "1000" }, undefined],
    ["a body that nobody reads", "https://control.example/v1/plan", { "content-length": "99999999999" }, 413],
  ])("on %s", (_, url, headers, status) => {
    expect(guard(raw(url, headers as Record<string, string>), { bodyBytesMax: 1_000 })?.status).toBe(status)
  })

  it("takes no form of another site for a link", () => {
    const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }
    expect(guard(raw("https://control.example/v1/apply", headers, "POST"), { bodyBytesMax: 1 })?.status).toBe(403)
  })

  it.each([
    ["control.example", "https://control.example/", undefined],
    ["other.example, control.example", "https://control.example./v1", undefined],
    ["CONTROL.example", "https://control.example:8443/", undefined],
    ["control.example:443", "https://control.example/", undefined],
    ["control.example:443", "https://control.example:8443/", 421],
    ["control.example", "https://rebind.evil.example/", 421],
    ["control.example", "https://sub.control.example/", 421],
    ["control.example", "https://control.example.evil.example/", 421],
    ["localhost,127.0.0.1", "http://127.0.0.1:8788/healthz", undefined],
    ["localhost,127.0.0.1", "http://evil.example:8788/healthz", 421],
    // A list that names nobody lets nobody in: it is wrong, and this is how one sees it.
    ["", "https://control.example/", 421],
  ])("with the hosts %j answers %s: %s", (hosts, url, status) => {
    expect(guard(raw(url), { hosts, bodyBytesMax: 1 })?.status).toBe(status)
  })

  it("knows its hosts by the Worker's variable, on every path", async () => {
    for (const path of ["/healthz", "/v1/status", "/nothing"]) {
      const request = new Request(`https://rebind.example${path}`, {
        headers: { authorization: `Bearer ${ROOT_TOKEN}` },
      })
      const env = { ...controlEnv, WEFT_ADMIN_HOSTS: "control.example" }
      const response = await control.fetch(request as CfRequest, env, createExecutionContext())
      expect(response.status).toBe(421)
      await problemOf(response)
    }
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
    expect(headers.get("x-frame-options")).toBe("DENY")
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin")
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{8}$/)
    expect(headers.get("weft-request-id")).toMatch(/^[0-9a-f-]{36}$/)
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
        rollout: async () => undefined,
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
    expect(id).toBe(response.headers.get("weft-request-id"))
    expect(logged).toContain(id)
    expect(logged).toContain("the secret of the house")
  })

  it("that never come are not waited for for ever", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    let isAsked = false
    const head = () => {
      isAsked = true
      return new Promise(() => {})
    }
    const hangs = { getByName: () => ({ head }) } as unknown as ControlEnv["ROUTE_TABLE"]
    const init = {
      method: "POST",
      headers: { authorization: `Bearer ${ROOT_TOKEN}`, "content-type": "application/json" },
    }
    const request = new Request(`${ORIGIN}/v1/plan`, { ...init, body: JSON.stringify(documents({})) }) as CfRequest
    const answer = control.fetch(request, { ...controlEnv, ROUTE_TABLE: hangs }, createExecutionContext())
    do await scheduler.wait(5)
    while (!isAsked)
    await vi.advanceTimersByTimeAsync(LIMITS.controlAnswerMs)
    vi.useRealTimers()
    const response = await answer
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe("5")
    await problemOf(response)
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
