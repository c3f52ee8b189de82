/**
 * One mesh a state folder. Two runtimes over the same files would each hold objects that believe to be the only one, which
 * is what every promise about revisions rests on.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Problem } from "#shared/model/problem.ts"

export interface Lock {
  release(): void
}

/** Takes the folder, also from a process that was killed and could not give it back. */
export function lockState(folder: string): Lock | Problem {
  const file = join(folder, "mesh.pid")
  mkdirSync(folder, { recursive: true })
  // The second attempt is for a file that a dead process left.
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" })
      return { release: () => rmSync(file, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
    if (isAlive(readPid(file))) break
    rmSync(file, { force: true })
  }
  const message = `another mesh runs on this state, process ${readPid(file)}`
  return {
    path: folder,
    rule: "state-in-use",
    message,
    hint: `stop it or use another folder; if it is no mesh, remove ${file}`,
  }
}

function readPid(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, "utf8"), 10)
  } catch {
    return Number.NaN
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
