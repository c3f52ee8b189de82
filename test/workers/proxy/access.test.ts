/** Access policies in a running mesh: at gateways and services, for requests, calls, copies, stand-ins, upgrades and preflights. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import { explain } from "#shared/exchange/explain.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import { eventually } from "#test/support/eventually.ts"
import { type RawRequest, type RawResponse, startTestMesh, type TestMesh } from "./mesh.ts"

const ECHO = { binding: "ECHO" }

const DOCUMENT: MeshDocument = {
  services: {
    shop: ECHO,
    other: ECHO,
    echo: {},
    guarded: ECHO,
    closed: ECHO,
    shown: ECHO,
    "asked-open": ECHO,
    asked: ECHO,
    "asked-late": ECHO,
    "asked-shown": ECHO,
    "asked-nobody": ECHO,
    "asked-callee": { binding: "CALLEE" },
    callee: {},
    authz: {},
    unbound: {},
    copies: { binding: "ECHO_V2" },
    "secret-copies": { binding: "ECHO_V2" },
    "stand-in": { binding: "ECHO_V2" },
    "secret-stand-in": { binding: "ECHO_V2" },
    failing: { binding: "ECHO", breaker: { consecutive: 1, coolDown: "30s", fallback: { service: "stand-in" } } },
    "failing-too": {
      binding: "ECHO",
      breaker: { consecutive: 1, coolDown: "30s", fallback: { service: "secret-stand-in" } },
    },
    tried: ECHO,
  },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    app: {
      hosts: ["app.test"],
      rules: [
        { match: { path: "/answered" }, filters: [{ respond: { status: 200, body: "answered" } }] },
        {
          match: { path: "/cors" },
          filters: [{ cors: { origins: ["https://a.test"], methods: ["PUT"] } }],
          backends: [{ service: "guarded" }],
        },
        { match: { path: "/guarded" }, backends: [{ service: "guarded" }] },
        { match: { path: "/closed" }, backends: [{ service: "closed" }] },
        {
          match: { path: "/moved" },
          filters: [
            { rewrite: { path: { prefix: "/guarded/secret" } } },
            { requestHeaders: { set: { "x-mesh": "yes" } } },
          ],
          backends: [{ service: "guarded" }],
        },
        {
          match: { path: "/moved-out" },
          filters: [{ rewrite: { path: { prefix: "/open" } } }],
          backends: [{ service: "guarded" }],
        },
        {
          match: { path: "/copied" },
          filters: [{ mirror: { service: "copies" } }, { mirror: { service: "secret-copies" } }],
          backends: [{ service: "echo" }],
        },
        { match: { path: "/failing" }, backends: [{ service: "failing" }] },
        { match: { path: "/failing-too" }, backends: [{ service: "failing-too" }] },
        { match: { path: "/asked" }, backends: [{ service: "asked" }] },
        { match: { path: "/asked-late" }, backends: [{ service: "asked-late" }] },
        { match: { path: "/asked-open" }, backends: [{ service: "asked-open" }] },
        { match: { path: "/asked-shown" }, backends: [{ service: "asked-shown" }] },
        { match: { path: "/asked-nobody" }, backends: [{ service: "asked-nobody" }] },
        { match: { path: "/tried" }, backends: [{ service: "tried" }] },
        { match: { path: "/mirrored" }, backends: [{ service: "copies" }] },
        { backends: [{ service: "echo" }] },
      ],
    },
    echo: { service: "guarded", rules: [{ backends: [{ service: "guarded" }] }] },
  },
  policies: {
    "no-admin": {
      gateways: ["default"],
      action: "deny",
      rules: [
        { to: [{ paths: [{ prefix: "/admin" }] }] },
        { to: [{ paths: [{ prefix: "/office" }] }], from: [{ notIpBlocks: ["192.0.2.0/24"] }] },
        { to: [{ hosts: ["deny.test"] }] },
      ],
    },
    "no-secret": {
      services: ["guarded"],
      action: "deny",
      rules: [{ to: [{ paths: ["/guarded/secret*", "/secret*"] }] }, { to: [{ methods: ["DELETE"] }] }],
    },
    "no-marked": {
      services: ["guarded"],
      action: "deny",
      rules: [{ when: [{ key: "request.headers[x-role]", values: ["banned"] }] }],
    },
    closed: { services: ["closed"], default: "deny" },
    "callee-for-shop": { services: ["callee"], rules: [{ from: [{ services: ["shop"] }], to: [{ rpc: ["add"] }] }] },
    "no-copies": { services: ["secret-copies", "secret-stand-in"], action: "deny", rules: [{}] },
    asked: {
      services: ["asked"],
      action: "custom",
      authorizer: {
        service: "authz",
        path: "/check",
        requestHeaders: ["x-ask", "authorization"],
        upstreamHeaders: ["x-user"],
        timeout: "30s",
      },
      rules: [{ to: [{ notPaths: ["/asked/health"] }] }],
    },
    "asked-late": {
      services: ["asked-late"],
      action: "custom",
      authorizer: { service: "authz", requestHeaders: ["x-ask"], timeout: "1s" },
      rules: [{}],
    },
    "asked-after": {
      services: ["asked"],
      action: "deny",
      rules: [{ when: [{ key: "request.headers[x-user]", values: ["alice"] }], to: [{ paths: ["/asked/not-alice"] }] }],
    },
    "asked-open": {
      services: ["asked-open"],
      action: "custom",
      authorizer: {
        service: "authz",
        requestHeaders: ["*"],
        upstreamHeaders: ["x-user"],
        timeout: "300ms",
        whenUnavailable: "allow",
      },
      rules: [{}],
    },
    "asked-shown": {
      services: ["asked-shown"],
      action: "custom",
      authorizer: { service: "authz", requestHeaders: ["x-ask"], bodyBytes: 64, timeout: "30s" },
      rules: [{}],
    },
    "asked-nobody": { services: ["asked-nobody"], action: "custom", authorizer: { service: "unbound" }, rules: [{}] },
    "asked-callee": {
      services: ["asked-callee"],
      action: "custom",
      authorizer: { service: "authz", timeout: "30s" },
      rules: [{}],
    },
    tried: {
      services: ["tried"],
      action: "deny",
      dryRun: true,
      rules: [{}],
    },
  },
}

let mesh: TestMesh
beforeAll(async () => {
  mesh = await startTestMesh(
    DOCUMENT,
    {},
    {
      proxy: "access/proxy.toml",
      projects: ["echo/wrangler.v1.toml", "echo/wrangler.v2.toml", "callee", "access/caller.toml", "access/authz.toml"],
    },
  )
})
afterAll(() => mesh?.stop())

interface Echoed {
  readonly name: string
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const get = (target: string, ...headers: [string, string][]) => mesh.raw({ target, headers })
const send = (request: RawRequest) => mesh.raw(request)
const echoed = ({ body }: RawResponse) => JSON.parse(body) as Echoed
const verdict = ({ status, headers }: RawResponse) => `${status} ${headers.get("weft-refusal") ?? "-"}`
const DEBUG: [string, string] = ["weft-debug", "1"]

function call(scenario: string, by: string): Promise<{ value?: unknown; error?: Record<string, unknown> }> {
  return mesh
    .dispatchTo("caller", new Request(`http://caller/rpc/${scenario}?by=${by}`))
    .then((response) => response.json()) as never
}

async function inside(by: string, path: string, init: RequestInit & { target?: string } = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set("x-target", init.target ?? "http://guarded")
  const response = await mesh.dispatchTo(
    "caller",
    new Request(`http://caller/fetch/${by}${path}`, { ...init, headers }),
  )
  return response as unknown as Response
}

describe("a gateway's policies", () => {
  it.each([
    ["/admin", "403 forbidden"],
    ["/admin/x", "403 forbidden"],
    ["/administrator", "200 -"],
    ["/%61dmin/x", "403 forbidden"],
    ["/x/../admin", "403 forbidden"],
    ["//admin", "403 forbidden"],
    ["/admin;x=y/action", "403 forbidden"],
    ["/admin%3Bx/action", "403 forbidden"],
    ["/;/admin", "403 forbidden"],
    ["/a/..%3B/admin", "403 forbidden"],
    ["/admin?x=/ok", "403 forbidden"],
    ["/ok?x=/admin", "200 -"],
    ["/answered", "200 -"],
  ])("judge %s: %s", async (target, expected) => {
    expect(verdict(await get(target))).toBe(expected)
  })

  it("name the rule to who may debug, and to nobody else", async () => {
    const denied = await get("/admin", DEBUG)
    expect(denied.headers.get("weft-debug")).toContain("denied=default/no-admin/0")
    expect(denied.body).not.toContain("no-admin")
    expect(JSON.parse(denied.body)).toEqual({
      type: "about:blank#forbidden",
      title: "The caller may not do this",
      status: 403,
      refusal: "forbidden",
      retry: "never",
    })
  })

  it("go by the client's address as the edge tells it", async () => {
    expect(verdict(await get("/office", ["cf-connecting-ip", "192.0.2.7"]))).toBe("403 forbidden")
    // What the local runtime takes for the edge's word about itself: from now on there is one.
    await get("/office", ["mf-cf-blob", JSON.stringify({ colo: "AMS" })], ["cf-connecting-ip", "198.51.100.1"])
    expect(verdict(await get("/office", ["cf-connecting-ip", "192.0.2.7"]))).toBe("200 -")
    expect(verdict(await get("/office", ["cf-connecting-ip", "::ffff:192.0.2.7"]))).toBe("200 -")
    expect(verdict(await get("/office", ["cf-connecting-ip", "198.51.100.1"]))).toBe("403 forbidden")
    expect(verdict(await get("/office"))).toBe("403 forbidden")
    expect(verdict(await get("/office", ["x-forwarded-for", "192.0.2.7"]))).toBe("403 forbidden")
  })

  it("judge an upgrade to a WebSocket like any request", async () => {
    const upgrade = (target: string) =>
      get(
        target,
        ["connection", "Upgrade"],
        ["upgrade", "websocket"],
        ["sec-websocket-version", "13"],
        ["sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="],
      )
    expect((await upgrade("/open")).status).toBe(101)
    expect(verdict(await upgrade("/admin"))).toBe("403 forbidden")
    expect(verdict(await upgrade("/guarded/secret"))).toBe("403 forbidden")
    expect((await upgrade("/guarded/x")).status).toBe(101)
  })

  it("are not got past by a preflight", async () => {
    const preflight = (target: string, origin = "https://a.test") =>
      send({
        method: "OPTIONS",
        target,
        headers: [
          ["origin", origin],
          ["access-control-request-method", "PUT"],
        ],
      })
    expect(verdict(await preflight("/admin"))).toBe("403 forbidden")
    // The route answers by itself: the service, whose policies would refuse the path, hears nothing of it.
    expect((await preflight("/cors/x")).status).toBe(204)
    expect(verdict(await preflight("/guarded/secret"))).toBe("403 forbidden")
  })
})

describe("a service's policies", () => {
  it("judge the request as the service will see it, whichever way it comes", async () => {
    expect(verdict(await get("/guarded/x"))).toBe("200 -")
    expect(verdict(await get("/guarded/secret/x"))).toBe("403 forbidden")
    expect(verdict(await get("/moved/x"))).toBe("403 forbidden")
    expect(verdict(await get("/moved-out/secret"))).toBe("200 -")
    expect(echoed(await get("/moved-out/secret")).url).toBe("http://app.test/open/secret")
    expect(verdict(await get("/guarded/x", ["x-role", "user"], ["x-role", "banned"]))).toBe("403 forbidden")
    expect(verdict(await send({ method: "DELETE", target: "/guarded/x" }))).toBe("403 forbidden")
    expect((await inside("SHOP", "/x")).status).toBe(200)
    expect((await inside("SHOP", "/secret/x")).status).toBe(403)
    expect((await inside("SHOP", "/%73ecret;v=1")).status).toBe(403)
  })

  it("refuse everything where the default is to", async () => {
    const denied = await get("/closed", DEBUG)
    expect(verdict(denied)).toBe("403 forbidden")
    expect(denied.headers.get("weft-debug")).toContain("denied=default/closed")
    expect((await inside("SHOP", "/x", { target: "http://closed" })).status).toBe(403)
  })

  it("judge RPC calls by caller and method", async () => {
    expect(await call("method", "SHOP_CALLEE")).toEqual({ value: 5 })
    expect((await call("method", "OTHER_CALLEE")).error).toMatchObject({
      name: "WeftRefusal",
      refusal: "forbidden",
      status: 403,
    })
    for (const scenario of ["property", "nested", "pipelined", "noArguments"]) {
      expect((await call(scenario, "SHOP_CALLEE")).error).toMatchObject({ refusal: "forbidden" })
    }
    // A request of the same caller is no call of the method.
    expect((await call("fetch", "SHOP_CALLEE")).value).toContain("forbidden")
  })

  it("keep copies from where the sender may not go", async () => {
    expect(verdict(await get("/copied?note=one"))).toBe("200 -")
    const seen: string[] = []
    await eventually(async () => {
      seen.push(...(JSON.parse((await get("/mirrored")).body) as string[]))
      return seen.length > 0
    })
    await new Promise((resolve) => setTimeout(resolve, 150))
    seen.push(...(JSON.parse((await get("/mirrored")).body) as string[]))
    expect(seen).toEqual(["one "])
  })

  it("hold for what stands in for a service", async () => {
    const last = async (target: string) => {
      let answer = await get(`${target}?throw=1`, DEBUG)
      for (let tries = 0; tries < 5 && answer.headers.get("weft-refusal") === "upstream_unreachable"; tries++) {
        answer = await get(target, DEBUG)
      }
      return answer
    }
    const allowed = await last("/failing")
    expect([verdict(allowed), allowed.headers.get("weft-debug")]).toEqual([
      "200 -",
      expect.stringContaining("to=default/stand-in"),
    ])
    const denied = await last("/failing-too")
    expect(verdict(denied)).toBe("503 circuit_open")
    expect(denied.headers.get("weft-debug")).toContain("denied=default/no-copies/0")
  })

  it("in a dry run decide nothing", async () => {
    const answer = await get("/tried", DEBUG)
    expect(verdict(answer)).toBe("200 -")
    expect(answer.headers.get("weft-debug")).not.toContain("denied")
  })
})

describe("an explanation", () => {
  it("says what happens", async () => {
    const compiled = compile([], { documents: [{ source: "test", content: DOCUMENT }], prune: true, revision: 1 })
    if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
    const targets = [
      "/admin;x",
      "/administrator",
      "/office",
      "/guarded/x",
      "/guarded/secret",
      "/moved/x",
      "/moved-out/secret",
    ]
    const more = ["/closed", "/answered", "/tried", "/cors/x", "/guarded/%73ecret;v=1", "/x/..%3B/admin"]
    for (const target of [...targets, ...more]) {
      for (const [name, value] of [
        ["x-role", "user"],
        ["x-role", "user, banned"],
        ["x-none", "1"],
      ] as const) {
        const real = await get(target, [name, value], ["cf-connecting-ip", "192.0.2.7"])
        const request = { url: `http://app.test${target}`, headers: [{ name, value }], address: "192.0.2.7" }
        const told = explain({ revision: 1, snapshot: compiled.snapshot }, request)
        const refusal = told.refusal?.name ?? told.branches[0]?.refusal?.name ?? null
        expect({ target, value, refusal }).toEqual({ target, value, refusal: real.headers.get("weft-refusal") })
      }
    }
  })
})

describe("an authorizer", () => {
  const asked = async () => {
    const response = await mesh.dispatchTo("authz", new Request("http://tests/"))
    return (await response.json()) as { method: string; url: string; headers: Record<string, string>; body: string }[]
  }

  it("sees method, path and the headers that it is meant to see, and sets those that it may set", async () => {
    await asked()
    const answer = await send({
      method: "POST",
      target: "/asked/a?b=c",
      headers: [
        ["x-ask", "allow"],
        ["x-user", "forged"],
        ["x-other", "1"],
        ["cf-connecting-ip", "192.0.2.1"],
      ],
      body: "payload",
    })
    expect(verdict(answer)).toBe("200 -")
    expect(echoed(answer)).toMatchObject({
      method: "POST",
      url: "http://app.test/asked/a?b=c",
      body: "payload",
      headers: { "x-user": "alice", "x-other": "1" },
    })
    expect(echoed(answer).headers).not.toHaveProperty("x-more")
    const [question, ...more] = await asked()
    expect(more).toEqual([])
    expect(question).toMatchObject({
      method: "POST",
      url: "http://app.test/check/asked/a?b=c",
      body: "",
      headers: {
        "x-ask": "allow",
        "x-forwarded-method": "POST",
        "x-forwarded-uri": "/asked/a?b=c",
        "x-forwarded-host": "app.test",
        "x-forwarded-for": "192.0.2.1",
        "weft-hops": "1",
      },
    })
    for (const name of ["x-user", "x-other", "weft-from"]) expect(question!.headers).not.toHaveProperty(name)
  })

  it("is asked before the policies decide, which see what it set", async () => {
    expect(verdict(await get("/asked/not-alice", ["x-ask", "allow"]))).toBe("403 forbidden")
    await asked()
    expect(verdict(await get("/asked/health"))).toBe("200 -")
    expect(await asked()).toEqual([])
  })

  it("refuses in its own words", async () => {
    const denied = await get("/asked/a", DEBUG)
    expect([verdict(denied), denied.body, denied.headers.get("www-authenticate")]).toEqual([
      "401 forbidden",
      "no",
      "Bearer",
    ])
    expect(denied.headers.get("weft-debug")).toContain("denied=default/asked")
    const login = await get("/asked/a", ["x-ask", "login"])
    expect(verdict(login)).toBe("302 forbidden")
    expect(login.headers.get("location")).toBe("https://login.test/")
    expect(login.headers.getSetCookie()).toEqual(["a=1", "b=2"])
    expect(login.headers.has("x-secret")).toBe(false)
  })

  it("that says too much, or never ends, refuses in the mesh's words", async () => {
    const huge = await get("/asked/a", ["x-ask", "huge"])
    expect([verdict(huge), JSON.parse(huge.body).refusal]).toEqual(["401 forbidden", "forbidden"])
    const endless = await get("/asked-late/a", ["x-ask", "endless"])
    expect([verdict(endless), JSON.parse(endless.body).refusal]).toEqual(["403 forbidden", "forbidden"])
  })

  it.each(["slow", "throw", "500"])("that is %s refuses, unless the policy says otherwise", async (how) => {
    expect(verdict(await get("/asked-late/a", ["x-ask", how]))).toBe("403 authorizer_unavailable")
    const open = await get("/asked-open/a", ["x-ask", how], ["x-user", "forged"])
    expect(verdict(open)).toBe("200 -")
    expect(echoed(open).headers).not.toHaveProperty("x-user")
  })

  it("that nobody has bound refuses", async () => {
    expect(verdict(await get("/asked-nobody"))).toBe("403 authorizer_unavailable")
  })

  it("sees a body up to its limit, which then goes on", async () => {
    await asked()
    const post = (body: string, ...headers: [string, string][]) =>
      send({ method: "POST", target: "/asked-shown", headers: [["x-ask", "allow"], ...headers], body })
    const short = await post("a short body")
    expect([verdict(short), echoed(short).body]).toEqual(["200 -", "a short body"])
    expect((await asked()).map(({ body }) => body)).toEqual(["a short body"])
    expect(verdict(await post("x".repeat(65)))).toBe("413 body_too_large")
    expect(verdict(await post(`46\r\n${"x".repeat(70)}\r\n0\r\n\r\n`, ["transfer-encoding", "chunked"]))).toBe(
      "413 body_too_large",
    )
    expect(await asked()).toEqual([])
  })

  it("of a call sees its method and its caller", async () => {
    await asked()
    expect(await call("method", "SHOP_ASKED")).toEqual({ value: 5 })
    expect((await call("method", "OTHER_ASKED")).error).toMatchObject({ refusal: "forbidden" })
    expect(
      (await asked()).map(({ method, url, headers }) => [method, url, headers["weft-rpc"], headers["weft-from"]]),
    ).toEqual([
      ["POST", "http://asked-callee/add", "add", "default/shop"],
      ["POST", "http://asked-callee/add", "add", "default/other"],
    ])
  })
})
