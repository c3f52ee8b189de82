/** Active health checks over real Workers: control's object asks, the proxy's prober checks, isolates hear of it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { MeshDocument } from "#shared/model/document.ts"
import type { HealthStatus, Status } from "#shared/protocol/control-api.ts"
import { startTestMesh, type TestMesh, TOKEN } from "./mesh.ts"

let mesh: TestMesh
const HEALTH = { path: "/healthz", interval: "1s", timeout: "900ms", unhealthyThreshold: 1, healthyThreshold: 1 }
const TWO = [{ binding: "ECHO_V1" }, { binding: "ECHO_V2" }]

const DOCUMENT: MeshDocument = {
  services: {
    pair: { endpoints: TWO, balancer: { kind: "round-robin" }, health: HEALTH },
    strict: { endpoints: [{ binding: "ECHO_V1" }], health: { ...HEALTH, panicPercent: 0 } },
    method: { binding: "CALLEE", health: { rpc: "ping", interval: "1s", unhealthyThreshold: 1 } },
    unbound: { binding: "NOWHERE", health: HEALTH },
    notified: { binding: "ECHO_V2" },
    closed: { binding: "ECHO_V2" },
    unchecked: { endpoints: TWO, balancer: { kind: "round-robin" } },
  },
  policies: {
    alerts: { services: ["notified"], rules: [{ from: [{ namespaces: ["weft"] }] }] },
    nobody: { services: ["closed"], rules: [{ from: [{ services: ["pair"] }] }] },
  },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    all: {
      hosts: ["app.test"],
      rules: ["pair", "strict", "unchecked"].map((service) => ({
        match: { path: `/${service}` },
        backends: [{ service }],
      })),
    },
  },
}

beforeAll(async () => {
  mesh = await startTestMesh(DOCUMENT, { WEFT_LEASE_MS: "50" })
})
afterAll(() => mesh?.stop())

const is = (worker: string, query: string) =>
  mesh.dispatchTo(worker, new Request(`http://x/health-is?${query}`)).then((response) => response.json())

async function statusOf(service: string): Promise<HealthStatus | undefined> {
  const response = await fetch(`${mesh.controlUrl}/v1/status`, { headers: { authorization: `Bearer ${TOKEN}` } })
  return ((await response.json()) as Status).health.find((one) => one.service === `default/${service}`)
}

/** Which upstreams answer ten requests. */
async function answering(service: string): Promise<string[]> {
  const names = new Set<string>()
  for (let sent = 0; sent < 10; sent++) {
    const { status, headers } = await mesh.raw({ target: `/${service}` })
    names.add(status === 200 ? (headers.get("x-upstream") ?? "") : `${status} ${headers.get("weft-refusal")}`)
  }
  return [...names].sort()
}

const patient = { interval: 50 }

