/** HTTP through the proxy, byte for byte: what comes in, what the upstream gets, what comes back. */

import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { MeshDocument } from "#shared/model/document.ts"
import { type RawRequest, type RawResponse, startTestMesh, type TestMesh } from "./mesh.ts"

/** A server outside the mesh, which says what is not its to say. */
const outside = createServer((_request, response) =>
  response
    .writeHead(200, { Connection: "X-Inner", "X-Inner": "1", "Weft-Refusal": "circuit_open", "X-Kept": "1" })
    .end(),
)
await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve))

const DOCUMENT: MeshDocument = {
  services: {
    echo: { subsets: { v1: {}, v2: {} } },
    callee: {},
    caller: {},
    unbound: {},
    held: { binding: "ECHO" },
    nowhere: { url: "http://127.0.0.1:9" },
    outside: { url: `http://127.0.0.1:${(outside.address() as AddressInfo).port}` },
    // Its retries come out of a budget of its own.
    slow: { binding: "ECHO" },
    versioned: { binding: "ECHO", version: { worker: "echo-v1", id: "0f3e2a1b-0000-4000-8000-000000000000" } },
    tenant: {
      binding: "TENANTS",
      worker: "tenant-one",
      subsets: { unknown: { binding: "TENANTS", worker: "tenant-two" } },
    },
  },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    app: {
      hosts: ["app.test", "127.0.0.1"],
      rules: [
        {
          name: "caller",
          match: { path: "/caller" },
          backends: [{ service: "caller" }],
          filters: [{ rewrite: { path: { prefix: "/" } } }],
        },
        {
          name: "canary",
          match: { path: "/orders", headers: { "x-canary": "always" } },
          backends: [{ service: "echo", subset: "v2" }],
        },
        {
          name: "split",
          match: { path: "/orders" },
          backends: [
            { service: "echo", subset: "v1", weight: 75 },
            { service: "echo", subset: "v2", weight: 25 },
          ],
        },
        {
          name: "session",
          match: { path: "/session" },
          sticky: { session: { cookie: "side" } },
          backends: [
            { service: "echo", subset: "v1" },
            { service: "echo", subset: "v2" },
          ],
        },
        {
          name: "sticky",
          match: { path: "/sticky" },
          sticky: { header: "x-user" },
          backends: [
            { service: "echo", subset: "v1" },
            { service: "echo", subset: "v2" },
          ],
        },
        { name: "versioned", match: { path: "/versioned" }, backends: [{ service: "versioned" }] },
        { name: "tenant", match: { path: "/tenant" }, backends: [{ service: "tenant" }] },
        { name: "no-tenant", match: { path: "/no-tenant" }, backends: [{ service: "tenant", subset: "unknown" }] },
        { name: "unbound", match: { path: "/unbound" }, backends: [{ service: "unbound" }] },
        { name: "outside", match: { path: "/outside" }, backends: [{ service: "outside" }] },
        { name: "nowhere", match: { path: "/nowhere" }, backends: [{ service: "nowhere" }] },
        { name: "slow", match: { path: "/slow" }, backends: [{ service: "echo" }], timeout: "150ms" },
        {
          name: "retry",
          match: { path: "/retry" },
          backends: [{ service: "echo" }],
          retry: { attempts: 2, on: ["5xx"], backoff: "5ms" },
        },
        {
          name: "retry-slow",
          match: { path: "/retry-slow" },
          backends: [{ service: "slow" }],
          attemptTimeout: "100ms",
          timeout: "60s",
          retry: { attempts: 2, on: ["attempt-timeout"], backoff: "5ms" },
        },
        {
          name: "retry-body",
          match: { path: "/retry-body" },
          backends: [{ service: "slow" }],
          timeout: "1s",
          retry: { attempts: 2, on: ["5xx"] },
        },
        {
          name: "moved",
          match: { path: "/moved" },
          filters: [{ redirect: { host: "new.test", path: { prefix: "/here" }, status: 301 } }],
        },
        {
          name: "fixed",
          match: { path: "/fixed" },
          filters: [{ respond: { status: 503, headers: { "x-why": "closed" }, body: "closed" } }],
        },
        {
          name: "shaped",
          match: { path: "/shaped" },
          filters: [
            { requestHeaders: { set: { "x-set": "1" }, add: { "x-add": "2" }, remove: ["x-gone"] } },
            { responseHeaders: { set: { "x-upstream": "hidden" } } },
            { rewrite: { host: "inner.test", path: { prefix: "/files" } } },
          ],
          backends: [{ service: "echo" }],
        },
        {
          name: "template",
          match: { path: { template: "/users/{id}/posts" } },
          filters: [{ rewrite: { path: { template: "/posts/{id}" } } }],
          backends: [{ service: "echo" }],
        },
        {
          name: "broken",
          match: { path: "/broken" },
          filters: [{ fault: { abort: { status: 418, percent: 100 } } }],
          backends: [{ service: "echo" }],
        },
        {
          name: "bodiless",
          match: { path: "/bodiless" },
          filters: [{ respond: { status: 204, body: "lost" } }],
        },
        {
          name: "broken-bodiless",
          match: { path: "/broken/bodiless" },
          filters: [{ fault: { abort: { status: 204, percent: 100 } } }],
          backends: [{ service: "echo" }],
        },
        {
          name: "small",
          match: { path: "/small" },
          filters: [{ limits: { bodyBytes: 10 } }],
          backends: [{ service: "echo" }],
        },
        {
          name: "mirrored",
          match: { path: "/mirror" },
          filters: [{ mirror: { service: "echo", subset: "v2", percent: 100 } }],
          backends: [{ service: "echo" }],
        },
        { name: "shadow", match: { path: "/mirrored" }, backends: [{ service: "echo", subset: "v2" }] },
        {
          name: "cors",
          match: { path: "/cors" },
          filters: [
            { cors: { origins: ["https://shop.test"], methods: ["GET", "PUT"], headers: ["x-a"], credentials: true } },
          ],
          backends: [{ service: "echo" }],
        },
        { name: "rest", backends: [{ service: "echo" }] },
      ],
    },
    held: {
      service: "held",
      rules: [
        { match: { path: "/small" }, filters: [{ limits: { bodyBytes: 10 } }], backends: [{ service: "held" }] },
        { match: { path: "/retry" }, retry: { attempts: 1, unsafe: true }, backends: [{ service: "held" }] },
      ],
    },
    wild: { hosts: ["*.wild.test"], rules: [{ match: { path: "/only" }, backends: [{ service: "echo" }] }] },
  },
}

