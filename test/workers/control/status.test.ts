import { reset } from "cloudflare:test"
import { describe, expect, it } from "vitest"
import type { Service } from "#shared/model/service.ts"
import type { Status } from "#shared/protocol/control-api.ts"
import { type IsolateStatus, MESH } from "#shared/protocol/route-table.ts"
import { evict } from "#test/durable-objects/evict.ts"
import { unbound } from "#workers/control/status.ts"
import { call, controlEnv, documents, get } from "./support.ts"

function service(id: string, endpoints: Service["endpoints"], subset?: Service["endpoints"]): Service {
  return { id, endpoints, subsets: subset ? { v2: { name: "v2", endpoints: subset } } : {} } as unknown as Service
}

const binding = (name: string) => ({ kind: "binding", binding: name }) as const
const isolate = (...bindings: string[]): IsolateStatus => ({ isolate: "a", serving: 1, seenAtMs: 0, bindings })
const silent: IsolateStatus = { isolate: "s", serving: 1, seenAtMs: 0 }

describe("unbound bindings", () => {
  const orders = service("default/orders", [binding("ORDERS")], [binding("ORDERS_V2")])

  it.each([
    ["none while no isolate has reported", [], []],
    ["none while isolates say nothing of bindings", [silent], []],
    ["all that no isolate has", [isolate("CART")], ["ORDERS", "ORDERS_V2"]],
    ["those of subsets", [isolate("ORDERS")], ["ORDERS_V2"]],
    ["none when any isolate has it", [silent, isolate("ORDERS"), isolate("ORDERS_V2")], []],
    ["all, of a proxy without bindings", [isolate()], ["ORDERS", "ORDERS_V2"]],
  ])("are %s", (_, isolates, expected) => {
    expect(unbound([orders], isolates).map((entry) => entry.binding)).toEqual(expected)
  })

  it("name each binding of a service once, and no URL", () => {
    const url = { kind: "url", url: "https://a.example" } as const
    const dispatch = { kind: "dispatch", binding: "TENANTS", worker: "w" } as const
    const twice = service("default/a", [binding("A"), binding("A"), url, dispatch])
    expect(unbound([twice], [isolate("X")])).toEqual([
      { service: "default/a", binding: "A" },
      { service: "default/a", binding: "TENANTS" },
    ])
  })
})

describe("status", () => {
  it("tells the head, the counts and the isolates", async () => {
    await reset()
    const rules = [{ backends: [{ service: "orders" }] }]
    const content = { services: { orders: {}, cart: {} }, routes: { shop: { hosts: ["shop.example"], rules } } }
    await call("POST", "/v1/apply", { body: documents(content) })
    await controlEnv.ROUTE_TABLE.getByName(MESH).pull({ isolate: "a1", serving: 0, bindings: ["ORDERS"] })
    const response = await call("GET", "/v1/status")
    expect(response.headers.get("etag")).toBe('"1"')
    expect(await response.json()).toEqual({
      head: expect.objectContaining({ revision: 1, author: "root", added: 3 }),
      services: 2,
      routes: 1,
      isolates: [
        {
          ...{ isolate: "a1", serving: 0, bindings: ["ORDERS"] },
          ...{ seenAtMs: expect.any(Number), servingSinceMs: expect.any(Number) },
        },
      ],
      relays: [],
      floorsMissed: 0,
      unbound: [{ service: "default/cart", binding: "CART" }],
      breakers: [],
      health: [],
    })
    await controlEnv.ROUTE_TABLE.getByName(MESH).pull({ isolate: "a1", serving: 1, bindings: ["ORDERS", "CART"] })
    expect(await get<Status>("/v1/status")).toMatchObject({ unbound: [], isolates: [{ serving: 1 }] })
    // One that was put away knows the isolates, and that there may be others.
    await evict(controlEnv.ROUTE_TABLE.getByName(MESH))
    expect(await get<Status>("/v1/status")).toMatchObject({ unsure: true, isolates: [{ serving: 1 }] })
  })

  it("tells of services whose checks nobody has made yet", async () => {
    await reset()
    const content = { services: { orders: { health: { path: "/healthz" } }, cart: {} } }
    await call("POST", "/v1/apply", { body: documents(content) })
    const { health } = await get<Status>("/v1/status")
    expect(health).toEqual([{ service: "default/orders", checked: 1, silent: true, unhealthy: [] }])
  })
})
