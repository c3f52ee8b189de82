/** Says what is going on when it takes longer than a second: one moving line on a terminal, plain lines elsewhere. */
import type { Io } from "./io.ts"

const PATIENCE_MS = 1_000

export interface Progress {
  say(text: string): void
  /** Clears the moving line. */
  end(): void
}

export function startProgress(io: Io): Progress {
  let latest = ""
  let shown = ""
  let patient = true
  const show = () => {
    if (latest === shown) return
    shown = latest
    io.err.write(io.err.terminal ? `\r\u001b[K${latest}` : `${latest}\n`)
  }
  const timer = setTimeout(() => {
    patient = false
    show()
  }, PATIENCE_MS)
  return {
    say(text) {
      latest = text
      if (!patient) show()
    },
    end() {
      clearTimeout(timer)
      if (io.err.terminal && shown !== "") io.err.write("\r\u001b[K")
      latest = ""
      shown = ""
      patient = true
    },
  }
}

/** Runs one slow step with a line about it. */
export async function during<T>(io: Io, text: string, step: Promise<T>): Promise<T> {
  const progress = startProgress(io)
  progress.say(text)
  try {
    return await step
  } finally {
    progress.end()
  }
}
