/** All that a command may touch of the world besides files and the control API, so that tests can stand in for it. */
import { EXIT } from "./command.ts"
import { runWrangler, type WranglerResult } from "./wrangler-process.ts"

export interface Io {
  readonly env: { readonly [name: string]: string | undefined }
  readonly cwd: string
  readonly out: Stream
  readonly err: Stream
  stdin(): Promise<string>
  /** A person's answer, in one line; undefined when nobody is there to ask. */
  ask(question: string): Promise<string | undefined>
  /** From now on connections to whoever has no valid certificate are taken as well. */
  trustAnyCertificate(): void
  nowMs(): number
  sleep(ms: number): Promise<void>
  /** Runs it after so long, unless the result is called before. */
  later(ms: number, run: () => void): () => void
  /** Runs wrangler in a folder; what it prints is kept, not shown. */
  wrangler(cwd: string, args: readonly string[]): Promise<WranglerResult>
  /** Resolves when the person wants to stop what runs until then (Ctrl-C). */
  interrupted(): Promise<void>
  /** Calls for each key that a person types, until the result is called. Where no person is, there are no keys. */
  onKey(listener: (key: string) => void): () => void
}

export interface Stream {
  write(text: string): void
  /** A person is watching: colors and a moving progress line make sense. */
  readonly terminal: boolean
  /** Of the terminal, as it is now. */
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

export function processIo(): Io {
  return {
    env: process.env,
    cwd: process.cwd(),
    out: stream(process.stdout),
    err: stream(process.stderr),
    stdin: readStdin,
    ask,
    trustAnyCertificate: () => {
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
    },
    nowMs: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    later,
    wrangler: runWrangler,
    interrupted,
    onKey,
  }
}

export function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Listens on, not once: other code's listeners end the process when they are the only ones left. */
function interrupted(): Promise<void> {
  let asked = false
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        // Who asks twice does not want to wait for an orderly end.
        if (asked) process.exit(EXIT.problems)
        asked = true
        resolve()
      })
  })
}

function stream(target: NodeJS.WriteStream): Stream {
  return {
    write: (text) => void target.write(text),
    terminal: target.isTTY === true,
    get columns() {
      return target.isTTY ? target.columns : undefined
    },
    get rows() {
      return target.isTTY ? target.rows : undefined
    },
  }
}

/** Keys come one by one only while nobody waits for a line; Ctrl-C is a key then too. */
function onKey(listener: (key: string) => void): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => {}
  const heard = (keys: string) => {
    for (const key of keys) listener(key)
  }
  stdin.setEncoding("utf8")
  stdin.setRawMode(true)
  stdin.on("data", heard)
  stdin.resume()
  return () => {
    stdin.off("data", heard)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  const { createInterface } = await import("node:readline/promises")
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await prompt.question(question)
  } finally {
    prompt.close()
  }
}

async function readStdin(): Promise<string> {
  process.stdin.setEncoding("utf8")
  let text = ""
  for await (const chunk of process.stdin) text += chunk
  return text
}
