/**
 * One breaker over many isolates: proxies in one workerd before one object and one upstream. How long it takes until all
 * refuse, how many probes are ever under way, also while the object is killed again and again, and how long until all pass
 * again.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { build } from "esbuild"
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from "miniflare"
import type { BreakerPolicy } from "#shared/model/policy.ts"

export interface BreakersRun {
  readonly isolates: number
  readonly probes: number
  /** How often the object is killed while probes are under way. */
  readonly kills: number
}

export interface BreakersResult {
  /** From the first failure on, for each isolate until it refuses. */
  readonly refusesAfterMs: readonly number[]
  /** Probes that the upstream had at a time, and in all. */
  readonly probesAtOnce: number
  readonly probesSent: number
  /** From the upstream's recovery on, until every isolate's requests pass. */
  readonly passesAfterMs: number
}

const CLUSTER = "default/upstream"
const PACE_MS = 100
const PROBE_MS = 300
const KILL_MS = 700
const PATIENCE_MS = 60_000
const COMPATIBILITY = { compatibilityDate: "2026-10-20", compatibilityFlags: ["enable_request_signal"] }

export async function runBreakers({ isolates, probes, kills }: BreakersRun): Promise<BreakersResult> {
  const mesh = await start(isolates, probes)
  try {
    const request = async (isolate: number) => {
      const response = await mesh.proxies[isolate]!.fetch("http://bench.test/")
      await response.arrayBuffer()
      return response.headers.get("weft-refusal") ?? String(response.status)
    }
    const turn = async (status: number, delayMs: number) =>
      (await (await mesh.upstream.fetch(`http://upstream/turn?status=${status}&delayMs=${delayMs}`)).json()) as {
        arrived: number
        most: number
      }
    const all = Array.from({ length: isolates }, (_, index) => index)
    await Promise.all(all.map(request))

    await turn(500, 0)
    const failingAtMs = performance.now()
    const refusesAfterMs = await Promise.all(
      all.map(async (isolate) => {
        await until(isolate, request, "circuit_open")
        return performance.now() - failingAtMs
      }),
    )
    await turn(500, PROBE_MS)
    const probingUntilMs = performance.now() + Math.max(kills, 1) * KILL_MS + 6_000
    let killsLeft = kills
    const killing = (async () => {
      while (killsLeft-- > 0) {
        await sleep(KILL_MS)
        await mesh.control.fetch(`http://control/?kill=${CLUSTER}`)
      }
    })()
    const drive = async (isolate: number) => {
      while (performance.now() < probingUntilMs) {
        await request(isolate)
        await sleep(PACE_MS)
      }
    }
    await Promise.all([killing, ...all.map(drive)])
    const { most, arrived } = await turn(200, 0)
    const wellAtMs = performance.now()
    await Promise.all(all.map((isolate) => until(isolate, request, "200")))
    return {
      refusesAfterMs: refusesAfterMs.toSorted((a, b) => a - b),
      probesAtOnce: most,
      probesSent: arrived,
      passesAfterMs: performance.now() - wellAtMs,
    }
  } finally {
    await mesh.stop()
  }
}

async function until(isolate: number, request: (isolate: number) => Promise<string>, wanted: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const got = await request(isolate)
    if (got === wanted) return
    if (performance.now() > deadline) throw new Error(`isolate ${isolate} answers ${got} instead of ${wanted}`)
    await sleep(PACE_MS)
  }
}

async function start(count: number, probes: number) {
  const [proxy, control, upstream] = await Promise.all(
    ["workers/proxy/index.ts", "bench/workers/breakers.ts", "bench/workers/patient.ts"].map(bundle),
  )
  const objects = (scriptName?: string) => ({
    ROUTE_TABLE: { className: "RouteTableObject", useSQLite: true, ...(scriptName && { scriptName }) },
    BREAKER: { className: "MortalBreaker", useSQLite: true, ...(scriptName && { scriptName }) },
  })
  const workers: V4WorkerOptions[] = [
    { ...COMPATIBILITY, name: "control", modules: true, script: control!, durableObjects: objects() },
    { ...COMPATIBILITY, name: "upstream", modules: true, script: upstream! },
    ...Array.from({ length: count }, (_, index) => ({
      ...{ ...COMPATIBILITY, name: `proxy-${index}`, modules: true as const, script: proxy! },
      durableObjects: objects("control"),
      serviceBindings: { UPSTREAM: "upstream" },
    })),
  ]
  const options = { cf: false, telemetry: { enabled: false }, log: new NoOpLog(), handleStructuredLogs() {}, workers }
  const miniflare = new Miniflare(convertV4MiniflareOptions(options as never))
  await miniflare.ready
  const [controller, patient, ...proxies] = await Promise.all(workers.map(({ name }) => miniflare.getWorker(name!)))
  const body = JSON.stringify(snapshotWith(probes))
  const committed = await controller!.fetch("http://control/", { method: "POST", body })
  if (!committed.ok) throw new Error(await committed.text())
  return { control: controller!, upstream: patient!, proxies, stop: () => miniflare.dispose() }
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, format: "esm", target: "es2024", write: false },
    external: ["cloudflare:workers"],
  })
  return outputFiles[0]!.text
}

function snapshotWith(probes: number): object {
  const breaker: BreakerPolicy = {
    ...{ windowMs: 10_000, volumeMin: 5, failureRatio: 0.5, probes, successes: 1 },
    ...{ coolDownMs: 1_500, coolDownMsMax: 1_500 },
  }
  const endpoints = [{ kind: "binding", binding: "UPSTREAM" }]
  const rule = {
    ...{ id: "default/bench/0", filters: [], timeouts: {} },
    matches: [{ headers: [], query: [], cookies: [] }],
    backends: [{ service: CLUSTER, weight: 1, filters: [] }],
  }
  const attachments = [{ to: "gateway", gateway: "default/default", hostname: "*" }]
  return {
    ...{ format: 1, gateways: [], services: [{ id: CLUSTER, endpoints, subsets: {}, policy: { breaker } }] },
    routes: [{ id: "default/bench", order: "specific", since: 1, attachments, rules: [rule] }],
  }
}