let mesh: TestMesh
beforeAll(async () => {
  mesh = await startTestMesh(DOCUMENT)
})
afterAll(async () => {
  outside.close()
  await mesh?.stop()
})

interface Seen {
  readonly name: string
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
}

const get = (target: string, more: Partial<RawRequest> = {}): Promise<RawResponse> => mesh.raw({ target, ...more })
const seen = async (target: string, more: Partial<RawRequest> = {}): Promise<Seen> => {
  const response = await get(target, more)
  expect(response.status, response.body).toBe(200)
  return JSON.parse(response.body) as Seen
}
const refusal = async (target: string, more: Partial<RawRequest> = {}) => {
  const { status, headers } = await get(target, more)
  return `${status} ${headers.get("weft-refusal")}`
}

describe("the upstream gets the canonical request", () => {
  it.each([
    ["/a/../admin/x", "http://app.test/admin/x"],
    ["/a/%2e%2e/admin", "http://app.test/admin"],
    ["//admin//x", "http://app.test/admin/x"],
    ["/%61?b=%2E%2e/c", "http://app.test/a?b=%2E%2e/c"],
    ["/x#fragment", "http://app.test/x"],
    ["/?q", "http://app.test/?q"],
  ])("%s", async (target, url) => {
    expect((await seen(target)).url).toBe(url)
  })

  it.each([
    ["APP.Test", "http://app.test/x"],
    ["app.test.", "http://app.test/x"],
    ["app.test:8080", "http://app.test:8080/x"],
  ])("host %s", async (host, url) => {
    const { headers, ...rest } = await seen("/x", { host })
    expect([rest.url, headers.host]).toEqual([url, new URL(url).host])
  })

  it.each([
    ["an encoded slash", "/admin%2fx", {}, "400 bad_request"],
    ["a bad escape", "/%zz", {}, "400 bad_request"],
    ["an encoded NUL", "/%00", {}, "400 bad_request"],
    ["a backslash", "/a\\b", {}, "400 bad_request"],
    ["a host that ends the authority", "/admin", { host: "app.test#" }, "400 bad_request"],
    ["a host with a path", "/p", { host: "app.test/admin/x?y=" }, "400 bad_request"],
    ["two hosts", "/", { host: "app.test", headers: [["Host", "evil.test"]] }, "400 bad_request"],
    ["the asterisk form", "*", { method: "OPTIONS" }, "400 bad_request"],
    ["TRACE", "/", { method: "TRACE" }, "405 method_not_supported"],
    ["a long target", `/${"a".repeat(8_200)}`, {}, "414 uri_too_long"],
    [
      "many headers",
      "/",
      { headers: Array.from({ length: 201 }, (_, n) => [`x-${n}`, "v"] as const) },
      "431 headers_too_large",
    ],
    ["large headers", "/", { headers: [["cookie", "a".repeat(62_000)]] }, "431 headers_too_large"],
    ["an unknown host", "/", { host: "other.test" }, "404 route_not_found"],
    ["the apex of a wildcard", "/only", { host: "wild.test" }, "404 route_not_found"],
    ["no rule of a host", "/else", { host: "a.wild.test" }, "404 route_not_found"],
  ] as [string, string, Partial<RawRequest>, string][])("refuses %s", async (_what, target, more, expected) => {
    expect(await refusal(target, more)).toBe(expected)
  })

  it("keeps what only the mesh may say from being said by a client", async () => {
    const { headers } = await seen("/x", {
      headers: [
        ["weft-from", "default/admin"],
        ["Weft_Hops", "3"],
        ["weft-hops", "7"],
        ["X-Forwarded-For", "10.0.0.1"],
        ["x_forwarded_host", "evil.test"],
        ["X-Mesh-Internal", "1"],
        ["Forwarded", "for=10.0.0.1"],
        ["Cloudflare-Workers-Version-Overrides", 'echo-v1="x"'],
        ["x-kept", "yes"],
      ],
    })
    expect(headers).toMatchObject({
      "weft-hops": "1",
      "x-forwarded-host": "app.test",
      "x-forwarded-proto": "http",
      "x-kept": "yes",
    })
    expect(
      Object.keys(headers).filter((name) => /weft.from|weft_|x_forw|mesh|^forwarded|cloudflare/.test(name)),
    ).toEqual([])
    expect(headers["x-forwarded-for"] ?? "").not.toContain("10.0.0.1")
  })

  it("drops what is for one connection only, and what the client nominates", async () => {
    const { headers } = await seen("/x", {
      headers: [
        ["Connection", "close, X-Nominated, Authorization"],
        ["X-Nominated", "1"],
        ["Authorization", "Bearer a"],
        ["Proxy-Authorization", "Basic a"],
        ["Keep-Alive", "timeout=5"],
        ["HTTP2-Settings", "AA"],
        ["Expect", "100-continue"],
      ],
    })
    expect(headers.authorization).toBe("Bearer a")
    for (const name of ["x-nominated", "proxy-authorization", "keep-alive", "http2-settings", "expect"])
      expect(headers).not.toHaveProperty(name)
  })
})

