/**
 * What a hop through the mesh costs: against a hop through a Worker that only passes on, and against none, in one run of
 * plain workerd. Usage: `npm run bench:hop`, or `node bench/hop.ts --rounds 200 --batch 250`.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs, styleText } from "node:util"
import { build } from "esbuild"
import { benchSnapshot, FEATURES, serviceOf } from "./features.ts"

const PORT = await freePort()
/** The objects of the mesh, by the names of the proxy's bindings. */
const OBJECTS = [
  ["ROUTE_TABLE", "RouteTableObject"],
  ["BREAKER", "BreakerObject"],
  ["LIMITER", "LimiterObject"],
] as const

const { values } = parseArgs({ options: { rounds: { type: "string" }, batch: { type: "string" } } })

const folder = await mkdtemp(join(tmpdir(), "weft-bench-"))
try {
  await bundle(folder)
  await writeFile(join(folder, "config.capnp"), config(folder))
  print(await measure(folder))
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  return port
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

async function measure(folder: string): Promise<Record<string, number[]>> {
  const child = spawn("workerd", ["serve", join(folder, "config.capnp")], { stdio: ["ignore", "inherit", "inherit"] })
  try {
    const query = new URLSearchParams(Object.entries(values))
    return await eventually(async () => {
      const response = await fetch(`http://127.0.0.1:${PORT}/?${query}`)
      if (!response.ok) throw new Error(await response.text())
      return (await response.json()) as Record<string, number[]>
    })
  } finally {
    child.kill()
  }
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

function print(batchesUs: Record<string, number[]>): void {
  const at = (name: string, share: number) => quantile(batchesUs[name] as number[], share)
  const floorOf = (name: string) => at(`${name.split(" ")[0]} bare hop`, 0.5)
  console.log(
    styleText(
      "bold",
      `${"way".padEnd(42)}${"p25 us".padStart(9)}${"p50 us".padStart(9)}${"p75 us".padStart(9)}${"of a bare hop".padStart(16)}`,
    ),
  )
  for (const name of Object.keys(batchesUs)) {
    const quartiles = [0.25, 0.5, 0.75].map((share) => at(name, share).toFixed(1).padStart(9)).join("")
    console.log(`${name.padEnd(42)}${quartiles}${(floorOf(name) / at(name, 0.5)).toFixed(2).padStart(16)}`)
  }
  console.log(
    `\n${Object.values(batchesUs)[0]?.length} batches a way; ratios are throughput: time of a bare hop / time of the way`,
  )
  console.log(`rpc hop ratio ${(at("rpc bare hop", 0.5) / at("rpc mesh hop", 0.5)).toFixed(2)}`)
  console.log(`hop ratio ${(at("fetch bare hop", 0.5) / at("fetch mesh hop", 0.5)).toFixed(2)}`)
}

function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.floor(share * (sorted.length - 1))] as number
}

interface Way {
  readonly name: string
  readonly binding: string
  readonly by: "fetch" | "rpc"
  /** The service that a mesh binding addresses. */
  readonly to?: string
}

function ways(): Way[] {
  const mesh = FEATURES.map((feature, index): Way => {
    const name = index === 0 ? "fetch mesh hop" : `fetch mesh hop, ${feature.name}`
    return { name, binding: `MESH_${index}`, by: "fetch", to: serviceOf(feature) }
  })
  return [
    { name: "fetch direct", binding: "DIRECT", by: "fetch" },
    { name: "fetch bare hop", binding: "BARE", by: "fetch" },
    ...mesh,
    { name: "rpc direct", binding: "DIRECT", by: "rpc" },
    { name: "rpc bare hop", binding: "BARE", by: "rpc" },
    { name: "rpc mesh hop", binding: "MESH_0", by: "rpc" },
  ]
}

function config(folder: string): string {
  const json = (value: unknown) => JSON.stringify(JSON.stringify(value))
  const sidecar = ({ binding, to }: Way) =>
    `(name = "${binding}", service = (name = "proxy", entrypoint = "Sidecar", props = (json = ${json({ from: "driver", to })})))`
  const worker = (name: string, rest: string) =>
    `(modules = [(name = "main", esModule = embed "${name}.js")], compatibilityDate = "2026-10-20", ${rest})`
  const all = ways()
  const sidecars = all.filter(({ to }) => to !== undefined).map(sidecar)
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "driver", worker = .driver), (name = "proxy", worker = .proxy), (name = "control", worker = .control),
    (name = "bare", worker = .bare), (name = "upstream", worker = .upstream),
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
const proxy :Workerd.Worker = ${worker(
    "proxy",
    `bindings = [(name = "UPSTREAM", service = "upstream"), (name = "UPSTREAM_2", service = "upstream"),
  ${OBJECTS.map(([binding, name]) => `(name = "${binding}", durableObjectNamespace = (className = "${name}", serviceName = "control"))`).join(", ")}]`,
  )};
const driver :Workerd.Worker = ${worker(
    "driver",
    `bindings = [
  (name = "DIRECT", service = "upstream"), (name = "BARE", service = "bare"), (name = "CONTROL", service = "control"),
  ${sidecars.join(",\n  ")},
  (name = "WAYS", json = ${json(all)}), (name = "SNAPSHOT", json = ${json(benchSnapshot())})]`,
  )};
`
}
