/** What the storefront knows of the services it calls. */

export interface Env {
  readonly CATALOG: Fetcher
  readonly ORDERS: Fetcher & OrdersApi
  readonly PAYMENTS: Fetcher
}

export interface OrdersApi {
  listOrders(context?: TraceContext): Promise<OrderList>
  placeOrder(order: { productId: string; name: string; amountCents: number }, context?: TraceContext): Promise<Order>
}

export interface TraceContext {
  readonly traceparent?: string
}

export interface Hop {
  readonly service: string
  readonly traceparent: string | null
}

export interface Product {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly priceCents: number
  readonly color: string
}

export interface Order {
  readonly id: string
  readonly name: string
  readonly amountCents: number
  readonly placedAtMs: number
  readonly status: string
  readonly takenBy: string
  readonly arrives?: string
  readonly hops: readonly Hop[]
}

export interface OrderList {
  readonly version: string
  readonly orders: readonly Order[]
  readonly hop: Hop
}

export interface Knob {
  readonly failRate: number
  readonly delayMs: number
}
