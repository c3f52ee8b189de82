/** Where the lines of a local mesh go: all of them into the file, those worth a look to the terminal. */
import { LogDigest } from "./log-digest.ts"
import { LogFile } from "./log-file.ts"
import { type LogLine, printable } from "./logs.ts"

const AGAIN_MS = 10_000

export interface MeshLog {
  readonly take: (line: LogLine) => void
  /** Says what was counted and not told yet. */
  end(): void
}

export interface MeshLogOptions {
  readonly path: string
  /** Whether the first failure of a kind is shown with its stack. */
  readonly stacks: boolean
  /** Puts a line before the person, safe for a terminal. Absent: the file has everything, and nobody is told. */
  readonly show?: (line: LogLine) => void
}

export function startMeshLog({ path, stacks, show }: MeshLogOptions): MeshLog {
  const file = new LogFile(path)
  const digest = new LogDigest({ stacks })
  let isPathTold = false

  const tell = (line: LogLine) => {
    // Nothing may be lost: what has no file is shown whole.
    if (!file.works) return show?.(line)
    const shown = digest.take(line, Date.now())
    if (!shown) return
    show?.({ ...line, message: shown.message })
    if (!shown.isFirst || isPathTold) return
    isPathTold = true
    show?.({
      ...line,
      worker: "weft",
      level: "info",
      message: `failures are shown once, then counted; in full: ${path}`,
    })
  }
  const tellAgain = () => {
    for (const line of digest.again(Date.now())) show?.(line)
  }
  const timer = setInterval(tellAgain, AGAIN_MS)
  timer.unref()
  return {
    take(given) {
      const line = { ...given, message: printable(given.message) }
      file.write(line)
      tell(line)
    },
    end() {
      clearInterval(timer)
      tellAgain()
      file.close()
    },
  }
}
