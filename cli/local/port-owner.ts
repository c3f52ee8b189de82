/** Who listens on a port of this machine, as far as the system tells without being asked for long: other users' programs stay unnamed. */
import { execFile } from "node:child_process"
import { readdir, readFile, readlink } from "node:fs/promises"

export interface Owner {
  readonly pid: number
  /** `node scripts/start.ts`. */
  readonly command: string
}

const COMMAND_CHARS_MAX = 80
const LSOF_MS_MAX = 2_000
/** As /proc/net/tcp has it. */
const LISTENING = "0A"

export async function ownerOf(port: number): Promise<Owner | undefined> {
  try {
    return process.platform === "linux" ? await ownerByProc(port) : await ownerByLsof(port)
  } catch {
    // Who it is would have been nice to know.
    return undefined
  }
}

/** Linux has its sockets in files; the program that names them (lsof) is often not installed. */
async function ownerByProc(port: number): Promise<Owner | undefined> {
  const sockets = new Set((await listeningInodes(port)).map((inode) => `socket:[${inode}]`))
  if (sockets.size === 0) return undefined
  for (const pid of await readdir("/proc")) {
    if (/^\d+$/.test(pid) && (await holdsOne(pid, sockets))) return starterOf(Number(pid))
  }
  return undefined
}

async function listeningInodes(port: number): Promise<string[]> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")))
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  return tables.flatMap((table) =>
    table.split("\n").flatMap((row) => {
      const [, local, , state, , , , , , inode] = row.trim().split(/\s+/)
      return local?.endsWith(ending) && state === LISTENING && inode !== undefined ? [inode] : []
    }),
  )
}

async function holdsOne(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  const names = await readdir(folder).catch(() => [])
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => "")))
  return targets.some((target) => sockets.has(target))
}

/** A runtime is not what somebody started or would stop: the program that runs it is. */
async function starterOf(pid: number): Promise<Owner> {
  const command = await commandOf(pid)
  if (!/^workerd\b/.test(command)) return { pid, command }
  const status = await readFile(`/proc/${pid}/status`, "utf8")
  const parent = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1])
  return parent > 1 ? { pid: parent, command: await commandOf(parent) } : { pid, command }
}

async function commandOf(pid: number): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").filter((word) => word !== "")
  return shown(words)
}

/** Without the folders of the program itself. */
function shown([program = "a program", ...args]: readonly string[]): string {
  return [program.replace(/^.*\//, ""), ...args].join(" ").slice(0, COMMAND_CHARS_MAX)
}

function ownerByLsof(port: number): Promise<Owner | undefined> {
  const args = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"]
  return new Promise((resolve) => {
    execFile("lsof", args, { timeout: LSOF_MS_MAX }, (error, text) => {
      const [, pid, command] = /^p(\d+)\nc(.+)$/m.exec(text) ?? []
      resolve(error || pid === undefined ? undefined : { pid: Number(pid), command: shown([command!]) })
    })
  })
}
