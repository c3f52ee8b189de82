/** What the shop sells: GET /products, GET /products/{id}. Knows nothing of the mesh. */

interface Product {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly priceCents: number
  /** The thread that its picture is drawn in. */
  readonly color: string
}

const PRODUCTS: readonly Product[] = [
  {
    id: "scarf",
    name: "Herringbone scarf",
    description: "Lambswool, woven on a hand loom",
    priceCents: 5900,
    color: "#b5543c",
  },
  {
    id: "blanket",
    name: "Twill blanket",
    description: "Undyed wool, two by two metres",
    priceCents: 14900,
    color: "#4a6b57",
  },
  {
    id: "towel",
    name: "Waffle towel",
    description: "Washed linen, dries within the hour",
    priceCents: 2400,
    color: "#3d5a80",
  },
  {
    id: "runner",
    name: "Table runner",
    description: "Cotton and linen in plain weave",
    priceCents: 3500,
    color: "#c98b2b",
  },
]

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url)
    if (request.method !== "GET")
      return Response.json({ error: "method_not_allowed" }, { status: 405, headers: { allow: "GET" } })
    const hop = { service: "catalog", traceparent: request.headers.get("traceparent") }
    if (pathname === "/products") return Response.json({ products: PRODUCTS, hop })
    const product = PRODUCTS.find(({ id }) => pathname === `/products/${id}`)
    return product ? Response.json({ product, hop }) : Response.json({ error: "product_not_found" }, { status: 404 })
  },
}
