/**
 * What a request costs by way of other proxies and of the mesh, over HTTP and in one run: all of them stand before the same upstream, a
 * Worker in a process of its own. Ways take turns in short batches; what counts is the processor time of the proxy's process in the
 * batches that were disturbed least. Proxies that are not installed are left out, and said so.
 *
 * Usage: `npm run bench:peers`, or `node bench/peers.ts --rounds 40 --batch 1000 --connections 8`.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { Agent, get } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { parseArgs, styleText } from "node:util"
import { build } from "esbuild"
import { apply } from "#cli/local/seed.ts"
import { Embed, literal } from "#cli/workerd/capnp.ts"
import { freePort } from "#scripts/free-ports.ts"
import { say } from "#scripts/progress.ts"
import type { MeshDocument, RuleDocument } from "#shared/model/document.ts"
import { configVariant, ROOT, startSelfHosted, TOKEN } from "#test/support/self-hosted.ts"
import { ANY_PORT, serve } from "#test/support/workerd.ts"
import { QUIET, quantile, shuffled } from "./batches.ts"
import { PEERS, type Peer, writeConfig } from "./peers/configs.ts"
import { processorUs } from "./processor-time.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    batch: { type: "string", default: "1000" },
    connections: { type: "string", default: "8" },
  },
})
const rounds = Number(values.rounds)
const batch = Number(values.batch)
const PATIENCE_MS = 20_000

interface Way {
  readonly name: string
  readonly url: string
  readonly host?: string
  /** Whose processor time counts. */
  readonly process: number
  readonly agent: Agent
  readonly samples: Sample[]
}

interface Sample {
  readonly proxyUs: number
  readonly p50Us: number
  readonly p99Us: number
}

const folder = await mkdtemp(join(tmpdir(), "weft-peers-"))
const stops: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
try {
  await measure(await allWays())
} finally {
  for (const stop of stops.reverse()) await stop()
}

async function allWays(): Promise<Way[]> {
  const upstream = await startWorker("upstream")
  const upstreamPort = Number(new URL(upstream.url).port)
  const passesOn = await startWorker("outward", upstreamPort)
  const ways = [
    way("a Worker that only passes on", passesOn.url, passesOn.process),
    ...(await weftWays(upstreamPort)),
    ...(await Promise.all(
      PEERS.flatMap((peer) => [peerWay(peer, upstreamPort, false), peerWay(peer, upstreamPort, true)]),
    )),
  ]
  return ways.filter((one) => one !== undefined)
}

function way(name: string, url: string, process: number, host?: string): Way {
  const agent = new Agent({ keepAlive: true, maxSockets: Number(values.connections) })
  stops.push(() => agent.destroy())
  return { name, url, process, agent, samples: [], ...(host !== undefined && { host }) }
}

/** A Worker of the bench alone in a runtime, with a server outside as its upstream or none. */
async function startWorker(name: string, upstreamPort?: number): Promise<{ url: string; process: number }> {
  const outfile = join(folder, `${name}.js`)
  await build({
    ...{ entryPoints: [`bench/workers/${name}.ts`], outfile, bundle: true, format: "esm", target: "es2024" },
    external: ["cloudflare:workers"],
  })
  const outside = upstreamPort !== undefined
  const worker = {
    modules: [{ name: "main", esModule: new Embed(`${name}.js`) }],
    compatibilityDate: "2026-10-20",
    ...(outside && { bindings: [{ name: "UPSTREAM", service: "outside" }] }),
  }
  const config = {
    services: [
      { name: "main", worker },
      ...(outside ? [{ name: "outside", external: { address: `127.0.0.1:${upstreamPort}`, http: {} } }] : []),
    ],
    sockets: [{ name: "http", address: ANY_PORT, service: "main" }],
  }
  const path = join(folder, `${name}.capnp`)
  await writeFile(
    path,
    `using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = ${literal(config)};\n`,
  )
  const runtime = await serve(path, { sockets: { http: ANY_PORT } })
  stops.push(() => runtime.kill())
  return { url: runtime.urls.http!, process: runtime.child.pid! }
}

async function weftWays(upstreamPort: number): Promise<Way[]> {
  const local = `[vars]\nWEFT_LOCAL_ORIGINS = "*"\n`
  const mesh = await startSelfHosted({
    config: configVariant(join(ROOT, "wrangler.toml"), local),
    control: configVariant(join(ROOT, "workers/control/wrangler.toml"), local),
  })
  stops.push(() => mesh.stop())
  await apply(mesh.controlUrl, TOKEN, { documents: [{ source: "bench", content: document(upstreamPort) }] })
  const { runtime, ingressUrl } = mesh
  return ["plain", "armed"].map((host) => way(`weft, ${host}`, ingressUrl, runtime.child.pid!, host))
}

