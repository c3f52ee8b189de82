/** `weft up`: the mesh on this machine, with one's own Workers in it, until Ctrl-C. */
import { watch } from "node:fs"
import { writeFile } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import type { LogLine } from "#cli/local/logs.ts"
import type { LocalMesh } from "#cli/local/mesh.ts"
import { facts, painter } from "#cli/output.ts"
import { startProgress } from "#cli/progress.ts"
import { report, reportProblems } from "#cli/report.ts"
import { proxyConfigFor } from "#cli/up-config.ts"
import { run as apply } from "./apply.ts"

const INGRESS_PORT = 8787
const CONTROL_PORT = 8788
const QUIET_MS = 100
const LOG = ".weft/mesh.log"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const stopped = io.interrupted()
  const projects = call.args.filter((arg) => arg !== undefined)
  const configs = await proxyConfigFor(io.cwd, options.config, projects)
  if (failed(configs)) return report(io, configs, "nothing was started")
  const { localToken } = await import("#cli/local/token.ts")
  // Where every other command looks for it.
  const token = await localToken(join(io.cwd, ".weft"))
  await writeFile(join(io.cwd, ".weft", ".gitignore"), "*\n")

  const progress = startProgress(io)
  progress.say("loading the tools")
  const { LocalMeshError } = await import("#cli/local/error.ts")
  const { startMeshLog } = await import("#cli/local/mesh-log.ts")
  const { startLocalMesh } = await import("#cli/local/mesh.ts")
  const log = startMeshLog({
    path: join(io.cwd, LOG),
    stacks: true,
    show: (line) => progress.over(() => io.out.write(logText(call, line))),
  })
  const sinceMs = Date.now()
  const mesh = await startLocalMesh({
    proxyConfig: configs.proxy,
    controlConfig: configs.control,
    projects: projects.map((project) => resolve(io.cwd, project)),
    ingressPort: options.ingressPort ?? INGRESS_PORT,
    controlPort: options.controlPort ?? CONTROL_PORT,
    persistTo: join(io.cwd, ".weft", "state"),
    adminToken: token,
    onLog: log.take,
    onStep: progress.say,
  }).catch((error: unknown) => error as Error)
  progress.end()
  if (mesh instanceof LocalMeshError) return reportProblems(io, mesh.problems, "nothing was started")
  if (mesh instanceof Error) throw mesh

  const { leaveAddress } = await import("#cli/local/found.ts")
  const takeAddress = leaveAddress(join(io.cwd, ".weft"), mesh.controlUrl)
  io.out.write(
    facts([
      ["ingress", mesh.ingressUrl],
      ["control", `${mesh.controlUrl} (token in .weft/token)`],
      ["workers", mesh.workers.map(({ name }) => name).join(", ")],
      ["log", LOG],
    ]),
  )
  const unwatch = await follow(call, mesh, token, sinceMs)
  await stopped
  unwatch()
  takeAddress()
  await mesh.stop()
  log.end()
  return EXIT.ok
}

/** Applies the documents once, and with --watch keeps Workers and documents up to date with what changed since then. */
async function follow(call: Call, mesh: LocalMesh, token: string, sinceMs: number): Promise<() => void> {
  const { io, options } = call
  const path = options.apply
  let missed = false
  const applyNow = async () => {
    if (path === undefined) return
    const exit = await apply({ ...call, args: [], options: { file: [path], url: mesh.controlUrl, token } })
    missed = exit === EXIT.unreachable
  }
  if (!options.watch) {
    await applyNow()
    return () => {}
  }
  const { watchProjects } = await import("#cli/local/watch.ts")
  // First of all: what changes while the documents are applied is a change as well.
  const unwatchProjects = watchProjects(mesh, {
    sinceMs,
    onReload(names, tookMs) {
      io.out.write(`reloaded ${names.join(", ")} in ${tookMs}ms\n`)
      // Documents and Workers often change together, and control is away for a moment while Workers reload.
      if (missed) void applyNow()
    },
    onError: (names, error) =>
      io.err.write(`${painter(io, io.err)("red", "error")}: ${names.join(", ")}: ${(error as Error).message}\n`),
  })
  const unwatchDocuments = path === undefined ? () => {} : watchPath(resolve(io.cwd, path), applyNow)
  await applyNow()
  return () => {
    unwatchProjects()
    unwatchDocuments()
  }
}

/** A file is watched through its folder: an editor that saves by renaming would take a watched file away. */
function watchPath(path: string, changed: () => Promise<void>): () => void {
  const isFile = /\.[a-z]+$/.test(path)
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(isFile ? dirname(path) : path, { recursive: !isFile }, (_, name) => {
    if (isFile && name !== basename(path)) return
    clearTimeout(timer)
    timer = setTimeout(() => void changed(), QUIET_MS)
  })
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}

function logText({ io }: Call, { worker, level, message }: LogLine): string {
  const paint = painter(io, io.out)
  return `${paint("cyan", worker ?? "runtime")}  ${level === "error" ? paint("red", message) : message}\n`
}
