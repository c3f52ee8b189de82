/** Says what is going on when it takes longer than a second: one moving line on a terminal, plain lines elsewhere. */
import type { Io } from "./io.ts"

const PATIENCE_MS = 1_000

export interface Progress {
  say(text: string): void
  /** Writes something else to the same terminal, above the moving line. */
  over(write: () => void): void
  /** Clears the moving line. */
  end(): void
}

export function startProgress(io: Pick<Io, "err" | "later">, patienceMs = PATIENCE_MS): Progress {
  let latest = ""
  let shown = ""
  let patient = patienceMs > 0
  const show = () => {
    if (latest === shown) return
    shown = latest
    io.err.write(io.err.terminal ? `\r\u001b[K${latest}` : `${latest}\n`)
  }
  const clear = () => {
    if (io.err.terminal && shown !== "") io.err.write("\r\u001b[K")
  }
  const cancel = io.later(patienceMs, () => {
    patient = false
    show()
  })
  return {
    say(text) {
      latest = text
      if (!patient) show()
    },
    over(write) {
      clear()
      // Elsewhere it stands where it was written.
      if (io.err.terminal) shown = ""
      write()
      if (!patient) show()
    },
    end() {
      cancel()
      clear()
      latest = ""
      shown = ""
      patient = patienceMs > 0
    },
  }
}

/** Runs one slow step with a line about it. */
export async function during<T>(io: Pick<Io, "err" | "later">, text: string, step: Promise<T>): Promise<T> {
  const progress = startProgress(io)
  progress.say(text)
  try {
    return await step
  } finally {
    progress.end()
  }
}
