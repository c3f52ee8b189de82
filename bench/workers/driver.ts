/**
 * Measures the ways to the upstream from inside the runtime. Ways take turns in short batches, so that a machine that slows
 * down slows all of them; what counts is the middle of the batches.
 */
type Binding = Fetcher & { ping(value: number): Promise<number> }

interface Way {
  readonly name: string
  readonly run: () => Promise<unknown>
}

interface Env {
  readonly CONTROL: Fetcher
  readonly SNAPSHOT: unknown
  /** What to measure: a binding's name, and by what it is called. */
  readonly WAYS: readonly { readonly name: string; readonly binding: string; readonly by: "fetch" | "rpc" }[]
  readonly [binding: string]: unknown
}

const HEADERS = {
  accept: "application/json",
  "user-agent": "bench/1",
  cookie: "session=0123456789abcdef",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "x-request-id": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
}

export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url)
    const batch = Number(searchParams.get("batch") ?? 500)
    const rounds = Number(searchParams.get("rounds") ?? 50)
    await env.CONTROL.fetch("http://control/", { method: "POST", body: JSON.stringify(env.SNAPSHOT) })
    const ways = env.WAYS.map(({ name, binding, by }): Way => {
      const service = env[binding] as Binding
      return { name, run: by === "rpc" ? () => service.ping(1) : () => get(service) }
    })
    for (const way of ways) await timed(way, batch)
    const batchesUs = new Map(ways.map(({ name }) => [name, [] as number[]]))
    for (let round = 0; round < rounds; round++) {
      // Each round begins with another way, so that none always follows the same neighbour.
      for (let turn = 0; turn < ways.length; turn++) {
        const way = ways[(round + turn) % ways.length] as Way
        batchesUs.get(way.name)?.push(await timed(way, batch))
      }
    }
    return Response.json(Object.fromEntries(batchesUs))
  },
} satisfies ExportedHandler<Env>

async function get(service: Binding): Promise<void> {
  const response = await service.fetch(new Request("http://upstream/products/7?page=1", { headers: HEADERS }))
  if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`)
  await response.text()
}

async function timed({ run }: Way, times: number): Promise<number> {
  const started = performance.now()
  for (let time = 0; time < times; time++) await run()
  return ((performance.now() - started) * 1000) / times
}
