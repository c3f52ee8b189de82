import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { eventually } from "#test/support/eventually.ts"
import { SHOP, type ShopMesh, startShop } from "./shop-mesh.ts"

interface Shop {
  readonly products: readonly { id: string; priceCents: number }[]
  readonly orders: { version: string; orders: readonly { id: string; status: string; hops: readonly Hop[] }[] }
  readonly hops: readonly Hop[]
}

interface Hop {
  readonly service: string
  readonly traceparent: string | null
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

let mesh: ShopMesh
let folder: string

/** The storefront and orders once more, bound to their services directly. The code is the same file. */
async function directProjects(): Promise<string[]> {
  folder = await mkdtemp(join(tmpdir(), "weft-direct-"))
  const worker = (name: string, from: string, config: object) => {
    const file = join(folder, `${name}.json`)
    const main = join(SHOP, "workers", from, "index.ts")
    return writeFile(file, JSON.stringify({ name, main, compatibility_date: "2026-10-20", ...config })).then(() => file)
  }
  const book = { name: "BOOK", class_name: "OrderBook", script_name: "shop-orders-v1" }
  return Promise.all([
    worker("direct-orders", "orders", {
      vars: { VERSION: "v1" },
      durable_objects: { bindings: [book] },
      services: [{ binding: "PAYMENTS", service: "shop-payments" }],
    }),
    worker("direct-storefront", "storefront", {
      services: [
        { binding: "CATALOG", service: "shop-catalog" },
        { binding: "ORDERS", service: "direct-orders" },
        { binding: "PAYMENTS", service: "shop-payments" },
      ],
    }),
  ])
}

beforeAll(async () => {
  mesh = await startShop(await directProjects())
})

afterAll(async () => {
  await mesh?.stop()
  await rm(folder, { recursive: true, force: true })
})

const shop = async (headers: Record<string, string> = {}): Promise<Shop> =>
  (await fetch(`${mesh.ingressUrl}/shop.json`, { headers })).json() as Promise<Shop>

const buy = (product: string): Promise<Response> =>
  fetch(`${mesh.ingressUrl}/buy`, { method: "POST", body: new URLSearchParams({ product }), redirect: "manual" })

const direct = (path: string, init?: RequestInit): Promise<Response> =>
  mesh.dispatchTo("direct-storefront", new Request(`http://shop.test${path}`, init))

describe("the shop in a mesh", () => {
  it("shows goods that came by fetch and orders that came by RPC", async () => {
    const { products, orders } = await shop()
    expect(products.map(({ id }) => id)).toContain("scarf")
    expect(orders.version).toBe("v1")
    const page = await (await fetch(mesh.ingressUrl)).text()
    expect(page).toContain("Herringbone scarf")
    expect(page).not.toContain("does not answer")
  })

  it("takes an order over RPC, which takes the money over fetch", async () => {
    const response = await buy("blanket")
    expect(response.status).toBe(303)
    const id = new URL(response.headers.get("location")!, mesh.ingressUrl).searchParams.get("order")
    const order = (await shop()).orders.orders.find((order) => order.id === id)
    expect(order).toMatchObject({ status: "paid", amountCents: 14_900 })
    expect(await (await fetch(`${mesh.ingressUrl}/?order=${id}`)).text()).toContain("Twill blanket is yours")
  })

  it("carries one trace through fetch and RPC, and gives every hop a span of its own", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
    const { hops } = await shop({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` })
    expect(hops.map(({ service }) => service)).toEqual(["storefront", "catalog", "orders"])
    const parsed = hops.map(({ traceparent }) => TRACEPARENT.exec(traceparent ?? ""))
    expect(parsed.map((match) => match?.[1])).toEqual([traceId, traceId, traceId])
    expect(new Set(parsed.map((match) => match?.[2])).size).toBe(3)
  })

  it("carries the trace of a purchase through RPC on into fetch", async () => {
    await buy("towel")
    const { hops } = (await shop()).orders.orders[0]!
    expect(hops.map(({ service }) => service)).toEqual(["orders", "payments"])
    const [orders, payments] = hops.map(({ traceparent }) => TRACEPARENT.exec(traceparent ?? ""))
    expect(payments?.[1]).toBe(orders?.[1])
    expect(payments?.[2]).not.toBe(orders?.[2])
  })

  it("does not let a purchase of nothing through to orders", async () => {
    const before = (await shop()).orders.orders.length
    expect((await buy("nothing")).status).toBe(404)
    expect((await shop()).orders.orders).toHaveLength(before)
  })

  it("knows the orders of one version from the other", async () => {
    await buy("runner")
    const [order] = (await shop()).orders.orders
    const v2 = await mesh.dispatchTo("shop-orders-v2", new Request("http://orders/orders"))
    expect(await v2.json()).toMatchObject({
      version: "v2",
      orders: expect.arrayContaining([expect.objectContaining({ id: order!.id, arrives: expect.any(String) })]),
    })
  })
})

describe("the same Workers without a mesh", () => {
  /** Without what nobody set: without a mesh and a trace from outside there is no trace. */
  const untraced = (shop: Shop) => ({
    ...shop,
    hops: shop.hops.map(({ service }) => service),
    orders: { ...shop.orders, hop: undefined },
  })

  it("answer the same", async () => {
    await buy("scarf")
    const through = await shop()
    const past = (await (await direct("/shop.json")).json()) as Shop
    expect(untraced(past)).toEqual(untraced(through))
  })

  it("take the same orders into the same book", async () => {
    const body = new URLSearchParams({ product: "scarf" })
    const response = await direct("/buy", { method: "POST", body })
    expect(response.status).toBe(303)
    const id = response.headers.get("location")!.split("=")[1]
    expect((await shop()).orders.orders[0]).toMatchObject({ id, status: "paid", takenBy: "v1" })
  })

  it("refuse the same", async () => {
    for (const path of ["/nowhere", "/shop.json/x"]) {
      const [through, past] = await Promise.all([fetch(mesh.ingressUrl + path), direct(path)])
      expect([through.status, await through.text()]).toEqual([past.status, await past.text()])
    }
  })
})

describe("trouble in payments", () => {
  const knob = (failRate: number) =>
    fetch(`${mesh.ingressUrl}/knob`, { method: "POST", body: new URLSearchParams({ failRate: String(failRate) }) })

  /** How many of 32 purchases were paid; the page lists the newest eight. */
  const paid = async (): Promise<number> => {
    let count = 0
    for (let batch = 0; batch < 4; batch++) {
      await Promise.all(Array.from({ length: 8 }, () => buy("towel")))
      count += (await shop()).orders.orders.filter(({ status }) => status === "paid").length
    }
    return count
  }

  it("leaves orders unpaid, until the mesh is told to try charges again", async () => {
    await knob(0.5)
    // Half of 32; that 31 of them are paid by accident happens once in 10^8 times. With five tries each, about 31 are.
    expect(await paid()).toBeLessThan(31)
    await mesh.apply("retries.yaml")
    await eventually(async () => (await paid()) >= 28)
    await knob(0)
  })
})
