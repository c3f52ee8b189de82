/**
 * What one breaker's object carries: reports a second as fast as they come, and how many are left of many isolates' when the object
 * says how often it wants them. Driver and object share one thread here. Usage: `node bench/breaker-load.ts`.
 */
import { build } from "esbuild"
import { convertV4MiniflareOptions, Miniflare, NoOpLog } from "miniflare"
import { say } from "#scripts/progress.ts"

const COMPATIBILITY = { compatibilityDate: "2026-10-20", modules: true as const }

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, format: "esm", target: "es2024", write: false },
    external: ["cloudflare:workers"],
  })
  return outputFiles[0]!.text
}

const [control, reporters] = await Promise.all(["bench/workers/control.ts", "bench/workers/reporters.ts"].map(bundle))
const objects = (scriptName?: string) =>
  Object.fromEntries(
    [
      ["ROUTE_TABLE", "RouteTableObject"],
      ["BREAKER", "BreakerObject"],
      ["LIMITER", "LimiterObject"],
    ].map(([name, className]) => [name, { className: className!, useSQLite: true, ...(scriptName && { scriptName }) }]),
  )
const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    ...{ cf: false, telemetry: { enabled: false }, log: new NoOpLog(), handleStructuredLogs() {} },
    workers: [
      { ...COMPATIBILITY, name: "reporters", script: reporters!, durableObjects: objects("control") },
      { ...COMPATIBILITY, name: "control", script: control!, durableObjects: objects() },
    ],
  }),
)
interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly everyMs: number
}
const run = async (isolates: number, seconds: number, pace: 0 | 1): Promise<Load> => {
  const url = `http://bench/?isolates=${isolates}&seconds=${seconds}&pace=${pace}&object=load-${isolates}-${pace}`
  return (await (await miniflare.dispatchFetch(url)).json()) as Load
}

for (const isolates of [1, 16, 64]) {
  say(`${isolates} isolates at a time, of 5 s`)
  const { perSecond, p50, p99 } = await run(isolates, 5, 0)
  console.log(
    `${String(isolates).padStart(4)} at a time          ${perSecond.toFixed(0).padStart(6)} reports/s   p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms`,
  )
}
for (const isolates of [100, 500, 1_000, 2_000]) {
  say(`${isolates} isolates at pace, of 30 s`)
  const { perSecond, p50, p99, everyMs } = await run(isolates, 30, 1)
  console.log(
    `${String(isolates).padStart(4)} isolates, at pace   ${perSecond.toFixed(0).padStart(6)} reports/s   p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms   each ${(everyMs / 1_000).toFixed(0)} s`,
  )
}
await miniflare.dispose()
