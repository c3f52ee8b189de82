/** A mesh under plain `workerd serve`, from what `weft build` writes: killed and started again on the same state. */
import { readFileSync } from "node:fs"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { folderOf, weft } from "./cli.ts"
import { ANY_PORT, serve, type Workerd } from "./workerd.ts"

export const ROOT = resolve(import.meta.dirname, "../..")
export const TOKEN = "weft_7Kq2mXv9LrT4sWcZ8bNd"

export interface SelfHosted {
  /** What `weft build` wrote, and the folder `state`. */
  readonly folder: string
  /** Of the process that runs now. */
  readonly ingressUrl: string
  readonly controlUrl: string
  readonly runtime: Workerd
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

export interface SelfHostOptions {
  /** The proxy's config, in the repository; absent: weft's own, with a binding for each project. */
  readonly config?: string
  readonly control?: string
  readonly projects?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export async function startSelfHosted({ config, control, projects = [], env }: SelfHostOptions): Promise<SelfHosted> {
  const folder = await mkdtemp(join(tmpdir(), "weft-self-hosted-"))
  await mkdir(join(folder, "workers", "earlier"), { recursive: true })
  const flags = [...(config ? ["--config", config] : []), ...(control ? ["--control", control] : [])]
  const built = await weft(["build", ...projects, ...flags, "--out", folder], { cwd: ROOT })
  if (built.exit !== 0) throw new Error(built.err)
  const start = () =>
    serve(join(folder, "start"), {
      sockets: { ingress: ANY_PORT, control: ANY_PORT },
      env: { WEFT_ADMIN_TOKEN: TOKEN, WEFT_STATE: join(folder, "state"), ...env },
    })
  let runtime = await start()
  return {
    folder,
    get ingressUrl() {
      return runtime.urls.ingress!
    },
    get controlUrl() {
      return runtime.urls.control!
    },
    get runtime() {
      return runtime
    },
    kill: () => runtime.kill(),
    async start() {
      runtime = await start()
    },
    async stop() {
      await runtime.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A wrangler config of the repository with something more in it: its path. */
export function configVariant(path: string, addition: string): string {
  const main = (_: string, relative: string) => `main = "${resolve(dirname(path), relative)}"`
  const text = readFileSync(path, "utf8").replace(/^main = "(.*)"$/m, main)
  return join(folderOf({ "wrangler.toml": `${text}\n${addition}` }), "wrangler.toml")
}
