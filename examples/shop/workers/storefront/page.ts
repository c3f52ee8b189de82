/** The shop's one page, as a string. */
import type { Shop } from "./index.ts"
import { html, type Markup, trusted } from "./markup.ts"
import type { Hop, Knob, Order, OrderList, Product } from "./services.ts"
import { STYLE } from "./style.ts"

/** `orderId`: the order that was placed just now. */
export function page(shop: Shop, orderId: string | null): string {
  const placed = shop.orders?.orders.find(({ id }) => id === orderId)
  return `<!doctype html>${
    html`<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Warp &amp; Weft, a small shop</title>
  <style>${trusted(STYLE)}</style>
</head>
<body>
  <header>
    <h1>Warp <i>&amp;</i> Weft</h1>
    <p>Woven goods. Four Workers, one mesh.</p>
  </header>
  <main>
    ${placed && notice(placed)}
    <section class="wide">
      <h2>Goods <small>from catalog, by fetch</small></h2>
      ${goods(shop.products)}
    </section>
    <section>
      <h2>Orders <small>from orders, by RPC</small> ${shop.orders && version(shop.orders)}</h2>
      ${orders(shop.orders)}
    </section>
    <aside>
      <h2>Trace <small>what each hop was told</small></h2>
      ${trace(shop.hops)}
      ${placed && html`<h3>Order ${placed.id}</h3>${trace(placed.hops)}`}
      <h2>Payments <small>make them fail</small></h2>
      ${knob(shop.knob)}
    </aside>
  </main>
</body>
</html>`.text
  }`
}

function notice(order: Order): Markup {
  const text =
    order.status === "paid" ? `Thank you. ${order.name} is yours.` : `${order.name} is ordered, but could not be paid.`
  const arrival = order.arrives ? ` It arrives on ${order.arrives}.` : ""
  return html`<p class="notice ${order.status}" role="status">${text}${arrival}</p>`
}

function goods(products: readonly Product[] | undefined): Markup {
  if (!products) return absent("catalog")
  const cards = products.map(
    (product) => html`<li>
        <div class="weave" style="--thread: ${product.color}"></div>
        <h3>${product.name}</h3>
        <p>${product.description}</p>
        <form method="post" action="/buy">
          <span>${price(product.priceCents)}</span>
          <button name="product" value="${product.id}" aria-label="Buy ${product.name}">Buy</button>
        </form>
      </li>`,
  )
  return html`<ul class="goods">${cards}</ul>`
}

function orders(list: OrderList | undefined): Markup {
  if (!list) return absent("orders")
  if (list.orders.length === 0) return html`<p class="none">Nothing was ordered yet. Buy something.</p>`
  const rows = list.orders.map(
    (order) => html`<li>
        <b>${order.name}</b> <span>${price(order.amountCents)}</span>
        <small><i class="${order.status}">${order.status}</i> · ${time(order.placedAtMs)} · taken by ${order.takenBy}${order.arrives ? ` · arrives ${order.arrives}` : ""}</small>
      </li>`,
  )
  return html`<ul class="orders">${rows}</ul>`
}

function version(list: OrderList): Markup {
  return html`<span class="version ${list.version}" title="the version of orders that answered">${list.version}</span>`
}

function trace(hops: readonly Hop[]): Markup {
  const rows = hops.map(({ service, traceparent }) => {
    const [, traceId, spanId] = traceparent?.split("-") ?? []
    const seen = traceId
      ? html`<code title="${traceparent ?? ""}">${traceId.slice(0, 8)}…<b>${spanId}</b></code>`
      : html`<code>none</code>`
    return html`<li><span>${service}</span> ${seen}</li>`
  })
  return html`<ol class="trace">${rows}</ol>`
}

function knob(knob: Knob | undefined): Markup {
  if (!knob) return absent("payments")
  const choice = (percent: number) =>
    html`<button name="failRate" value="${percent / 100}" aria-pressed="${knob.failRate === percent / 100 ? "true" : "false"}">${percent} %</button>`
  return html`<form method="post" action="/knob" class="knob">${[0, 30, 100].map(choice)}</form>`
}

function absent(service: string): Markup {
  return html`<p class="none">${service} does not answer just now.</p>`
}

function price(cents: number): string {
  return `€ ${(cents / 100).toFixed(2)}`
}

function time(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace("T", " ")} UTC`
}
