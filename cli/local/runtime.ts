/** From built Workers to the options of one Miniflare: one process, one workerd, two sockets to the outside. */
import { convertV4MiniflareOptions, type MiniflareOptions, NoOpLog, type V4WorkerOptions } from "miniflare"
import type { Problem } from "#shared/model/problem.ts"
import type { BuiltWorker } from "./build.ts"
import { watchedMain } from "./exceptions.ts"
import { consoleModule, type LogLine, parseLine } from "./logs.ts"
import { LOOPBACK } from "./ports.ts"

export interface RuntimeOptions {
  readonly workers: readonly BuiltWorker[]
  /**
   * Port by Worker name. The socket leads to the Worker itself: through Miniflare's own front, `/a/../b` would arrive as
   * `/b` and the Host header in lower case, and a mesh must see, and refuse, what clients really send.
   */
  readonly sockets: Readonly<Record<string, number>>
  /** Names of KV namespaces to add, by Worker name and binding; what a Worker's own config says goes before it. */
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Plain variables to add, by Worker name. */
  readonly vars: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly persistTo: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly onLog: (line: LogLine) => void
}

export function runtimeOptions(options: RuntimeOptions): MiniflareOptions {
  const { workers, persistTo, env, onLog } = options
  return convertV4MiniflareOptions({
    host: LOOPBACK,
    port: 0,
    // Without these three, Miniflare asks hosts on the internet and takes part in other programs' development sessions.
    cf: false,
    telemetry: { enabled: false },
    unsafeRuntimeEnv: { ...env },
    log: new NoOpLog(),
    handleStructuredLogs: (entry) => onLog(parseLine(entry)),
    ...(persistTo === undefined ? {} : { resourcePersistencePath: persistTo }),
    workers: [
      ...workers.map((worker) => workerOptions(worker, options)),
      ...workers.flatMap((worker) => worker.helpers as V4WorkerOptions[]),
    ],
  })
}

function workerOptions(worker: BuiltWorker, { sockets, vars, namespaces }: RuntimeOptions): V4WorkerOptions {
  const port = sockets[worker.name]
  return {
    ...worker.options,
    name: worker.name,
    kvNamespaces: { ...namespaces[worker.name], ...worker.options.kvNamespaces },
    bindings: { ...worker.options.bindings, ...vars[worker.name] },
    ...(port === undefined ? {} : { unsafeDirectSockets: [{ host: LOOPBACK, port }] }),
    ...source(worker, port !== undefined),
  } as V4WorkerOptions
}

/** A main module around the Worker's own: it marks the console first, then exports all that the Worker exports. */
function source(worker: BuiltWorker, isMesh: boolean): Pick<V4WorkerOptions, "modules"> | { script: string } {
  const main = worker.modules[0]!
  if (main.type === "Script") return { script: String(main.content) }
  // A Python main module is of another language; its lines go without a name.
  const wrapped = main.type === "ESModule" ? [...wrapper(worker, isMesh), ...worker.modules] : worker.modules
  const modules = wrapped.map(({ type, name, content }) => ({ type, path: `/${name}`, contents: content }))
  return { modulesRoot: "/", modules } as Pick<V4WorkerOptions, "modules">
}

function wrapper({ name, exports }: BuiltWorker, isMesh: boolean): BuiltWorker["modules"] {
  const inner = isMesh ? [] : watchedMain(exports)
  const from = `./${inner[0]?.name ?? "index.js"}`
  const exported = exports.includes("default") ? `export { default } from "${from}"\n` : ""
  const main = `import "./weft-console.js"\nexport * from "${from}"\n${exported}`
  const modules = [
    { name: "weft-main.js", content: main },
    { name: "weft-console.js", content: consoleModule(name) },
  ]
  return [...modules, ...inner].map((module) => ({ type: "ESModule", ...module }))
}

/** Why the runtime did not start: the Workers that it names, else what it said. */
export function runtimeProblems(error: unknown, workers: readonly BuiltWorker[]): Problem[] {
  const text = error instanceof Error ? error.message : String(error)
  const named = [...text.matchAll(/^\{.*"message":"service core:user:.*\}$/gm)].map(([entry]) =>
    parseLine(JSON.parse(entry)),
  )
  if (named.length === 0) return [{ path: "runtime", rule: "runtime-failed", message: text }]
  return named.map(({ worker, message }) => {
    const path = workers.find(({ name }) => name === worker)?.configPath ?? worker ?? "runtime"
    return { path, rule: "start-failed", message: `"${worker}" cannot start: ${message}` }
  })
}
