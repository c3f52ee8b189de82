/** Many isolates of the proxy in one workerd, all before one control Worker and one upstream. */
import { build } from "esbuild"
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from "miniflare"
import type { RateLimit } from "#shared/model/rate-limit.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"

export interface Isolates {
  /** The status that an isolate answers with. */
  request(isolate: number): Promise<number>
  /** How often isolates have said that the limiter does not answer: from then on each goes by the limit alone. */
  readonly gaveUp: number
  stop(): Promise<void>
}

export interface IsolatesOptions {
  readonly count: number
  /** The class behind the proxies' binding LIMITER. */
  readonly limiter: string
  /** A limit by the second on every request. */
  readonly rateLimit: Pick<RateLimit, "requests" | "burst" | "scope">
}

const COMPATIBILITY = { compatibilityDate: "2026-10-20" }

export async function startIsolates({ count, limiter, rateLimit }: IsolatesOptions): Promise<Isolates> {
  const [proxy, control, upstream] = await Promise.all(
    ["workers/proxy/index.ts", "bench/workers/limiter.ts", "bench/workers/upstream.ts"].map(bundle),
  )
  const objects = { RouteTableObject: "ROUTE_TABLE", [limiter]: "LIMITER" }
  const bindings = (scriptName?: string) =>
    Object.fromEntries(
      Object.entries(objects).map(([className, name]) => [
        name,
        { className, useSQLite: true, ...(scriptName && { scriptName }) },
      ]),
    )
  const workers: V4WorkerOptions[] = [
    { ...COMPATIBILITY, name: "control", modules: true, script: control!, durableObjects: bindings() },
    { ...COMPATIBILITY, name: "upstream", modules: true, script: upstream! },
    ...Array.from({ length: count }, (_, index) => ({
      ...{ ...COMPATIBILITY, name: `proxy-${index}`, modules: true as const, script: proxy! },
      durableObjects: bindings("control"),
      serviceBindings: { UPSTREAM: "upstream" },
    })),
  ]
  let gaveUp = 0
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      log: new NoOpLog(),
      handleStructuredLogs({ message }) {
        if (message.includes("the limiter of")) gaveUp += 1
      },
      workers,
    }),
  )
  await miniflare.ready
  const fetcher = (name: string) => miniflare.getWorker(name)
  const committed = await (await fetcher("control")).fetch("http://control/", {
    method: "POST",
    body: JSON.stringify(snapshotWith(rateLimit)),
  })
  if (!committed.ok) throw new Error(await committed.text())
  const proxies = await Promise.all(Array.from({ length: count }, (_, index) => fetcher(`proxy-${index}`)))
  const request = async (isolate: number, path = "/") => {
    const response = await proxies[isolate]!.fetch(`http://bench.test${path}`)
    await response.arrayBuffer()
    return response.status
  }
  // Every isolate has its routes before anything is counted.
  await Promise.all(proxies.map((_proxy, index) => request(index, "/warm")))
  return {
    request: (isolate) => request(isolate),
    get gaveUp() {
      return gaveUp
    },
    stop: () => miniflare.dispose(),
  }
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, format: "esm", target: "es2024", write: false },
    external: ["cloudflare:workers"],
  })
  return outputFiles[0]!.text
}

function snapshotWith(rateLimit: IsolatesOptions["rateLimit"]): Snapshot {
  const rule = (id: string, path: string, more: object) => ({
    ...{ id: `default/bench/${id}`, filters: [], timeouts: {}, ...more },
    matches: [{ path: { kind: "prefix", value: path }, headers: [], query: [], cookies: [] }],
    backends: [{ service: "default/upstream", weight: 1, filters: [] }],
  })
  const limit = {
    ...{ id: "default/bench/limited/all", name: "all", perMs: 1_000, key: [], ...rateLimit },
    ...{ cost: { kind: "fixed", tokens: 1 }, shadow: false, whenUnavailable: "allow", headers: false },
  }
  const snapshot: unknown = {
    format: 1,
    services: [{ id: "default/upstream", endpoints: [{ kind: "binding", binding: "UPSTREAM" }], subsets: {} }],
    gateways: [],
    routes: [
      {
        ...{ id: "default/bench", order: "specific", since: 1 },
        attachments: [{ to: "gateway", gateway: "default/default", hostname: "*" }],
        rules: [rule("warm", "/warm", {}), rule("limited", "/", { rateLimits: [limit] })],
      },
    ],
  }
  return snapshot as Snapshot
}
