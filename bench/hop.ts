/**
 * What a hop through the mesh costs: against a hop through a Worker that only passes on, and against none, in one run of
 * plain workerd. Ways take turns in short batches, so that a machine that slows down slows all of them; what counts is the
 * processor time of the runtime, where the system tells it, in the batches that were disturbed least.
 *
 * Usage: `npm run bench:hop`, or `node bench/hop.ts --rounds 200 --batch 250 --only "mesh hop, retry"`.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer as createHttpServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs, styleText } from "node:util"
import { build } from "esbuild"
import { freePort } from "#scripts/free-ports.ts"
import { say } from "#scripts/progress.ts"
import { QUIET, quantile, shuffled } from "./batches.ts"
import { benchSnapshot, FEATURES, serviceOf } from "./features.ts"
import { processorUs } from "./processor-time.ts"

const PORT = await freePort()
/** Takes all spans, and does nothing with them. */
const collector = createHttpServer((request, response) => void request.resume().on("end", () => response.end("{}")))
await once(collector.listen(0, "127.0.0.1"), "listening")
const COLLECTOR_PORT = (collector.address() as AddressInfo).port
/** The objects of the mesh, by the names of the proxy's bindings. */
const OBJECTS = [
  ["ROUTE_TABLE", "RouteTableObject"],
  ["RELAY", "RelayObject"],
  ["BREAKER", "BreakerObject"],
  ["LIMITER", "LimiterObject"],
  ["TELEMETRY", "TelemetryObject"],
] as const

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "50" },
    batch: { type: "string", default: "250" },
    only: { type: "string" },
  },
})

const folder = await mkdtemp(join(tmpdir(), "weft-bench-"))
try {
  await bundle(folder)
  await writeFile(join(folder, "config.capnp"), config(folder))
  print(await measure(folder))
} finally {
  collector.close().closeAllConnections()
  await rm(folder, { recursive: true, force: true })
}

async function bundle(folder: string): Promise<void> {
  await build({
    entryPoints: {
      proxy: "workers/proxy/index.ts",
      control: "bench/workers/control.ts",
      upstream: "bench/workers/upstream.ts",
      bare: "bench/workers/bare.ts",
      driver: "bench/workers/driver.ts",
    },
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:workers"],
  })
}

type Samples = ReadonlyMap<string, readonly Sample[]>

/** What one request of a batch took, in microseconds. */
interface Sample {
  readonly wallUs: number
  readonly cpuUs: number
}

async function measure(folder: string): Promise<Samples> {
  const child = spawn("workerd", ["serve", join(folder, "config.capnp")], { stdio: ["ignore", "ignore", "inherit"] })
  try {
    await eventually(() => ask({ begin: "" }))
    const measured = ways().filter(({ name, isFloor }) => isFloor || name.includes(values.only ?? ""))
    const samples = new Map(measured.map(({ name }) => [name, [] as Sample[]]))
    for (let round = -1; round < Number(values.rounds); round++) {
      say(`round ${round + 1} of ${values.rounds}, ${measured.length} ways each`)
      for (const { name } of shuffled(measured)) {
        const sample = await timed(child.pid!, name)
        // The first round warms up.
        if (round >= 0) samples.get(name)!.push(sample)
      }
    }
    return samples
  } finally {
    child.kill()
  }
}

async function timed(process: number, way: string): Promise<Sample> {
  const startedMs = performance.now()
  const startedUs = await processorUs(process)
  await ask({ way, times: values.batch })
  const usedUs = (await processorUs(process)) - startedUs
  return {
    wallUs: ((performance.now() - startedMs) * 1000) / Number(values.batch),
    cpuUs: usedUs / Number(values.batch),
  }
}