describe("an endpoint that fails its checks", () => {
  it("gets no more requests, and the status says why; it is back when it is well", async () => {
    await expect.poll(() => statusOf("pair"), patient).toMatchObject({ silent: false, checked: 2, unhealthy: [] })
    await expect.poll(() => answering("pair"), patient).toEqual(["echo-v1", "echo-v2"])
    await is("echo-v2", "status=503")
    await expect.poll(() => answering("pair"), patient).toEqual(["echo-v1"])
    expect((await statusOf("pair"))?.unhealthy).toEqual([
      {
        cluster: "default/pair",
        endpoint: "ECHO_V2",
        because: "status 503",
        sinceMs: expect.any(Number),
        heeded: true,
      },
    ])
    await expect.poll(() => answering("unchecked"), patient).toEqual(["echo-v1", "echo-v2"])
    await is("echo-v2", "status=200")
    await expect.poll(() => answering("pair"), patient).toEqual(["echo-v1", "echo-v2"])
  })

  it("is one that answers too late", async () => {
    await is("echo-v1", "delayMs=60000")
    await expect.poll(() => answering("pair"), patient).toEqual(["echo-v2"])
    await expect
      .poll(async () => (await statusOf("pair"))?.unhealthy)
      .toMatchObject([{ endpoint: "ECHO_V1", because: "no answer within 900 ms" }])
    await is("echo-v1", "")
    await expect.poll(() => answering("pair"), patient).toEqual(["echo-v1", "echo-v2"])
  })

  it("is refused for where nothing else is left and panic is off, and used where it is on", async () => {
    await is("echo-v1", "status=500")
    await is("echo-v2", "status=500")
    await expect.poll(() => answering("strict"), patient).toEqual(["503 no_healthy_endpoint"])
    await expect
      .poll(() => statusOf("pair"), patient)
      .toMatchObject({ unhealthy: [{ heeded: false }, { heeded: false }] })
    await expect.poll(() => answering("pair"), patient).toEqual(["echo-v1", "echo-v2"])
    await Promise.all([is("echo-v1", ""), is("echo-v2", "")])
    await expect.poll(() => answering("strict"), patient).toEqual(["echo-v1"])
  })

  it("may be one of RPC, or one that the proxy has no binding to", async () => {
    const well = (method: string) => mesh.dispatchTo("callee", new Request("http://x/well", { method }))
    await expect.poll(() => statusOf("method"), patient).toMatchObject({ silent: false, unhealthy: [] })
    await well("DELETE")
    await expect.poll(() => statusOf("method"), patient).toMatchObject({ unhealthy: [{ because: "the method threw" }] })
    await well("PUT")
    await expect.poll(() => statusOf("method"), patient).toMatchObject({ unhealthy: [] })
    await expect
      .poll(() => statusOf("unbound"), patient)
      .toMatchObject({ unhealthy: [{ because: "the proxy has no binding to it" }] })
  })
})

describe("a notification", () => {
  const deliver = async (service: string, path: string, by = "CONTROLS_PROBER") => {
    const asked = new URLSearchParams({ by, service, path })
    const response = await mesh.dispatchTo("caller", new Request(`http://caller/rpc/deliver?${asked}`))
    return (await response.json()) as { value?: unknown; error?: { refusal?: string } }
  }

  it("goes through the mesh to a service, by a caller of its own, for which policies hold", async () => {
    expect(await deliver("default/notified", "/?note=alert&status=202")).toEqual({ value: { status: 202 } })
    const mirrored = await mesh.dispatchTo("echo-v2", new Request("http://x/mirrored"))
    expect(await mirrored.json()).toContain('alert {"status":"firing"}')
    expect(await deliver("default/closed", "/")).toEqual({ value: { status: 403, refusal: "forbidden" } })
    expect(await deliver("default/nothing", "/")).toEqual({ value: { status: 404, refusal: "service_not_found" } })
    expect((await deliver("not a name", "/")).error).toBeDefined()
  })

  it("is brought for nobody but control", async () => {
    const { error } = await deliver("default/notified", "/", "FALSE_PROBER")
    expect(error?.refusal).toBe("forbidden")
  })
})

describe("a check", () => {
  it("is a plain request that says who asks", async () => {
    await is("echo-v1", "")
    const seen = async () => (await is("echo-v1", "")) as Record<string, string>[]
    await expect.poll(seen, patient).toContainEqual({
      ...{ method: "GET", url: "http://pair/healthz", "user-agent": "weft-health-check" },
    })
  })

  it("is made for nobody but control", async () => {
    const asked = async (by: string) => {
      const response = await mesh.dispatchTo("caller", new Request(`http://caller/rpc/check?by=${by}`))
      return ((await response.json()) as { error?: { refusal?: string } }).error?.refusal
    }
    expect([await asked("PROBER"), await asked("FALSE_PROBER")]).toEqual(["forbidden", "forbidden"])
  })

  it("ends with the service's policy, and begins again with it", async () => {
    await mesh.apply({ services: { pair: { endpoints: TWO } } })
    await expect.poll(() => statusOf("pair"), patient).toBeUndefined()
    const urls = async () => ((await is("echo-v1", "")) as { url: string }[]).map(({ url }) => url)
    await urls()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const seen = await urls()
    expect(seen).not.toContain("http://pair/healthz")
    await expect.poll(urls, patient).toContain("http://strict/healthz")
    await mesh.apply({ services: { pair: { endpoints: TWO, health: { path: "/healthz?again", interval: "1s" } } } })
    await expect.poll(urls, patient).toContain("http://pair/healthz?again")
  })
})
