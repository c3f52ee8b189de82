/** Runs wrangler, the project's own where it has one, in this Node: wrangler refuses older ones. */
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

export interface WranglerResult {
  readonly ok: boolean
  /** Everything that it printed, both streams. */
  readonly output: string
}

export function runWrangler(cwd: string, args: readonly string[]): Promise<WranglerResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [wranglerPath(cwd), ...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
    })
    let output = ""
    const collect = (chunk: Buffer) => {
      output += chunk.toString("utf8")
    }
    child.stdout.on("data", collect)
    child.stderr.on("data", collect)
    child.on("error", (error) => resolve({ ok: false, output: error.message }))
    child.on("close", (code) => resolve({ ok: code === 0, output }))
  })
}

function wranglerPath(cwd: string): string {
  for (const from of [join(cwd, "package.json"), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve("wrangler/package.json")), "bin", "wrangler.js")
    } catch {
      // Not a dependency there.
    }
  }
  return "wrangler"
}