describe("an answer from outside the mesh", () => {
  it("does not bring what was for its connection, and cannot pass for the mesh's refusal", async () => {
    const { status, headers } = await get("/outside")
    expect([status, headers.get("x-kept")]).toEqual([200, "1"])
    expect([headers.get("x-inner"), headers.get("weft-refusal")]).toEqual([null, null])
  })
})

describe("refusals", () => {
  it("are problem details, told apart from an upstream's answer", async () => {
    const { status, headers, body } = await get("/", { host: "other.test" })
    expect(status).toBe(404)
    expect(headers.get("content-type")).toBe("application/problem+json")
    expect(JSON.parse(body)).toMatchObject({ status: 404, refusal: "route_not_found", retry: "never" })
    const upstream = await get("/x?status=404")
    expect([upstream.status, upstream.headers.get("weft-refusal")]).toEqual([404, null])
  })

  it.each([
    ["an upstream that throws", "/x?throw=1", "503 upstream_unreachable"],
    ["an origin that nobody listens at", "/nowhere", "503 upstream_unreachable"],
    ["a service that the proxy does not bind", "/unbound", "503 no_healthy_endpoint"],
    ["an upstream over its time", "/slow?delayMs=20000", "504 deadline_exceeded"],
    ["an injected fault", "/broken", "418 fault_injected"],
  ])("%s", async (_what, target, expected) => {
    expect(await refusal(target)).toBe(expected)
  })
})

