/**
 * The shop's front: GET / is the page, GET /shop.json the same as data, POST /buy places an order, POST /knob makes
 * payments fail. It calls catalog and payments by fetch and orders by RPC, and would do so in the same words without a mesh.
 */
import { page } from "./page.ts"
import type { Env, Hop, Knob, OrderList, Product, TraceContext } from "./services.ts"

/** What a page shows. A service that does not answer leaves its part empty; the rest of the page is still there. */
export interface Shop {
  readonly products: readonly Product[] | undefined
  readonly orders: OrderList | undefined
  readonly knob: Knob | undefined
  /** Which trace each service was told to be part of. */
  readonly hops: readonly Hop[]
}

export default {
  async fetch(request, env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const route = `${request.method === "HEAD" ? "GET" : request.method} ${pathname}`
    if (route === "GET /") return html(await look(request, env), searchParams.get("order"))
    if (route === "GET /shop.json") return json(await look(request, env))
    if (route === "POST /buy") return buy(request, env)
    if (route === "POST /knob") return turnKnob(request, env)
    return new Response("There is no such page in this shop.\n", { status: 404 })
  },
} satisfies ExportedHandler<Env>

async function look(request: Request, env: Env): Promise<Shop> {
  const traceparent = request.headers.get("traceparent")
  const [catalog, orders, knob] = await Promise.all([
    attempt("catalog", () =>
      get<{ products: Product[]; hop: Hop }>(env.CATALOG, "http://catalog/products", traceparent),
    ),
    attempt("orders", () => env.ORDERS.listOrders(contextOf(traceparent))),
    attempt("payments", () => get<Knob>(env.PAYMENTS, "http://payments/knob", traceparent)),
  ])
  const own: Hop = { service: "storefront", traceparent }
  const hops = [own, catalog?.hop, orders?.hop].filter((hop) => hop !== undefined)
  return { products: catalog?.products, orders, knob, hops }
}

async function buy(request: Request, env: Env): Promise<Response> {
  const traceparent = request.headers.get("traceparent")
  const id = String((await request.formData().catch(() => new FormData())).get("product") ?? "")
  const url = `http://catalog/products/${encodeURIComponent(id)}`
  const found = await attempt("catalog", () => get<{ product: Product }>(env.CATALOG, url, traceparent))
  if (!found) return new Response("This product is not to be had just now.\n", { status: 404 })
  const { name, priceCents } = found.product
  const wanted = { productId: id, name, amountCents: priceCents }
  const order = await attempt("orders", () => env.ORDERS.placeOrder(wanted, contextOf(traceparent)))
  if (!order) return new Response("Orders are not taken just now.\n", { status: 503 })
  return seeOther(`/?order=${order.id}`)
}

async function turnKnob(request: Request, env: Env): Promise<Response> {
  const form = await request.formData().catch(() => new FormData())
  const knob = { failRate: Number(form.get("failRate")), delayMs: Number(form.get("delayMs") ?? 0) }
  const headers = new Headers({ "content-type": "application/json" })
  const response = await env.PAYMENTS.fetch("http://payments/knob", {
    method: "PUT",
    headers,
    body: JSON.stringify(knob),
  })
  return response.ok ? seeOther("/") : new Response("Payments does not take this.\n", { status: 400 })
}

async function get<T>(service: Fetcher, url: string, traceparent: string | null): Promise<T> {
  const response = await service.fetch(url, { headers: traceparent === null ? {} : { traceparent } })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`${url} answered ${response.status}`)
  }
  return response.json()
}

async function attempt<T>(service: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    console.error(`${service} did not answer:`, error)
    return undefined
  }
}

function contextOf(traceparent: string | null): TraceContext {
  return traceparent === null ? {} : { traceparent }
}

function html(shop: Shop, orderId: string | null): Response {
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    ...versionHeader(shop),
  }
  return new Response(page(shop, orderId), { headers })
}

function json(shop: Shop): Response {
  return Response.json(shop, { headers: versionHeader(shop) })
}

/** Which version of orders answered, for counting. */
function versionHeader(shop: Shop): Record<string, string> {
  return { "cache-control": "no-store", "x-orders-version": shop.orders?.version ?? "none" }
}

function seeOther(location: string): Response {
  return new Response(null, { status: 303, headers: { location } })
}
