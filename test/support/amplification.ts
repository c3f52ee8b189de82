/** Retries over a chain of three hops, each of which would retry: how many attempts reach the last service for each request. */
import { build } from "esbuild"
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from "miniflare"

export interface AmplificationRun {
  /** Share of the requests that the last service fails, 0 to 1. */
  readonly failRate: number
  readonly seconds: number
  readonly perSecond: number
}

export interface AmplificationResult {
  readonly requests: number
  readonly attempts: number
  /** Requests that were answered well in the end. */
  readonly good: number
}

const COMPATIBILITY = { compatibilityDate: "2026-10-20", compatibilityFlags: ["enable_request_signal"] }
const CHAIN = ["first", "second", "last"] as const

export async function runAmplification(
  runs: readonly AmplificationRun[],
  say: (what: string) => void = () => {},
): Promise<AmplificationResult[]> {
  const miniflare = await start()
  try {
    const [proxy, last] = await Promise.all([miniflare.getWorker("proxy"), miniflare.getWorker("last")])
    const turn = async (failRate: number) =>
      (await (await last.fetch(`http://last/turn?failRate=${failRate}`)).json()) as { arrived: number }
    const results: AmplificationResult[] = []
    for (const { failRate, seconds, perSecond } of runs) {
      say(`${failRate * 100} % fail, of ${seconds} s`)
      await turn(failRate)
      const pending: Promise<number>[] = []
      const startedAtMs = performance.now()
      for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startedAtMs) {
        while (pending.length < (elapsedMs * perSecond) / 1000) pending.push(statusOf(proxy))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const statuses = await Promise.all(pending)
      const { arrived } = await turn(0)
      const good = statuses.filter((status) => status === 200).length
      results.push({ requests: statuses.length, attempts: arrived, good })
    }
    return results
  } finally {
    await miniflare.dispose()
  }
}

async function statusOf(proxy: { fetch(url: string): Promise<unknown> }): Promise<number> {
  const response = (await proxy.fetch("http://shop.test/")) as Response
  await response.arrayBuffer()
  return response.status
}

async function start(): Promise<Miniflare> {
  const [proxy, control, link, failing] = await Promise.all(
    ["workers/proxy/index.ts", "bench/workers/breakers.ts", "bench/workers/link.ts", "bench/workers/failing.ts"].map(
      bundle,
    ),
  )
  const objects = (scriptName?: string) => ({
    ROUTE_TABLE: { className: "RouteTableObject", useSQLite: true, ...(scriptName && { scriptName }) },
    BREAKER: { className: "MortalBreaker", useSQLite: true, ...(scriptName && { scriptName }) },
  })
  const sidecar = (from: string, to: string) => ({ name: "proxy", entrypoint: "Sidecar", props: { from, to } })
  const worker = (name: string, script: string, more: object): V4WorkerOptions =>
    ({ ...COMPATIBILITY, name, modules: true, script, ...more }) as V4WorkerOptions
  const workers = [
    worker("control", control!, { durableObjects: objects() }),
    worker("proxy", proxy!, {
      durableObjects: objects("control"),
      serviceBindings: Object.fromEntries(CHAIN.map((name) => [name.toUpperCase(), name])),
    }),
    worker("first", link!, { serviceBindings: { NEXT: sidecar("first", "second") } }),
    worker("second", link!, { serviceBindings: { NEXT: sidecar("second", "last") } }),
    worker("last", failing!, {}),
  ]
  const options = { cf: false, telemetry: { enabled: false }, log: new NoOpLog(), handleStructuredLogs() {}, workers }
  const miniflare = new Miniflare(convertV4MiniflareOptions(options as never))
  await miniflare.ready
  const controller = await miniflare.getWorker("control")
  const committed = await controller.fetch("http://control/", { method: "POST", body: JSON.stringify(snapshot()) })
  if (!committed.ok) throw new Error(await committed.text())
  return miniflare
}

/** Every hop has the same eager policy. */
function snapshot(): object {
  const rule = (service: string) => ({
    ...{ id: `default/${service}/0`, filters: [], timeouts: { requestMs: 10_000 } },
    matches: [{ headers: [], query: [], cookies: [] }],
    backends: [{ service: `default/${service}`, weight: 1, filters: [] }],
    retry: { attempts: 3, on: ["5xx"], backoffMs: 1, unsafe: false },
  })
  const route = (service: string, attachment: object) => ({
    ...{ id: `default/${service}`, order: "specific", since: 1 },
    attachments: [attachment],
    rules: [rule(service)],
  })
  return {
    ...{ format: 1, gateways: [] },
    services: [...CHAIN].sort().map((name) => ({
      ...{ id: `default/${name}`, subsets: {} },
      endpoints: [{ kind: "binding", binding: name.toUpperCase() }],
    })),
    routes: [
      route("first", { to: "gateway", gateway: "default/default", hostname: "*" }),
      ...["second", "last"].map((name) => route(name, { to: "service", service: `default/${name}` })),
    ],
  }
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, format: "esm", target: "es2024", write: false },
    external: ["cloudflare:workers"],
  })
  return outputFiles[0]!.text
}