function document(upstreamPort: number): MeshDocument {
  const backends = [{ service: "upstream" }]
  const armed: RuleDocument = {
    backends,
    filters: [{ requestHeaders: { set: { "x-a": "1" } } }],
    timeout: "15s",
    retry: { attempts: 2, on: ["5xx"] },
    rateLimits: [{ requests: 1_000_000_000, per: "1s", scope: "isolate" }],
  }
  return {
    services: { upstream: { url: `http://127.0.0.1:${upstreamPort}` } },
    routes: {
      plain: { hosts: ["plain"], rules: [{ backends }] },
      armed: { hosts: ["armed"], rules: [armed] },
    },
  }
}

async function peerWay(peer: Peer, upstreamPort: number, isArmed: boolean): Promise<Way | undefined> {
  const name = `${peer.program}, ${isArmed ? "armed" : "plain"}`
  const port = await freePort()
  const own = join(folder, name.replace(", ", "-"))
  await mkdir(own)
  const child = spawn(peer.program, await writeConfig(peer, own, { port, upstreamPort, isArmed }), {
    stdio: ["ignore", "ignore", "inherit"],
  })
  const ended = once(child, "exit")
  const isHere = await once(child, "spawn").then(
    () => true,
    () => false,
  )
  if (!isHere) {
    console.error(`${name}: ${peer.program} is not installed here`)
    return undefined
  }
  stops.push(async () => {
    child.kill()
    await ended
  })
  return way(name, `http://127.0.0.1:${port}`, child.pid!)
}

async function measure(ways: readonly Way[]): Promise<void> {
  for (const each of ways) await ready(each)
  for (let round = -1; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`)
    for (const each of shuffled(ways)) {
      const sample = await sampled(each)
      // The first round warms up.
      if (round >= 0) each.samples.push(sample)
    }
  }
  print(ways)
}

async function sampled({ url, host, agent, process }: Way): Promise<Sample> {
  const timesUs: number[] = []
  let left = batch
  const usedUs = await processorUs(process)
  const one = async () => {
    while (left-- > 0) {
      const startedMs = performance.now()
      await request(url, agent, host)
      timesUs.push((performance.now() - startedMs) * 1000)
    }
  }
  await Promise.all(Array.from({ length: Number(values.connections) }, one))
  const proxyUs = ((await processorUs(process)) - usedUs) / batch
  return { proxyUs, p50Us: quantile(timesUs, 0.5), p99Us: quantile(timesUs, 0.99) }
}

/** Throws where the answer is not the upstream's. */
function request(url: string, agent: Agent, host?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent, ...(host !== undefined && { headers: { host } }) }, (response) => {
      response.resume().once("end", () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`${url} answered ${response.statusCode}`))
      })
    }).once("error", reject)
  })
}

async function ready({ name, url, agent, host }: Way): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS
  for (;;) {
    const problem = await request(url, agent, host).catch((error: unknown) => error)
    if (!problem) return
    if (performance.now() > untilMs) throw new Error(`${name} does not answer`, { cause: problem })
    await setTimeout(50)
  }
}

function print(ways: readonly Way[]): void {
  const titles = ["cpu p10", "p50", "of nginx", "latency p50", "p99"]
  console.log(styleText("bold", "us a request".padEnd(32) + titles.map((title) => title.padStart(12)).join("")))
  const at = ({ samples }: Way, unit: keyof Sample, share: number) =>
    quantile(
      samples.map((sample) => sample[unit]),
      share,
    )
  const nginx = ways.find(({ name }) => name === "nginx, plain")
  for (const each of ways) {
    const proxyUs = at(each, "proxyUs", QUIET)
    const cells = [
      proxyUs.toFixed(1),
      at(each, "proxyUs", 0.5).toFixed(1),
      nginx ? (at(nginx, "proxyUs", QUIET) / proxyUs).toFixed(2) : "",
      at(each, "p50Us", QUIET).toFixed(0),
      at(each, "p99Us", QUIET).toFixed(0),
    ]
    console.log(each.name.padEnd(32) + cells.map((cell) => cell.padStart(12)).join(""))
  }
  console.log(
    `${rounds} batches of ${batch} a way over ${values.connections} connections; processor time of the proxy's process`,
  )
}
