#!/usr/bin/env node
/**
 * The launcher: plain JavaScript that any Node can read, because the rest of the CLI is TypeScript that Node itself strips of
 * its types. Where this Node can do so the CLI runs in this very process; otherwise in the Node that the `node` package brings.
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import module, { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const main = new URL("./main.ts", import.meta.url)
const hooks = new URL("./hooks.mjs", import.meta.url)

if (process.features.typescript && module.registerHooks) {
  silenceExperimentalWarnings()
  module.enableCompileCache?.()
  await import(hooks)
  await import(main)
} else {
  const node = packagedNode()
  if (node) relay(node)
  else {
    process.stderr.write(
      `weft needs Node 22.18 or newer; this is ${process.version}.\n` +
        "  Install it, or run `npm install node@22` beside weft and try again.\n",
    )
    process.exitCode = 2
  }
}

/** Type stripping is announced as experimental by Node 22 at every start; nobody who runs `weft` can do anything about it. */
function silenceExperimentalWarnings() {
  const emitWarning = process.emitWarning
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === "string" ? rest[0] : rest[0]?.type
    if (type !== "ExperimentalWarning") emitWarning.call(process, warning, ...rest)
  }
}

function packagedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json")
    const [major, minor] = JSON.parse(readFileSync(manifest, "utf8")).version.split(".").map(Number)
    if (major < 22 || (major === 22 && minor < 18)) return undefined
    return join(dirname(manifest), "bin", process.platform === "win32" ? "node.exe" : "node")
  } catch {
    return undefined
  }
}

function relay(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole process group: the child has it already.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on("error", (error) => {
    process.stderr.write(`weft could not start ${node}: ${error.message}\n`)
    process.exitCode = 2
  })
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 2)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
