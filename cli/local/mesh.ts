/**
 * A whole mesh on this machine: control, proxy and the user's Workers in one runtime, with two ports to the outside.
 * What `weft up` and `npm start` run, and what tests and benches drive.
 */
import { resolve } from "node:path"
import { Miniflare } from "miniflare"
import type { Problem } from "#shared/model/problem.ts"
import { type BuiltWorker, buildProject, findConfig } from "./build.ts"
import { checkWorkers } from "./check.ts"
import { LocalMeshError } from "./error.ts"
import { startGuard } from "./guard.ts"
import { lockState } from "./lock.ts"
import type { LogLine } from "./logs.ts"
import { checkPorts } from "./ports.ts"
import { runtimeOptions, runtimeProblems } from "./runtime.ts"

export interface LocalMeshOptions {
  /** Wrangler config of the proxy; its default export answers on the ingress port. */
  readonly proxyConfig: string
  /** Wrangler config of control; its default export answers on the control port. */
  readonly controlConfig: string
  /** The user's projects: folders with a wrangler config, or configs. */
  readonly projects: readonly string[]
  /** 0 = any free port; the result says which. */
  readonly ingressPort: number
  readonly controlPort: number
  /** Folder for the state of objects and namespaces. Without, state is gone with the mesh. */
  readonly persistTo?: string
  /** Control's secret `WEFT_ADMIN_TOKEN`. */
  readonly adminToken: string
  /** Variables to add to Workers, by the Worker's name. */
  readonly vars?: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly onLog?: (line: LogLine) => void
  /** Told of each step that may take a while, as it begins: `building 7 Workers`. */
  readonly onStep?: (step: string) => void
}

export interface LocalMesh {
  /** Without a slash at the end. */
  readonly ingressUrl: string
  readonly controlUrl: string
  /** The Workers as they run now. */
  readonly workers: readonly BuiltWorker[]
  /** Builds projects (by name, folder or config; none = all) anew and swaps them in. Problems leave the old ones running. */
  reload(...projects: readonly string[]): Promise<void>
  /** Sends a request to a Worker's default export, past the mesh. */
  dispatchTo(workerName: string, request: Request): Promise<Response>
  stop(): Promise<void>
}

/** Where control keeps the last known good snapshot for proxies that start while no object can be reached. */
const LAST_KNOWN = { WEFT_KV: "weft-last-known" }

/** Throws a `LocalMeshError` with every problem at once. */
export async function startLocalMesh(options: LocalMeshOptions): Promise<LocalMesh> {
  const prepared = await prepare(options)
  let { workers } = prepared
  const [proxy, control] = [workers[0]!.name, workers[1]!.name]
  const guard = startGuard()
  const release = () => {
    guard.release()
    prepared.unlock()
  }
  const vars = {
    ...options.vars,
    [proxy]: { ...reachable(workers[0]!), ...options.vars?.[proxy] },
    [control]: {
      ...reachable(workers[1]!),
      ...answering(workers[1]!),
      ...options.vars?.[control],
      WEFT_ADMIN_TOKEN: options.adminToken,
    },
  }
  const configure = (workers: readonly BuiltWorker[]) =>
    runtimeOptions({
      workers,
      sockets: { [proxy]: options.ingressPort, [control]: options.controlPort },
      vars,
      namespaces: { [proxy]: LAST_KNOWN, [control]: LAST_KNOWN },
      persistTo: prepared.persistTo,
      env: guard.env,
      onLog: options.onLog ?? (() => {}),
    })
  options.onStep?.(`starting ${workers.length} Workers`)
  const miniflare = await launch(() => new Miniflare(configure(workers))).catch((error) => {
    release()
    throw new LocalMeshError(runtimeProblems(error, workers))
  })
  const urls = await Promise.all([proxy, control].map((name) => miniflare.unsafeGetDirectURL(name)))
  let reloads: Promise<void> = Promise.resolve()

  const swap = async (projects: readonly string[]) => {
    const next = await rebuild(workers, projects)
    try {
      await miniflare.setOptions(configure(next))
      workers = next
    } catch (error) {
      // The runtime did not take it: it runs the old ones again.
      await miniflare.setOptions(configure(workers))
      throw new LocalMeshError(runtimeProblems(error, next))
    }
  }
  return {
    ingressUrl: urls[0]!.origin,
    controlUrl: urls[1]!.origin,
    get workers() {
      return workers
    },
    reload(...projects) {
      // One after the other; one that failed does not hold up the next.
      reloads = reloads.catch(() => {}).then(() => swap(projects))
      return reloads
    },
    dispatchTo: (workerName, request) => dispatch(miniflare, workerName, request),
    async stop() {
      await reloads.catch(() => {})
      await miniflare.dispose()
      release()
    },
  }
}

/** Upstreams of a developer's mesh may be on the same machine, unless the Worker's own configuration says what may. */
function reachable({ options }: BuiltWorker): Readonly<Record<string, string>> {
  return options.bindings && "WEFT_LOCAL_ORIGINS" in options.bindings ? {} : { WEFT_LOCAL_ORIGINS: "*" }
}

