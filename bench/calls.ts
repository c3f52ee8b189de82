/**
 * What a call of one of the mesh's objects costs: processor time of caller, runtime and object together, and rows that it writes. Plain
 * workerd, objects on disk. These are the unit costs of the scale model (simulator/scale/costs.ts).
 * Usage: `node bench/calls.ts --times 20000`.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { build } from "esbuild"
import { Embed, literal } from "#cli/workerd/capnp.ts"
import { say } from "#scripts/progress.ts"
import { ANY_PORT, serve, type Workerd } from "#test/support/workerd.ts"
import { processorUs } from "./processor-time.ts"

const OBJECTS = ["RouteTable", "Relay", "Telemetry", "Breaker", "Limiter", "Nothing"]
const CALLS = ["nothing", "pull", "follow", "report", "tell", "lease"]
const ROUNDS = 5
const WARM_UP = 2_000

const { values } = parseArgs({ options: { times: { type: "string", default: "20000" } } })
const times = Number(values.times)
const folder = await mkdtemp(join(tmpdir(), "weft-calls-"))
try {
  await prepare()
  const runtime = await serve(join(folder, "config.capnp"), { sockets: { http: ANY_PORT } })
  for (const call of CALLS) {
    say(`${times} times ${call}`)
    console.log(await measured(runtime, call))
  }
  await runtime.kill()
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function prepare(): Promise<void> {
  await mkdir(join(folder, "state"))
  await build({
    ...{ entryPoints: ["bench/workers/calls.ts"], outfile: join(folder, "calls.js"), bundle: true, format: "esm" },
    ...{ target: "es2024", minify: true, external: ["cloudflare:workers"] },
  })
  const bindingOf = (name: string) => name.replace(/(?<=[a-z])(?=[A-Z])/, "_").toUpperCase()
  const worker = {
    modules: [{ name: "calls.js", esModule: new Embed("calls.js") }],
    compatibilityDate: "2026-10-20",
    bindings: OBJECTS.map((name) => ({ name: bindingOf(name), durableObjectNamespace: `${name}Object` })),
    durableObjectNamespaces: OBJECTS.map((name) => ({ className: `${name}Object`, uniqueKey: name, enableSql: true })),
    durableObjectStorage: { localDisk: "state" },
  }
  const disk = { path: join(folder, "state"), writable: true }
  const config = {
    services: [
      { name: "calls", worker },
      { name: "state", disk },
    ],
    sockets: [{ name: "http", address: ANY_PORT, service: "calls" }],
  }
  const text = `using Workerd = import "/workerd/workerd.capnp";\nconst config :Workerd.Config = ${literal(config)};\n`
  await writeFile(join(folder, "config.capnp"), text)
}

/** The least disturbed round says most of the call itself. */
async function measured(runtime: Workerd, call: string): Promise<string> {
  let from = 0
  const run = async (count: number) => {
    const response = await fetch(
      `${runtime.urls.http}/?${new URLSearchParams({ call, from: `${from}`, times: `${count}` })}`,
    )
    if (!response.ok) throw new Error(`${call}: ${await response.text()} ${runtime.said()}`)
    from += count
    return (await response.json()) as { rowsWritten: number }
  }
  await run(WARM_UP)
  let best = { cpuUs: Number.POSITIVE_INFINITY, rows: 0, perSecond: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const [startedMs, startedUs] = [performance.now(), await processorUs(runtime.child.pid!)]
    const { rowsWritten } = await run(times / ROUNDS)
    const cpu = ((await processorUs(runtime.child.pid!)) - startedUs) / (times / ROUNDS)
    const perSecond = (times / ROUNDS / (performance.now() - startedMs)) * 1000
    if (cpu < best.cpuUs) best = { cpuUs: cpu, rows: rowsWritten / (times / ROUNDS), perSecond }
  }
  return `${call.padEnd(8)} ${best.cpuUs.toFixed(0).padStart(5)} us a call, ${best.rows.toFixed(4)} rows written, ${best.perSecond.toFixed(0)} a second here`
}
