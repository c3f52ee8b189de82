/** Balancing, outliers, places and priority through real Workers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Status } from "#shared/protocol/control-api.ts"
import { type RawRequest, startTestMesh, type TestMesh, TOKEN } from "./mesh.ts"

const echoes = [{ binding: "ECHO_V1" }, { binding: "ECHO_V2" }]
/** Nothing listens there. */
const dead = { url: "http://127.0.0.1:9" }

const to = (service: string, more: object = {}) => ({
  match: { path: `/${service}` },
  backends: [{ service }],
  ...more,
})

let mesh: TestMesh

beforeAll(async () => {
  mesh = await startTestMesh({
    services: {
      weighted: { endpoints: [{ ...echoes[0], weight: 3 }, { ...echoes[1] }], balancer: { kind: "round-robin" } },
      sharded: { endpoints: echoes, balancer: { kind: "hash", key: { header: "X-Tenant" } } },
      flaky: {
        endpoints: [dead, echoes[0]!, echoes[1]!],
        outlier: { consecutive5xx: 2, baseEjection: "1h", maxEjection: "1h" },
      },
      small: { binding: "ECHO_V1", concurrency: { max: 1 } },
      dead: { ...dead, throttle: {} },
      echo: {},
      caller: {},
    },
    routes: {
      app: {
        hosts: ["app.test"],
        rules: [
          to("weighted"),
          to("sharded"),
          to("flaky"),
          to("small"),
          to("dead"),
          to("echo", { priority: "critical" }),
          { match: { path: "/impatient" }, backends: [{ service: "caller" }] },
          { match: { path: "/plain" }, backends: [{ service: "echo" }] },
        ],
      },
    },
  })
})

afterAll(() => mesh.stop())

const get = (target: string, more: Omit<RawRequest, "target"> = {}) => mesh.raw({ target, ...more })

async function upstreams(target: string, count: number, headers: RawRequest["headers"] = []): Promise<string[]> {
  const names: string[] = []
  for (let index = 0; index < count; index++) {
    const answer = await get(target, { headers })
    names.push(answer.headers.get("x-upstream") ?? `${answer.status} ${answer.headers.get("weft-refusal")}`)
  }
  return names
}

describe("balancing", () => {
  it("spreads by the weights of the endpoints", async () => {
    const names = await upstreams("/weighted", 40)
    expect([
      names.filter((name) => name === "echo-v1").length,
      names.filter((name) => name === "echo-v2").length,
    ]).toEqual([30, 10])
  })

  it("keeps a key with its endpoint, and not all keys with one", async () => {
    const found = new Set<string>()
    for (let tenant = 0; tenant < 12; tenant++) {
      const names = new Set(await upstreams("/sharded", 4, [["X-Tenant", `tenant-${tenant}`]]))
      expect(names.size).toBe(1)
      for (const name of names) found.add(name)
    }
    expect(found.size).toBe(2)
  })
})

describe("an endpoint that does not answer", () => {
  it("is left out after a few failures", async () => {
    await upstreams("/flaky", 60)
    expect(new Set(await upstreams("/flaky", 30))).toEqual(new Set(["echo-v1", "echo-v2"]))
  })

  it("is told in the status of the mesh", async () => {
    const outliers = async () => {
      await get("/flaky")
      const headers = { authorization: `Bearer ${TOKEN}` }
      const status = (await (await fetch(`${mesh.controlUrl}/v1/status`, { headers })).json()) as Status
      return status.isolates.flatMap((isolate) => isolate.outliers ?? [])
    }
    await expect.poll(outliers, { interval: 200 }).toMatchObject([
      {
        cluster: "default/flaky",
        endpoint: expect.stringContaining("127.0.0.1:9"),
        ejected: true,
        because: "consecutive_5xx",
      },
    ])
  })

  it("is asked seldom when it is the only one and requests are throttled", async () => {
    const refusals = await upstreams("/dead", 60)
    expect(refusals.filter((one) => one.endsWith(" overloaded")).length).toBeGreaterThan(30)
    expect(refusals.filter((one) => one.endsWith(" upstream_unreachable")).length).toBeGreaterThan(0)
  })
})

describe("a service with one place", () => {
  it("takes one request at a time, and the next one after", async () => {
    const first = get("/small?hold=one")
    const held = async () => (await mesh.dispatchTo("echo-v1", new Request("http://echo/held"))).json()
    await expect.poll(held).toEqual(["one"])
    const second = await get("/small")
    expect([second.status, second.headers.get("weft-refusal")]).toEqual([503, "overloaded"])
    await mesh.dispatchTo("echo-v1", new Request("http://echo/open-gate?gate=one"))
    expect((await first).status).toBe(200)
    expect((await get("/small")).status).toBe(200)
  })

  it("has it back when a caller goes away", async () => {
    for (let times = 0; times < 3; times++) {
      await get("/impatient/ANY/x?delayMs=60000", { headers: [["x-target", "http://small"]] })
      await expect.poll(async () => (await get("/small")).status).toBe(200)
    }
  })
})

describe("priority", () => {
  it("is told to the upstream, by the rule and never by the public", async () => {
    const seen = async (target: string) =>
      JSON.parse((await get(target, { headers: [["weft-priority", "high"]] })).body).headers["weft-priority"]
    expect(await seen("/echo")).toBe("critical")
    expect(await seen("/plain")).toBeUndefined()
  })
})