async function ask(query: Record<string, string>): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${PORT}/?${new URLSearchParams(query)}`)
  const text = await response.text()
  if (!response.ok) throw new Error(text)
}

/** workerd takes a moment until it listens. */
async function eventually<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === 50 || !(error instanceof TypeError)) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function print(samples: Samples): void {
  const titles = ["wall p10", "p50", "of bare", "cpu p10", "p50", "of bare", "adds us"]
  console.log(styleText("bold", "us a request".padEnd(38) + titles.map((title) => title.padStart(9)).join("")))
  for (const name of samples.keys()) {
    const floor = `${name.split(" ")[0]} bare hop`
    const at = (way: string, unit: keyof Sample, share: number) =>
      quantile(
        samples.get(way)!.map((sample) => sample[unit]),
        share,
      )
    const cells = (["wallUs", "cpuUs"] as const).flatMap((unit) => [
      at(name, unit, QUIET).toFixed(1),
      at(name, unit, 0.5).toFixed(1),
      (at(floor, unit, QUIET) / at(name, unit, QUIET)).toFixed(3),
    ])
    const added = (at(name, "cpuUs", QUIET) - at(floor, "cpuUs", QUIET)).toFixed(1)
    console.log(name.padEnd(38) + [...cells, added].map((cell) => cell.padStart(9)).join(""))
  }
  console.log(
    `\n${values.rounds} batches of ${values.batch} a way. "of bare": throughput, as the time of a bare hop / time of the way, both at p10`,
  )
}

interface Way {
  readonly name: string
  readonly binding: string
  readonly by: "fetch" | "rpc" | "embedded"
  /** The service that a mesh binding addresses. */
  readonly to?: string
  /** The proxy on the way: `proxy`, unless it is one with other bindings. */
  readonly proxy?: string
  readonly credentials?: { readonly header: string; readonly values: readonly string[] }
  /** What others are compared with. */
  readonly isFloor?: boolean
}

function ways(): Way[] {
  const mesh = FEATURES.map((feature, index): Way => {
    const name = `fetch mesh hop, ${feature.name}`
    const { credentials } = feature
    return { name, binding: `MESH_${index}`, by: "fetch", to: serviceOf(feature), ...(credentials && { credentials }) }
  })
  const embedded = [FEATURES[0]!, FEATURES.at(-1)!].map((feature): Way => {
    return { name: `fetch embedded, ${feature.name}`, binding: "", by: "embedded", to: serviceOf(feature) }
  })
  return [
    { name: "fetch direct", binding: "DIRECT", by: "fetch" },
    { name: "fetch bare hop", binding: "BARE", by: "fetch", isFloor: true },
    // What is counted of each exchange, as the difference to the plain hop.
    {
      name: "fetch mesh hop, plain, uncounted",
      binding: "UNCOUNTED",
      by: "fetch",
      to: mesh[0]!.to!,
      proxy: "uncounted",
    },
    // What more is told of exchanges: by the same plain hop of proxies with other variables.
    ...[
      { name: "1 % traced", proxy: "traced", credentials: sampledOf(100) },
      { name: "all traced", proxy: "traced", credentials: sampledOf(1) },
      { name: "logged", proxy: "logged", credentials: sampledOf(100) },
    ].map((way, index): Way => {
      return {
        ...way,
        name: `fetch mesh hop, plain, ${way.name}`,
        binding: `TOLD_${index}`,
        by: "fetch",
        to: mesh[0]!.to!,
      }
    }),
    ...mesh,
    ...embedded,
    { name: "rpc direct", binding: "DIRECT", by: "rpc" },
    { name: "rpc bare hop", binding: "BARE", by: "rpc", isFloor: true },
    { name: "rpc mesh hop, plain", binding: "MESH_0", by: "rpc" },
  ]
}

/** One trace of so many that its sender wants to have recorded. */
function sampledOf(count: number): NonNullable<Way["credentials"]> {
  const values = Array.from(
    { length: count },
    (_, index) => `00-${"a".repeat(32)}-${"b".repeat(16)}-0${index === 0 ? 1 : 0}`,
  )
  return { header: "traceparent", values }
}

function config(folder: string): string {
  const json = (value: unknown) => JSON.stringify(JSON.stringify(value))
  const sidecar = ({ binding, to, proxy = "proxy" }: Way) =>
    `(name = "${binding}", service = (name = "${proxy}", entrypoint = "Sidecar", props = (json = ${json({ from: "driver", to })})))`
  const worker = (name: string, rest: string, flags = "") =>
    `(modules = [(name = "main", esModule = embed "${name}.js")], compatibilityDate = "2026-10-20", compatibilityFlags = [${flags}], ${rest})`
  const meshBindings = (objects: readonly (readonly [string, string])[]) => {
    const bound = objects.map(
      ([binding, name]) =>
        `(name = "${binding}", durableObjectNamespace = (className = "${name}", serviceName = "control"))`,
    )
    return ['(name = "UPSTREAM", service = "upstream"), (name = "UPSTREAM_2", service = "upstream")', ...bound].join(
      ", ",
    )
  }
  const proxyWith = (objects: readonly (readonly [string, string])[], vars: Readonly<Record<string, string>> = {}) => {
    const texts = Object.entries(vars).map(([name, text]) => `(name = "${name}", text = "${text}")`)
    return worker("proxy", `bindings = [${[meshBindings(objects), ...texts].join(", ")}]`, '"enable_request_signal"')
  }
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${COLLECTOR_PORT}`, WEFT_TRACE_PERCENT: "1" }
  const all = ways()
  const sidecars = all.filter(({ to, binding }) => to !== undefined && binding !== "").map(sidecar)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "driver", worker = .driver), (name = "proxy", worker = .proxy), (name = "control", worker = .control),
    (name = "traced", worker = .traced), (name = "logged", worker = .logged),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    (name = "uncounted", worker = .uncounted), (name = "bare", worker = .bare), (name = "upstream", worker = .upstream),
    (name = "disk", disk = (path = "${folder}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${PORT}", service = "driver")],
);
const upstream :Workerd.Worker = ${worker("upstream", "")};
const bare :Workerd.Worker = ${worker("bare", 'bindings = [(name = "UPSTREAM", service = "upstream")]')};
const control :Workerd.Worker = ${worker(
    "control",
    `durableObjectNamespaces = [${OBJECTS.map(([, name]) => `(className = "${name}", uniqueKey = "${name}", enableSql = true)`).join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [${OBJECTS.map(([binding, name]) => `(name = "${binding}", durableObjectNamespace = "${name}")`).join(", ")}]`,
  )};
const proxy :Workerd.Worker = ${proxyWith(OBJECTS)};
const uncounted :Workerd.Worker = ${proxyWith(OBJECTS.filter(([binding]) => binding !== "TELEMETRY"))};
const traced :Workerd.Worker = ${proxyWith(OBJECTS, tracing)};
const logged :Workerd.Worker = ${proxyWith(OBJECTS, { WEFT_ACCESS_LOG: "on" })};
const driver :Workerd.Worker = ${worker(
    "driver",
    `bindings = [
  (name = "DIRECT", service = "upstream"), (name = "BARE", service = "bare"), (name = "CONTROL", service = "control"),
  ${sidecars.join(",\n  ")},
  ${meshBindings(OBJECTS)},
  (name = "WAYS", json = ${json(all)}), (name = "SNAPSHOT", json = ${json(benchSnapshot())})]`,
  )};
`
}
