/**
 * `npm start`: the example shop in a mesh on this machine, until Ctrl-C.
 *
 *   npm start -- --ingress-port 8787 --control-port 8788 --state .weft --quiet
 *   WEFT_INGRESS_PORT=9000 WEFT_CONTROL_PORT=9001 npm start
 */
import { join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { type ParseArgsConfig, parseArgs } from "node:util"
import { later } from "#cli/io.ts"
import { LocalMeshError } from "#cli/local/error.ts"
import { leaveAddress } from "#cli/local/found.ts"
import type { LogLine } from "#cli/local/logs.ts"
import type { LocalMesh, LocalMeshOptions } from "#cli/local/mesh.ts"
import { type MeshLog, startMeshLog } from "#cli/local/mesh-log.ts"
import { becomesReady } from "#cli/local/ready.ts"
import { type Seeded, seed } from "#cli/local/seed.ts"
import { localToken } from "#cli/local/token.ts"
import { type Progress, startProgress } from "#cli/progress.ts"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const SHOP = join(ROOT, "examples/shop")
const PROJECTS = ["storefront", "catalog", "payments", "orders/wrangler.v1.toml", "orders/wrangler.v2.toml"]
const PORT_MAX = 65_535
const READY_MS_MAX = 30_000
const USAGE = "npm start -- [--ingress-port 8787] [--control-port 8788] [--state .weft] [--quiet]"

interface Settings {
  readonly ingressPort: number
  readonly controlPort: number
  /** Holds `token` and the folder `state`. */
  readonly folder: string
  readonly quiet: boolean
}

interface Started {
  readonly mesh: LocalMesh
  readonly seeded: Seeded
  /** Whether a request is answered now. */
  readonly isReady: boolean
}

try {
  await main(settings())
} catch (error) {
  console.error(`\n${error instanceof LocalMeshError ? error.message : error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}

async function main(settings: Settings): Promise<void> {
  const { folder, quiet } = settings
  const err = { write: (text: string) => void process.stderr.write(text), terminal: process.stderr.isTTY }
  const progress = startProgress({ err, later }, 0)
  progress.say("loading the tools")
  const token = await localToken(folder)
  const log = startMeshLog({
    path: join(folder, "mesh.log"),
    stacks: false,
    ...(quiet ? {} : { show: (line) => progress.over(() => print(line)) }),
  })
  try {
    const started = await startShop(settings, token, log, progress)
    progress.end()
    console.log(welcome(started, folder, token))
  } catch (error) {
    progress.end()
    throw error
  }
}

/** Until the first request would be answered. */
async function startShop(
  { ingressPort, controlPort, folder }: Settings,
  token: string,
  log: MeshLog,
  progress: Progress,
): Promise<Started> {
  const options: LocalMeshOptions = {
    proxyConfig: join(SHOP, "wrangler.toml"),
    controlConfig: join(ROOT, "workers/control/wrangler.toml"),
    projects: PROJECTS.map((project) => join(SHOP, "workers", project)),
    persistTo: join(folder, "state"),
    adminToken: token,
    ingressPort,
    controlPort,
    onLog: log.take,
    onStep: progress.say,
  }
  // Takes a while, and is worth a word before it.
  const { startLocalMesh } = await import("#cli/local/mesh.ts")
  const mesh = await startLocalMesh(options)
  const takeAddress = leaveAddress(folder, mesh.controlUrl)
  stopOnSignals(mesh, () => {
    takeAddress()
    log.end()
  })
  progress.say("asking control for the revision")
  const seeded = await seed(mesh.controlUrl, token, [join(SHOP, "mesh.yaml")])
  progress.say(`waiting until the proxy has revision ${seeded.revision}`)
  const { ingressUrl, controlUrl } = mesh
  const isReady = await becomesReady({ ingressUrl, controlUrl, token, withinMs: READY_MS_MAX })
  return { mesh, seeded, isReady }
}

function settings(): Settings {
  const { values } = parsed({
    options: {
      "ingress-port": { type: "string" },
      // Its name until 0.1.0.
      port: { type: "string" },
      "control-port": { type: "string", default: process.env.WEFT_CONTROL_PORT || "8788" },
      state: { type: "string", default: process.env.WEFT_STATE || join(ROOT, ".weft") },
      quiet: { type: "boolean", default: false },
    },
  })
  return {
    ingressPort: port(
      "--ingress-port",
      values["ingress-port"] ?? values.port ?? (process.env.WEFT_INGRESS_PORT || "8787"),
    ),
    controlPort: port("--control-port", values["control-port"]),
    folder: resolve(values.state),
    quiet: values.quiet,
  }
}

/** A flag that is not known is the person's mistake: no stack. */
function parsed<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message.split(". ")[0] : error}\nusage: ${USAGE}`)
    process.exit(2)
  }
}

function port(flag: string, text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number <= PORT_MAX) return number
  throw new LocalMeshError([
    { path: flag, rule: "port-invalid", message: `"${text}" is no port`, hint: `0 to ${PORT_MAX}; 0 is any free one` },
  ])
}

function stopOnSignals(mesh: LocalMesh, ended: () => void): void {
  let stopping = false
  const stop = async () => {
    // A second Ctrl-C does not wait. The state on disk is whole at any moment.
    if (stopping) process.exit(1)
    stopping = true
    await mesh.stop()
    ended()
    console.log("\nStopped. The state is kept; `npm start` goes on from here.")
    process.exit(0)
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop)
  if (process.env.npm_lifecycle_event) stopWithParent(stop)
}

/** The shell that npm puts between does not hand on a signal that npm got: without this, `kill` would leave a mesh behind. */
function stopWithParent(stop: () => Promise<void>): void {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    stop()
  }, 500)
}

function print({ worker, level, message }: LogLine): void {
  const write = level === "error" || level === "warn" ? console.error : console.log
  write(`[${worker ?? "runtime"}] ${message}`)
}

function welcome({ mesh, seeded, isReady }: Started, folder: string, token: string): string {
  const [shop, control] = [local(mesh.ingressUrl), local(mesh.controlUrl)]
  // Since the process began: what a person waited.
  const seconds = (performance.now() / 1000).toFixed(1)
  const weft = [
    // The CLI finds control and the token by itself in the usual folder.
    ...(folder === join(process.cwd(), ".weft")
      ? []
      : [`WEFT_URL=${control}`, `WEFT_TOKEN=$(cat ${join(folder, "token")})`]),
    "npx weft",
  ].join(" ")
  const at = shop === "http://localhost:8787" ? "" : ` --url ${shop}`
  const from = seeded.applied ? "examples/shop/mesh.yaml" : "as it was left"
  const is = isReady ? "is up" : `runs, but its proxy has no routes yet (\`${weft} status\` says more),`
  return `
  Weft ${is} after ${seconds} s, at revision ${seeded.revision} (${from}).

    shop      ${shop}
    control   ${control}
    token     ${token}
    log       ${nearby(join(folder, "mesh.log"))}

  Four things to try:

    See four Workers call one another through the mesh
      curl ${shop}/

    Send one order call in ten to v2, without a restart, and count
      ${weft} apply -f examples/shop/canary.yaml --wait
      npx node examples/shop/load.ts${at}

    See who calls whom, and how well, while it happens
      ${weft} top

    Go back
      ${weft} rollback

  Ctrl-C stops it.
`
}

/** As a person would type it here. */
function nearby(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith("..") ? path : short
}

/** Browsers show a host by name more kindly than by number. */
function local(url: string): string {
  return url.replace("//127.0.0.1", "//localhost")
}
