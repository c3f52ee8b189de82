/**
 * A service that calls others. What it does with a binding is the same code whether the binding leads to the service or to
 * the mesh: `/rpc/<scenario>?by=<BINDING>`, `/fetch/<BINDING>/<path>`.
 */
// biome-ignore lint/suspicious/noExplicitAny: the scenarios stand for any service's API
type Binding = any

const SCENARIOS: { readonly [name: string]: (service: Binding, asked: URLSearchParams) => unknown } = {
  method: (service) => service.add(2, 3),
  property: (service) => service.version,
  nested: (service) => service.users.get(4),
  missing: (service) => service.nothingOfThisName(),
  ...Object.fromEntries(
    ["queue", "email", "tail", "trace", "env", "ctx", "constructor", "alarm"].map((name) => [
      name,
      (service: Binding) => service[name](),
    ]),
  ),
  error: (service) => service.fail(),
  target: async (service) => {
    const cart = await service.cart()
    await cart.add(3)
    await cart.add(4)
    return cart.sum()
  },
  pipelined: (service) => service.cart().add(5).sum(),
  callback: (service) => service.twice(async (value: number) => value * 10),
  function: async (service) => (await service.multiplier(3))(14),
  streamBack: async (service) => new Response(await service.lines()).text(),
  streamThere: (service) => service.length(new Response("12345").body),
  response: async (service) => {
    const response: Response = await service.answer()
    return [response.status, response.headers.get("x-kind"), await response.text()]
  },
  noContext: (service) => service.context(1),
  context: (service) =>
    service.context(1, { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tenant: "a" }),
  noArguments: (service) => service.arguments(),
  threeArguments: (service) => service.arguments(1, { traceparent: 5 }, null),
  fetch: async (service) => (await service.fetch("http://callee/some/path")).text(),
  slow: (service) => service.slow(400),
  check: (service) => service.check({ service: "default/pair", from: 0 }),
  deliver: (service, asked) =>
    service.deliver({
      ...{ service: asked.get("service"), path: asked.get("path"), body: '{"status":"firing"}' },
      headers: { "content-type": "application/json" },
    }),
  asUser: (service, asked) =>
    service.context(1, {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ...JSON.parse(asked.get("context")!),
    }),
  hops: (service) => service.context(1, { traceparent: "", "weft-hops": 12 }),
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    const [, kind, name = "", ...path] = pathname.split("/")
    const args = JSON.parse(searchParams.get("args") ?? "[]") as unknown[]
    if (kind === "call") return Response.json(await settled((service) => service[path[0]!](...args), env[name]))
    // A caller that goes away in the middle of its call: whoever asked it has no patience.
    if (kind === "vanish") {
      const gone = new Request(request.url.replace("/vanish/", "/call/"), { signal: AbortSignal.timeout(200) })
      return (env.SELF as Fetcher).fetch(gone).catch((error) => new Response(String(error)))
    }
    const asked = new URL(request.url).searchParams
    if (kind === "rpc") {
      const binding = env[asked.get("by")!]
      return Response.json(await settled((service) => SCENARIOS[name]!(service, asked), binding))
    }
    const url = `${request.headers.get("x-target") ?? "http://echo"}/${path.join("/")}${new URL(request.url).search}`
    const moved = new Request(url, request)
    const claim = request.headers.get("x-claim")
    if (claim !== null) moved.headers.set("content-length", claim)
    const deadline = request.headers.get("x-deadline")
    if (deadline !== null) moved.headers.set("weft-deadline-ms", deadline)
    return (env[name] as Fetcher).fetch(moved, kind === "impatient" ? { signal: AbortSignal.timeout(150) } : {})
  },
} satisfies ExportedHandler<Record<string, unknown>>

/** What came of it, with all that tells one error from another. */
async function settled(run: (service: Binding) => unknown, service: Binding): Promise<unknown> {
  try {
    return { value: await run(service) }
  } catch (thrown) {
    const { name, message, ...own } = thrown as Error
    return { error: { name, message, range: thrown instanceof RangeError, ...own } }
  }
}

/** Passes for control with the local runner, which lets nobody else bind the prober: the proxy must refuse it all the same. */
export class HealthObject {}
