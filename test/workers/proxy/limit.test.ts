/** Rate limits through real Workers and a real limiter: what a caller gets, over HTTP and RPC. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RateLimitDocument } from "#shared/model/document.ts"
import { type RawResponse, startTestMesh, type TestMesh } from "./mesh.ts"

const rule = (name: string, ...rateLimits: RateLimitDocument[]) => ({
  ...{ name, match: { path: `/${name}` }, backends: [{ service: "echo" }] },
  rateLimits,
})

let mesh: TestMesh
beforeAll(async () => {
  mesh = await startTestMesh({
    services: { echo: {}, callee: {}, caller: {} },
    // Whoever asks here stands for a proxy before the mesh, which says for whom it asks.
    gateways: { default: { listeners: [{ name: "any" }], clientAddress: { trustedHops: 1 } } },
    routes: {
      revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
      app: {
        hosts: ["app.test"],
        rules: [
          rule("isolate", { requests: 2, per: "1h", scope: "isolate", name: "two" }),
          rule("mesh", { requests: 2, per: "1h", name: "two" }),
          rule("exact", { requests: 2, per: "1h", scope: "exact", name: "two", headers: true }),
          rule("shadow", { requests: 1, per: "1h", scope: "exact", shadow: true, headers: true }),
          rule("user", { requests: 1, per: "1h", scope: "exact", key: ["header:x-user"] }),
          rule("address", { requests: 1, per: "1h", scope: "exact", key: ["ip"] }),
          {
            name: "template",
            match: { path: { template: "/users/{id}/posts" } },
            backends: [{ service: "echo" }],
            rateLimits: [{ requests: 1, per: "1h", scope: "exact", key: ["capture:id"] }],
          },
          rule("cost", { requests: 10, per: "1h", scope: "exact", cost: 4, headers: true }),
          rule(
            "both",
            { requests: 5, per: "1m", scope: "exact", name: "wide", headers: true },
            { requests: 1, per: "1h", scope: "exact", name: "small" },
          ),
        ],
      },
      callee: {
        service: "callee",
        rules: [
          {
            match: { rpc: "add" },
            backends: [{ service: "callee" }],
            rateLimits: [{ requests: 1, per: "1h", key: ["caller", "rpc"] }],
          },
          { backends: [{ service: "callee" }] },
        ],
      },
    },
  })
})
afterAll(() => mesh?.stop())

async function get(target: string, count: number, headers: [string, string][] = []): Promise<RawResponse[]> {
  const responses: RawResponse[] = []
  for (let index = 0; index < count; index++) responses.push(await mesh.raw({ target, headers }))
  return responses
}

const statuses = (responses: readonly RawResponse[]) => responses.map(({ status }) => status)

describe("a rule with a rate limit", () => {
  it.each([["isolate"], ["mesh"], ["exact"]])("lets so many through and refuses the next: scope %s", async (scope) => {
    expect(statuses(await get(`/${scope}`, 4))).toEqual([200, 200, 429, 429])
  })

  it("refuses in the mesh's own words, and says when to come back", async () => {
    const [, , refused] = await get("/isolate", 3)
    expect(refused!.headers.get("weft-refusal")).toBe("rate_limited")
    expect(refused!.headers.get("content-type")).toBe("application/problem+json")
    expect(Number(refused!.headers.get("retry-after"))).toBeGreaterThan(1_700)
    expect(refused!.headers.get("ratelimit-policy")).toBe('"two";q=2;w=3600')
    expect(refused!.headers.get("ratelimit")).toMatch(/^"two";r=0;t=3[56]\d\d$/)
  })

  it("counts each client's address for itself, and of IPv6 each network", async () => {
    const from = async (address: string) => statuses(await get("/address", 1, [["x-forwarded-for", address]]))[0]
    const asked = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
    const got: unknown[] = []
    for (const address of asked) got.push(await from(address))
    expect(got).toEqual([200, 429, 200, 200, 429, 200])
  })

  it("tells admitted requests where they stand only when it is asked to", async () => {
    const [open] = await get("/user", 1, [["x-user", "somebody"]])
    expect(open!.headers.get("ratelimit")).toBeNull()
    const [first] = await get("/cost", 1)
    expect(first!.headers.get("ratelimit-policy")).toBe('"limit-0";q=10;w=3600')
    expect(first!.headers.get("ratelimit")).toMatch(/^"limit-0";r=6;t=1440$/)
  })

  it("takes what a request costs", async () => {
    expect(statuses(await get("/cost", 2))).toEqual([200, 429])
  })

  it("in shadow refuses nothing and tells nobody", async () => {
    const responses = await get("/shadow", 3)
    expect(statuses(responses)).toEqual([200, 200, 200])
    expect(responses[2]!.headers.get("ratelimit")).toBeNull()
  })

  it("counts by the values of its key", async () => {
    expect(statuses(await get("/user", 2, [["x-user", "a"]]))).toEqual([200, 429])
    expect(statuses(await get("/user", 2, [["x-user", "b"]]))).toEqual([200, 429])
    expect(statuses(await get("/user", 2))).toEqual([200, 429])
  })

  it("counts by what the path's template captured", async () => {
    expect(statuses(await get("/users/1/posts", 2))).toEqual([200, 429])
    expect(statuses(await get("/users/2/posts", 2))).toEqual([200, 429])
  })

  it("asks all its limits, and spends none when one refuses", async () => {
    const [admitted, refused] = await get("/both", 4)
    expect(admitted!.status).toBe(200)
    expect(refused!.status).toBe(429)
    expect(refused!.headers.get("ratelimit-policy")).toBe('"wide";q=5;w=60, "small";q=1;w=3600')
    const [last] = await get("/both", 1)
    expect(last!.headers.get("ratelimit")).toMatch(/^"wide";r=4;/)
  })
})

describe("RPC", () => {
  it("is refused with an error that says when to come back", async () => {
    const call = async () => {
      const response = await mesh.dispatchTo("caller", new Request("http://caller/rpc/method?by=MESH"))
      return (await response.json()) as { value?: unknown; error?: Record<string, unknown> }
    }
    expect(await call()).toEqual({ value: 5 })
    const { error } = await call()
    expect(error).toMatchObject({ name: "WeftRefusal", refusal: "rate_limited", status: 429, retryable: true })
    expect(error!.retryAfterMs).toBeGreaterThan(0)
  })
})
