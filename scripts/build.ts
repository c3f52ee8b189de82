/** Bundles both Workers as a deploy would, without deploying, and says how large they are: `npm run build`. */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"

const WORKERS = [
  { name: "proxy", config: "wrangler.toml", goalBytes: 100 * 1024 },
  { name: "control", config: "workers/control/wrangler.toml", goalBytes: undefined },
]

await Promise.all(WORKERS.map(({ name, config }) => bundle(config, resolve("dist", name))))
for (const { name, goalBytes } of WORKERS) {
  const script = await readFile(resolve("dist", name, "index.js"))
  const goal =
    goalBytes === undefined ? "" : `, goal ${kib(goalBytes)}${script.byteLength > goalBytes ? " MISSED" : ""}`
  console.log(
    `${name.padEnd(8)} ${kib(script.byteLength)} minified, ${kib(gzipSync(script).byteLength)} gzipped${goal}`,
  )
}

async function bundle(config: string, outdir: string): Promise<void> {
  const flags = ["deploy", "--dry-run", "--minify", "--config", config, "--outdir", outdir]
  try {
    await promisify(execFile)("wrangler", flags, { env: { ...process.env, WRANGLER_SEND_METRICS: "false" } })
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string }
    console.error(`wrangler ${flags.join(" ")}\n${stdout}${stderr}`)
    process.exit(1)
  }
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`
}
