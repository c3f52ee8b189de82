/** A service that passes on what it was told to the next, as services do that want one trace. */
export default {
  fetch(request: Request, env: { readonly ORDERS: Fetcher }): Promise<Response> {
    const told = [...request.headers].filter(([name]) => name.startsWith("weft-") || name === "traceparent")
    return env.ORDERS.fetch("http://orders/", { headers: told as [string, string][] })
  },
}