/** A page that makes its own name lead to this machine does not reach control (DNS rebinding). */
function answering({ options }: BuiltWorker): Readonly<Record<string, string>> {
  return options.bindings && "WEFT_ADMIN_HOSTS" in options.bindings ? {} : { WEFT_ADMIN_HOSTS: "localhost, 127.0.0.1" }
}

interface Prepared {
  readonly workers: readonly BuiltWorker[]
  readonly persistTo: string | undefined
  unlock(): void
}

/** All that can go wrong before anything runs. */
async function prepare({ proxyConfig, controlConfig, projects, ...options }: LocalMeshOptions): Promise<Prepared> {
  options.onStep?.(`building ${projects.length + 2} Workers`)
  const [ports, { workers, problems }] = await Promise.all([
    checkPorts({ "--ingress-port": options.ingressPort, "--control-port": options.controlPort }),
    buildAll([proxyConfig, controlConfig, ...projects]),
  ])
  const persistTo = options.persistTo === undefined ? undefined : resolve(options.persistTo)
  const lock = persistTo === undefined ? { release() {} } : lockState(persistTo)
  const all = [...ports, ...("rule" in lock ? [lock] : []), ...problems]
  const unlock = () => "release" in lock && lock.release()
  if (all.length === 0) return { workers, persistTo, unlock }
  unlock()
  throw new LocalMeshError(all)
}

/** Builds all paths at once and checks them against one another. Problems of single projects come before those between. */
export async function buildAll(paths: readonly string[]): Promise<{ workers: BuiltWorker[]; problems: Problem[] }> {
  const results = await Promise.all(paths.map(buildProject))
  const workers = withProber(results.filter(isWorker))
  const problems = results.filter(isProblem)
  // With a project missing, half of the others' bindings would be said to be wrong.
  return { workers, problems: problems.length > 0 ? problems : checkWorkers(workers) }
}

/** Control makes its health checks through the proxy that it runs beside, whatever the name of that one is. */
function withProber(workers: BuiltWorker[]): BuiltWorker[] {
  const [proxy, control] = workers
  const bound = control?.options.serviceBindings?.PROXY as { name?: unknown } | undefined
  if (!proxy || !control || !bound || workers.some(({ name }) => name === bound.name)) return workers
  const serviceBindings = { ...control.options.serviceBindings, PROXY: { ...bound, name: proxy.name } }
  return workers.with(1, { ...control, options: { ...control.options, serviceBindings } })
}

async function rebuild(workers: readonly BuiltWorker[], projects: readonly string[]): Promise<BuiltWorker[]> {
  const found = projects.map((project) => running(workers, project))
  const missing = found.filter(isProblem)
  if (missing.length > 0) throw new LocalMeshError(missing)
  const chosen = projects.length === 0 ? workers : found.filter(isWorker)
  const fresh = await Promise.all(chosen.map(({ configPath }) => buildProject(configPath)))
  const failed = fresh.filter(isProblem)
  if (failed.length > 0) throw new LocalMeshError(failed)
  const next = withProber(workers.map((worker) => (fresh as BuiltWorker[])[chosen.indexOf(worker)] ?? worker))
  const problems = checkWorkers(next)
  if (problems.length > 0) throw new LocalMeshError(problems)
  return next
}

function running(workers: readonly BuiltWorker[], project: string): BuiltWorker | Problem {
  const config = findConfig(project)
  const found = workers.find(({ name, configPath }) => name === project || configPath === config)
  if (found) return found
  const hint = `these do: ${workers.map(({ name }) => name).join(", ")}`
  return { path: project, rule: "project-missing", message: `no project "${project}" runs here`, hint }
}

async function launch(create: () => Miniflare): Promise<Miniflare> {
  const miniflare = withoutSignals(create)
  try {
    await miniflare.ready
    return miniflare
  } catch (error) {
    await miniflare.dispose().catch(() => {})
    throw error
  }
}

/**
 * Miniflare ends the process by itself on a signal, before anybody could stop in order. Its handlers are taken off
 * again: whoever runs the mesh decides what Ctrl-C does, and the guard sees to the runtime if nobody does.
 */
function withoutSignals(create: () => Miniflare): Miniflare {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
  const before = signals.map((signal) => new Set(process.listeners(signal)))
  const miniflare = create()
  signals.forEach((signal, index) => {
    for (const listener of process.listeners(signal)) if (!before[index]!.has(listener)) process.off(signal, listener)
  })
  return miniflare
}

async function dispatch(miniflare: Miniflare, workerName: string, request: Request): Promise<Response> {
  const { url, method, headers, body } = request
  const worker = await miniflare.getWorker(workerName)
  const init = { method, headers: [...headers], body, redirect: "manual", ...(body ? { duplex: "half" } : {}) }
  return (await worker.fetch(url, init as never)) as unknown as Response
}

function isProblem(result: BuiltWorker | Problem): result is Problem {
  return "rule" in result
}

function isWorker(result: BuiltWorker | Problem): result is BuiltWorker {
  return !isProblem(result)
}
