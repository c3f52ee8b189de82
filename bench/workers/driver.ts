/** Goes one of the ways to the upstream as often as it is told. */
import type { ProxyEnv } from "#workers/proxy/world.ts"
import { embedded } from "./embedded.ts"

type Binding = Fetcher & { ping(value: number): Promise<number> }

interface Env extends ProxyEnv {
  readonly CONTROL: Fetcher
  readonly SNAPSHOT: unknown
  /** The ways: a binding's name, and by what it is called; `embedded` by fetch of a mesh in this very Worker. */
  readonly WAYS: readonly Way[]
  readonly [binding: string]: unknown
}

interface Way {
  readonly name: string
  readonly binding: string
  readonly by: "fetch" | "rpc" | "embedded"
  readonly to?: string
  readonly credentials?: { readonly header: string; readonly values: readonly string[] }
}

/** Of all requests so far, so that credentials take turns over batches too. */
let turn = 0

const HEADERS = {
  accept: "application/json",
  "user-agent": "bench/1",
  cookie: "session=0123456789abcdef",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "x-request-id": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
}

export default {
  async fetch(request, env, context) {
    const { searchParams } = new URL(request.url)
    if (searchParams.has("begin")) {
      return env.CONTROL.fetch("http://control/", { method: "POST", body: JSON.stringify(env.SNAPSHOT) })
    }
    const way = env.WAYS.find(({ name }) => name === searchParams.get("way"))
    if (!way) return new Response("no such way", { status: 404 })
    const service = env[way.binding] as Binding
    const own = way.by === "embedded" ? embedded(env, context, { from: "driver", to: way.to }) : undefined
    for (let left = Number(searchParams.get("times")); left > 0; left--) {
      await (way.by === "rpc" ? service.ping(1) : get(own ?? service, way))
    }
    return new Response("gone")
  },
} satisfies ExportedHandler<Env>

async function get(service: Pick<Fetcher, "fetch">, { credentials }: Way): Promise<void> {
  const headers = new Headers(HEADERS)
  if (credentials) headers.set(credentials.header, credentials.values[turn++ % credentials.values.length]!)
  const response = await service.fetch(new Request("http://upstream/products/7?page=1", { headers }))
  if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`)
  await response.text()
}