describe("an upstream that does not speak HTTP well", () => {
  let server: Server
  beforeAll(async () => {
    server = createTcpServer((socket) => {
      socket.on("error", () => {})
      socket.on("data", (bytes) => {
        const status = /status=(\d+)/.exec(bytes.toString())?.[1]
        socket.end(`HTTP/1.1 ${status} Odd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      })
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    await mesh.apply({
      services: { odd: { url: `http://127.0.0.1:${port}` } },
      routes: { odd: { hosts: ["odd.test"], rules: [{ backends: [{ service: "odd" }] }] } },
    })
  })
  afterAll(() => server?.close())

  it.each([
    ["101", "502 upstream_invalid"],
    ["600", "502 upstream_invalid"],
    ["999", "502 upstream_invalid"],
    ["299", "299 null"],
    ["599", "599 null"],
  ])("is refused when its status is no answer, passed on when it is: %s", async (status, expected) => {
    expect(await refusal(`/?status=${status}`, { host: "odd.test" })).toBe(expected)
  })
})

describe("routing", () => {
  it("splits by weight", async () => {
    const answers = await Promise.all(Array.from({ length: 800 }, () => seen("/orders")))
    const share = answers.filter(({ name }) => name === "echo-v2").length / 800
    // A quarter, give or take six standard deviations.
    expect(share).toBeGreaterThan(0.158)
    expect(share).toBeLessThan(0.342)
  })

  it("keeps a user on one side of a sticky split", async () => {
    for (const user of ["ann", "bob", "cid"]) {
      const ask = () => seen("/sticky", { headers: [["x-user", user]] })
      const names = (await Promise.all(Array.from({ length: 10 }, ask))).map(({ name }) => name)
      expect(new Set(names).size).toBe(1)
    }
  })

  it("begins a session with a cookie and stays with it", async () => {
    const first = await get("/session")
    const cookie = first.headers.get("set-cookie")?.split(";")[0] ?? ""
    expect(cookie).toMatch(/^side=/)
    for (let time = 0; time < 10; time++) {
      const next = await get("/session", { headers: [["Cookie", cookie]] })
      expect([next.headers.get("set-cookie"), next.headers.get("x-upstream")]).toEqual([
        null,
        first.headers.get("x-upstream"),
      ])
    }
  })

  it("prefers the match with the header", async () => {
    expect((await seen("/orders/1", { headers: [["X-Canary", "always"]] })).name).toBe("echo-v2")
  })

  it("follows a change without a restart, and the change back", async () => {
    const rules = [{ backends: [{ service: "echo", subset: "v2" }] }]
    await mesh.apply({ routes: { later: { hosts: ["later.test"], rules } } })
    expect((await seen("/", { host: "later.test" })).name).toBe("echo-v2")
    await mesh.apply({ routes: { later: { hosts: ["later.test"], rules: [{ backends: [{ service: "echo" }] }] } } })
    expect((await seen("/", { host: "later.test" })).name).toBe("echo-v1")
  })

  it("asks the platform for one version of a Worker", async () => {
    const { headers } = await seen("/versioned", {
      headers: [["Cloudflare-Workers-Version-Overrides", 'echo-v1="forged"']],
    })
    expect(headers["cloudflare-workers-version-overrides"]).toBe('echo-v1="0f3e2a1b-0000-4000-8000-000000000000"')
  })

  it("sends to a Worker of a dispatch namespace", async () => {
    expect((await seen("/tenant/a")).name).toBe("echo-v2")
    expect(await refusal("/no-tenant")).toBe("503 upstream_unreachable")
  })

  it("redirects without an upstream", async () => {
    const { status, headers } = await get("/moved/a?b=1")
    expect([status, headers.get("location")]).toEqual([301, "http://new.test/here/a?b=1"])
  })

  it("answers by itself", async () => {
    const { status, headers, body } = await get("/fixed")
    expect([status, headers.get("x-why"), headers.get("weft-refusal"), body]).toEqual([503, "closed", null, "closed"])
  })

  it("answers without a body where the status has none", async () => {
    expect((await get("/bodiless")).status).toBe(204)
    expect(await refusal("/broken/bodiless")).toBe("204 fault_injected")
  })

  it("changes headers, host and path on the way there, and headers on the way back", async () => {
    const { headers, body } = await get("/shaped/a", {
      headers: [
        ["x-gone", "1"],
        ["x-add", "1"],
      ],
    })
    const received = JSON.parse(body) as Seen
    expect(received.url).toBe("http://inner.test/files/a")
    expect(received.headers).toMatchObject({
      host: "inner.test",
      "x-set": "1",
      "x-add": "1, 2",
      "x-forwarded-host": "app.test",
    })
    expect(received.headers).not.toHaveProperty("x-gone")
    expect(headers.get("x-upstream")).toBe("hidden")
  })

  it("fills a template, and what it fills in cannot climb out", async () => {
    expect((await seen("/users/7/posts")).url).toBe("http://app.test/posts/7")
    expect((await seen("/users/%2e%2e/users/7/posts")).url).toBe("http://app.test/posts/7")
  })

  it("mirrors with the body, and the answer is the first backend's", async () => {
    const { name, body } = await seen("/mirror?note=copy", { method: "POST", body: "payload" })
    expect([name, body]).toEqual(["echo-v1", "payload"])
    await expect.poll(async () => JSON.parse((await get("/mirrored")).body)).toEqual(["copy payload"])
  })

  it("answers a preflight and marks the response for the origin", async () => {
    const origin = ["Origin", "https://shop.test"] as const
    const preflight = await get("/cors", {
      method: "OPTIONS",
      headers: [origin, ["Access-Control-Request-Method", "PUT"]],
    })
    expect([preflight.status, preflight.headers.get("access-control-allow-methods")]).toEqual([204, "GET, PUT"])
    const simple = await get("/cors", { headers: [origin] })
    expect(simple.headers.get("access-control-allow-origin")).toBe("https://shop.test")
    const other = await get("/cors", { headers: [["Origin", "https://shop.test.evil"]] })
    expect(other.headers.get("access-control-allow-origin")).toBeNull()
  })

  it("refuses a body over the limit, declared or counted", async () => {
    expect((await seen("/small", { method: "POST", body: "0123456789" })).body).toBe("0123456789")
    expect(await refusal("/small", { method: "POST", body: "0123456789a" })).toBe("413 body_too_large")
    const chunked = {
      method: "POST",
      headers: [["Transfer-Encoding", "chunked"]] as const,
      body: "b\r\n0123456789a\r\n0\r\n\r\n",
    }
    expect(await refusal("/small", chunked)).toBe("413 body_too_large")
    expect(await refusal("/small", { ...chunked, method: "GET" })).toBe("400 bad_request")
    expect((await seen("/small", { method: "GET", body: "0123456789" })).body).toBe("0123456789")
  })

  it("counts the body of a service too, whatever length it claims", async () => {
    const claiming = (bytes: string) => ({
      method: "POST",
      headers: [
        ["Transfer-Encoding", "chunked"],
        ["X-Target", "http://held"],
        ["X-Claim", bytes],
      ] as const,
      body: "b\r\n0123456789a\r\n0\r\n\r\n",
    })
    expect(await refusal("/caller/fetch/ANY/small", claiming("3"))).toBe("413 body_too_large")
    expect(await refusal("/caller/fetch/ANY/retry", claiming("3"))).toBe("413 body_too_large")
    expect((await seen("/caller/fetch/ANY/retry", claiming("11"))).body).toBe("0123456789a")
  })
})

describe("attempts", () => {
  const key = () => crypto.randomUUID()

  it("retries what failed, as often as the route says", async () => {
    expect((await get(`/retry?fail=2&key=${key()}`)).status).toBe(200)
    const { status, body } = await get(`/retry?fail=3&key=${key()}`)
    expect([status, body]).toEqual([503, "failure 3"])
  })

  it("sends a small body again", async () => {
    expect((await seen(`/retry?fail=2&key=${key()}`, { method: "PUT", body: "kept" })).body).toBe("kept")
  })

  it("does not repeat what may act twice, unless it carries a key", async () => {
    expect((await get(`/retry?fail=1&key=${key()}`, { method: "POST", body: "x" })).status).toBe(503)
    const headers = [["Idempotency-Key", "1"]] as const
    expect((await get(`/retry?fail=1&key=${key()}`, { method: "POST", body: "x", headers })).status).toBe(200)
  })

  it("asks no upstream before a body that is to be kept has come, whole and in time", async () => {
    const cut = { method: "PUT", headers: [["Content-Length", "9"]] as const, body: "cut" }
    expect(await refusal("/retry", cut)).toBe("400 bad_request")
    expect(await refusal("/retry-body", { ...cut, keepsOpen: true })).toBe("504 deadline_exceeded")
  })

  it("sends a GET with a body once", async () => {
    expect((await seen("/retry", { body: "asked" })).body).toBe("asked")
    expect((await get(`/retry?fail=1&key=${key()}`, { body: "asked" })).body).toBe("failure 1")
  })

  it("gives up an attempt that is slow, and in the end says so", async () => {
    expect(await refusal("/retry-slow?delayMs=20000")).toBe("504 upstream_timeout")
    const { headers } = await get("/retry-slow?delayMs=20000", { headers: [["weft-debug", "1"]] })
    expect(headers.get("weft-debug")).toContain("attempts=3")
  })
})

describe("hops", () => {
  it("continues the caller's trace with a span of its own", async () => {
    const sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const { headers } = await seen("/x", {
      headers: [
        ["traceparent", sent],
        ["tracestate", "a=1"],
      ],
    })
    expect(headers.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/)
    expect(headers.tracestate).toBe("a=1")
  })

  it("begins a trace where there is none, and drops a state without a trace", async () => {
    const { headers } = await seen("/x", {
      headers: [
        ["traceparent", "nonsense"],
        ["tracestate", "a=1"],
      ],
    })
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/)
    expect(headers).not.toHaveProperty("tracestate")
  })

  it("counts hops and names the caller through a chain of services", async () => {
    const { headers, url } = await seen("/caller/fetch/ECHO/a/b")
    expect(url).toBe("http://echo/a/b")
    expect(headers).toMatchObject({ "weft-hops": "2", "weft-from": "default/caller" })
  })

  it("addresses services by host where the binding names none", async () => {
    expect((await seen("/caller/fetch/ANY/x", { headers: [["x-target", "http://echo"]] })).name).toBe("echo-v1")
    expect(await refusal("/caller/fetch/ANY/x", { headers: [["x-target", "http://nobody"]] })).toBe(
      "404 service_not_found",
    )
  })

  it("refuses a caller that its binding does not name", async () => {
    expect(await refusal("/caller/fetch/NAMELESS/x")).toBe("401 unauthenticated")
  })

  it("names the service that is not there", async () => {
    const { body } = await get("/caller/fetch/ANY/x", { headers: [["x-target", "http://nobody"]] })
    expect(JSON.parse(body)).toMatchObject({
      refusal: "service_not_found",
      detail: "the mesh has no service default/nobody",
    })
  })

  it("ends a loop", async () => {
    const loop = Array.from({ length: 15 }, () => "fetch/ANY").join("/")
    const { status, headers } = await get(`/caller/${loop}/x`, { headers: [["x-target", "http://caller"]] })
    expect([status, headers.get("weft-refusal")]).toEqual([508, "loop_detected"])
  })
})

describe("debugging", () => {
  it("says how the mesh decided, hop by hop", async () => {
    const { headers } = await get("/caller/fetch/ECHO/a", { headers: [["weft-debug", "1"]] })
    expect(headers.get("weft-debug")).toMatch(
      /rule=default\/app\/caller to=default\/caller attempts=1, revision=\d+ to=default\/echo attempts=1$/,
    )
  })
})

describe("what streams", () => {
  it("is not held back", async () => {
    const gate = crypto.randomUUID()
    const response = await fetch(`${mesh.ingressUrl}/stream?gate=${gate}`)
    const chunks: string[] = []
    // Each chunk is sent only when the one before it has arrived here.
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      chunks.push(new TextDecoder().decode(chunk))
      await mesh.dispatchTo("echo-v1", new Request(`http://echo/open-gate?gate=${gate}`))
    }
    expect(chunks).toEqual(["chunk 0\n", "chunk 1\n", "chunk 2\n"])
  })

  it("a WebSocket passes", async () => {
    const socket = new WebSocket(`${mesh.ingressUrl.replace("http", "ws")}/socket`)
    const reply = await new Promise((resolve, reject) => {
      socket.addEventListener("open", () => socket.send("hello"))
      socket.addEventListener("message", ({ data }) => resolve(data))
      socket.addEventListener("error", () => reject(new Error("the socket failed")))
    })
    socket.close()
    expect(reply).toBe("echo hello")
  })
})
