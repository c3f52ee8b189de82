import { reset } from "cloudflare:test"
import { beforeAll, describe, expect, it } from "vitest"
import type { Explained } from "#shared/protocol/explain.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { call, controlEnv, documents, makeToken, problemOf } from "./support.ts"

const toVersion = (subset: string) => ({
  services: { orders: { subsets: { v1: {}, v2: {} } } },
  routes: { shop: { hosts: ["shop.example.com"], rules: [{ backends: [{ service: "orders", subset }] }] } },
})

async function ask(body: unknown, token?: string): Promise<Explained> {
  const response = await call("POST", "/v1/explain", { body, ...(token !== undefined && { token }) })
  expect(response.status).toBe(200)
  return response.json()
}

describe("explain", () => {
  const request = { url: "http://shop.example.com/orders/7" }

  beforeAll(async () => {
    await reset()
  })

  it("knows that the empty mesh takes nothing", async () => {
    expect(await ask({ request })).toMatchObject({ revision: 0, refusal: { name: "route_not_found", status: 404 } })
  })

  it("tells by the head, by an earlier revision, and whether a proxy can reach the endpoint", async () => {
    await call("POST", "/v1/apply", { body: documents(toVersion("v1")) })
    await call("POST", "/v1/apply", { body: documents(toVersion("v2")) })
    const unknown = await ask({ request })
    expect(unknown).toMatchObject({ revision: 2, winner: { rule: "default/shop/0" } })
    expect(unknown.branches[0]?.sends?.endpoints).toEqual([{ at: "binding ORDERS_V2" }])

    await controlEnv.ROUTE_TABLE.getByName(MESH).pull({ isolate: "a1", serving: 2, bindings: ["ORDERS_V1"] })
    const endpointsOf = (told: Explained) => told.branches[0]?.sends?.endpoints
    expect(endpointsOf(await ask({ request }))).toEqual([{ at: "binding ORDERS_V2", bound: false }])
    expect(endpointsOf(await ask({ request, revision: 1 }))).toEqual([{ at: "binding ORDERS_V1", bound: true }])
  })

  it("is for viewers, and depends on the head only when no revision is named", async () => {
    const token = await makeToken("looker", "viewer")
    expect((await ask({ request }, token)).revision).toBe(2)
    const etagOf = async (body: object) => (await call("POST", "/v1/explain", { body })).headers.get("etag")
    expect([await etagOf({ request }), await etagOf({ request, revision: 1 })]).toEqual(['"2"', null])
  })

  it.each<[string, unknown, number]>([
    ["a revision that is not there", { request, revision: 99 }, 404],
    ["a key that is not known", { request: { ...request, verb: "GET" } }, 400],
    ["dice of seven", { request: { ...request, dice: 7 } }, 400],
    ["no request", {}, 400],
  ])("refuses %s", async (_, body, status) => {
    const response = await call("POST", "/v1/explain", { body })
    expect(response.status).toBe(status)
    await problemOf(response)
  })
})
