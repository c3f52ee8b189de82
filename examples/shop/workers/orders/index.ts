/**
 * Takes orders, over RPC (`listOrders`, `placeOrder`, `getOrder`) and over HTTP (GET /orders). Deployed as two Workers, v1
 * and v2; v2 also says when an order will arrive.
 *
 * RPC has no headers to carry a trace in. A method that takes part in traces therefore declares a last parameter
 * `context`: the mesh hands on an updated copy of one that holds a `traceparent`.
 */
import { WorkerEntrypoint } from "cloudflare:workers"
import type { Hop, NewOrder, Order, OrderBook } from "./book.ts"

export { OrderBook } from "./book.ts"

interface Env {
  readonly VERSION: string
  readonly BOOK: DurableObjectNamespace<OrderBook>
  readonly PAYMENTS: Fetcher
}

interface TraceContext {
  readonly traceparent?: string
}

/** An order as callers see it: v2 adds the day of delivery, `2026-11-26`. */
type OrderView = Order & { readonly arrives?: string }

interface OrderList {
  readonly version: string
  readonly orders: readonly OrderView[]
  readonly hop: Hop
}

const DELIVERY_MS = 3 * 24 * 60 * 60 * 1000

export default class Orders extends WorkerEntrypoint<Env> {
  readonly #book = this.env.BOOK.getByName("shop")

  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (request.method !== "GET" || pathname !== "/orders")
      return Response.json({ error: "not_found" }, { status: 404 })
    const traceparent = request.headers.get("traceparent")
    return Response.json(await this.listOrders(traceparent === null ? {} : { traceparent }))
  }

  async listOrders(context?: TraceContext): Promise<OrderList> {
    const orders = await this.#book.list()
    return { version: this.env.VERSION, orders: orders.map((order) => this.#view(order)), hop: hop(context) }
  }

  async getOrder(id: string): Promise<OrderView | undefined> {
    const order = await this.#book.get(id)
    return order && this.#view(order)
  }

  async placeOrder(wanted: NewOrder, context?: TraceContext): Promise<OrderView> {
    const { productId, name, amountCents } = wanted
    const order: Order = {
      ...{ productId, name, amountCents },
      id: crypto.randomUUID().slice(0, 8),
      placedAtMs: Date.now(),
      status: "pending",
      takenBy: this.env.VERSION,
      hops: [hop(context)],
    }
    // Written down before money is taken: whatever fails after this, the order is known.
    await this.#book.add(order)
    const { paid, hops } = await this.#charge(order, context)
    const settled: Order = { ...order, status: paid ? "paid" : "unpaid", hops: [...order.hops, ...hops] }
    await this.#book.settle(settled.id, settled.status, settled.hops)
    return this.#view(settled)
  }

  async #charge(order: Order, context: TraceContext | undefined): Promise<{ paid: boolean; hops: Hop[] }> {
    const headers = new Headers({ "content-type": "application/json", "idempotency-key": order.id })
    if (context?.traceparent) headers.set("traceparent", context.traceparent)
    const body = JSON.stringify({ amountCents: order.amountCents })
    try {
      const response = await this.env.PAYMENTS.fetch("http://payments/charge", { method: "POST", headers, body })
      const answer = (await response.json().catch(() => ({}))) as { hop?: Hop }
      return { paid: response.ok, hops: answer.hop ? [answer.hop] : [] }
    } catch (error) {
      console.error(`order ${order.id} could not be charged:`, error)
      return { paid: false, hops: [] }
    }
  }

  #view(order: Order): OrderView {
    if (this.env.VERSION !== "v2") return order
    return { ...order, arrives: new Date(order.placedAtMs + DELIVERY_MS).toISOString().slice(0, 10) }
  }
}

function hop(context: TraceContext | undefined): Hop {
  return { service: "orders", traceparent: context?.traceparent ?? null }
}
