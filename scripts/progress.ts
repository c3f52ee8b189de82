/**
 * What a long run is at, on standard error: a moving line on a terminal, elsewhere a line now and then. Results go to standard output, and
 * stay what they are when that is kept.
 */
const QUIET_MS = 5_000
const STILL_MS = 30_000
const TICK_MS = 500

interface Stream {
  write(text: string): void
  readonly terminal: boolean
}

/** The words of one run. Time is told it. */
export class Progress {
  readonly #stream: Stream
  readonly #startedAtMs: number
  #what = ""
  #sinceMs = 0
  #shown = { what: "", atMs: Number.NEGATIVE_INFINITY }

  constructor(stream: Stream, nowMs: number) {
    this.#stream = stream
    this.#startedAtMs = nowMs
  }

  /** From now on it is at something else. */
  at(what: string, nowMs: number): void {
    this.#what = what
    this.#sinceMs = nowMs
    this.tick(nowMs)
  }

  tick(nowMs: number): void {
    const { terminal } = this.#stream
    const isDue = this.#what !== this.#shown.what && nowMs - this.#shown.atMs >= QUIET_MS
    const isStill = nowMs - this.#shown.atMs >= STILL_MS
    if (this.#what === "" || !(terminal || isDue || isStill)) return
    const lastedMs = nowMs - this.#sinceMs
    const lasted = lastedMs < 1_000 ? "" : `, for ${seconds(lastedMs)}`
    const text = `${seconds(nowMs - this.#startedAtMs)}  ${this.#what}${lasted}`
    this.#shown = { what: this.#what, atMs: nowMs }
    this.#stream.write(terminal ? `\r\u001b[K${text}` : `${text}\n`)
  }

  /** Makes room for a line of results. */
  clear(): void {
    if (this.#stream.terminal && this.#shown.what !== "") this.#stream.write("\r\u001b[K")
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

let started: Progress | undefined

/** Says what this process is at from now on, until it ends. */
export function say(what: string): void {
  started ??= start()
  started.at(what, performance.now())
}

function start(): Progress {
  const { stderr } = process
  const progress = new Progress(
    { write: (text) => void stderr.write(text), terminal: stderr.isTTY === true },
    performance.now(),
  )
  setInterval(() => progress.tick(performance.now()), TICK_MS).unref()
  const print = console.log
  console.log = (...args: unknown[]) => {
    progress.clear()
    print(...args)
  }
  process.on("exit", () => progress.clear())
  return progress
}
