/**
 * Ends the runtime when this process is killed without a chance to do it. Left alone, workerd would live on, hold the
 * ports and write to the same objects as its successor.
 *
 * The guard is a shell that waits on a pipe which this process holds open; the system closes the pipe however the
 * process ends. Miniflare does not tell the runtime's process id, so workerd is started through a script that notes it.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import type { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Guard {
  /** What the runtime's environment must hold. */
  readonly env: Readonly<Record<string, string>>
  release(): void
}

const LAUNCHER = fileURLToPath(new URL("workerd.sh", import.meta.url))
/**
 * The runtime itself: what the environment names, else the installed one, which has no type declarations. A process that was
 * started by one with a mesh finds the script in the environment, which must not start itself.
 */
const WORKERD: string =
  process.env.WEFT_WORKERD ?? process.env.MINIFLARE_WORKERD_PATH ?? createRequire(import.meta.url)("workerd").default
const WAIT_THEN_KILL =
  'cat >/dev/null; pid=$(cat "$0" 2>/dev/null) && kill -9 "$pid" 2>/dev/null; rm -rf "$(dirname "$0")"'

export function startGuard(): Guard {
  // Windows has neither; there a killed mesh leaves its runtime behind.
  if (process.platform === "win32") return { env: {}, release() {} }
  const folder = mkdtempSync(join(tmpdir(), "weft-local-"))
  const pidFile = join(folder, "workerd.pid")
  // Detached: Ctrl-C reaches the whole group of a terminal, and the guard must outlive this process.
  const shell = spawn("sh", ["-c", WAIT_THEN_KILL, pidFile], { stdio: ["pipe", "ignore", "ignore"], detached: true })
  shell.unref()
  ;(shell.stdin as Socket).unref()
  process.env.WEFT_WORKERD = WORKERD
  process.env.MINIFLARE_WORKERD_PATH = LAUNCHER
  return {
    env: { WEFT_PID_FILE: pidFile, WEFT_WORKERD: WORKERD },
    release() {
      rmSync(pidFile, { force: true })
      shell.stdin.end()
    },
  }
}
