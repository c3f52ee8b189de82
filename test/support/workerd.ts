/** Plain `workerd serve` in a process of its own; ready when it listens. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createRequire } from "node:module"
import { createInterface } from "node:readline"
import type { Readable } from "node:stream"
import { setTimeout } from "node:timers/promises"

/** Its launcher in the path may be a script, and killing that would leave the runtime behind. */
const WORKERD: string = createRequire(import.meta.url)("workerd").default
const START_MS = 60_000

export interface Workerd {
  /** By socket name, without a slash at the end. */
  readonly urls: Readonly<Record<string, string>>
  readonly child: ChildProcess
  /** What it wrote to standard output and error so far. */
  readonly said: () => string
  /** As the system kills. */
  kill(): Promise<void>
}

export interface ServeOptions {
  /** Addresses by socket; `any` port of this machine where the config's own is not wanted. */
  readonly sockets: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
}

export const ANY_PORT = "127.0.0.1:0"

/** Runs a config, or the script `start` beside one. Throws what it said when it ends instead of listening. */
export async function serve(path: string, { sockets, env = {} }: ServeOptions): Promise<Workerd> {
  const flags = Object.entries(sockets).flatMap(([name, address]) => ["--socket-addr", `${name}=${address}`])
  const [command, args] = path.endsWith(".capnp") ? [WORKERD, ["serve", path]] : [path, []]
  const child = spawn(command, [...args, "--control-fd=3", ...flags], {
    env: { ...process.env, WORKERD, ...env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  })
  let said = ""
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", (chunk) => (said = (said + chunk).slice(-8_000)))
  const ended = once(child, "exit")
  const ports = await Promise.race([
    listening(child.stdio[3] as Readable, Object.keys(sockets)),
    ended.then(() => undefined),
    late(),
  ])
  if (!ports) {
    child.kill("SIGKILL")
    throw new Error(`workerd did not start: ${said}`)
  }
  return {
    urls: Object.fromEntries([...ports].map(([name, port]) => [name, `http://127.0.0.1:${port}`])),
    child,
    said: () => said,
    async kill() {
      child.kill("SIGKILL")
      await ended
    },
  }
}

async function late(): Promise<undefined> {
  await setTimeout(START_MS, undefined, { ref: false })
}

/** The runtime says of each socket that it listens, and where. */
async function listening(
  stream: Readable,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, number> | undefined> {
  const ports = new Map<string, number>()
  for await (const line of createInterface(stream)) {
    const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port?: number }
    if (event === "listen" && socket !== undefined && port !== undefined) ports.set(socket, port)
    if (wanted.every((name) => ports.has(name))) return ports
  }
  return undefined
}
