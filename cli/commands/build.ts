/** `weft build`: the mesh as plain `workerd` runs it, in a folder: a config, and the bundles that it embeds. */

import { chmod, copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { count, print, table } from "#cli/output.ts"
import { during } from "#cli/progress.ts"
import { report, reportProblems } from "#cli/report.ts"
import { proxyConfigFor } from "#cli/up-config.ts"
import { ADMIN_TOKEN, type SelfHosted, selfHosted } from "#cli/workerd/config.ts"

const OUT = join("dist", "workerd")
const START = fileURLToPath(new URL("../workerd/start.sh", import.meta.url))
const NOTHING = "nothing was written"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const projects = call.args.filter((arg) => arg !== undefined)
  const configs = await proxyConfigFor(io.cwd, options.config, projects)
  if (failed(configs)) return report(io, configs, NOTHING)
  const { buildAll } = await import("#cli/local/mesh.ts")
  const control = options.control === undefined ? configs.control : resolve(io.cwd, options.control)
  const paths = [configs.proxy, control, ...projects.map((project) => resolve(io.cwd, project))]
  const { workers, problems } = await during(io, `bundling ${count(paths.length, "Worker")}`, buildAll(paths))
  if (problems.length > 0) return reportProblems(io, problems, NOTHING)
  const hosted = selfHosted(workers, { behindProxy: options.behindProxy === true })
  if (!("config" in hosted)) return reportProblems(io, hosted, NOTHING)

  const out = options.out ?? OUT
  await write(resolve(io.cwd, out), hosted)
  const result = { config: join(out, "weft.capnp"), workers: workers.map(({ name }) => name), secrets: hosted.secrets }
  await print(io, call.format, { ...result, leftOut: hosted.leftOut }, () => summary(out, hosted))
  return EXIT.ok
}

/** The folder of bundles is swapped, so that none of an earlier build stays; what runs has read it already. */
async function write(out: string, { config, files }: SelfHosted): Promise<void> {
  const fresh = join(out, "workers.new")
  await rm(fresh, { recursive: true, force: true })
  for (const [path, content] of files) {
    const file = join(fresh, path.replace(/^workers\//, ""))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
  await rm(join(out, "workers"), { recursive: true, force: true })
  await rename(fresh, join(out, "workers"))
  await writeFile(join(out, "weft.capnp"), config)
  await copyFile(START, join(out, "start"))
  await chmod(join(out, "start"), 0o755)
}

function summary(out: string, { secrets, leftOut, files }: SelfHosted): string {
  const rows = secrets.map(({ variable, worker, binding }) => [variable, worker, binding])
  const without = leftOut.length === 0 ? "" : `Left out, as plain workerd has no such thing: ${leftOut.join(", ")}\n\n`
  return `${join(out, "weft.capnp")} and ${count(files.size, "bundle")} are written.

${table(["VARIABLE", "WORKER", "SECRET"], rows)}
${without}Start it, and keep the token:

  export ${ADMIN_TOKEN}=$(openssl rand -base64 24) WEFT_STATE=state
  npx --package workerd@${workerdVersion()} ${join(out, "start")}
`
}

/** The runtime that this version is tested with. */
function workerdVersion(): string {
  const { version } = createRequire(import.meta.url)("workerd/package.json") as { readonly version: string }
  return version
}
