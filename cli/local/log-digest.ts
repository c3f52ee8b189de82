/**
 * Which lines of a mesh's log a terminal shows, so that a person can still read it while every second request fails. A failure,
 * which is a message with a stack, is shown when it is the first of its kind, and then counted, as is what the runtime itself has to
 * say. Whatever else a Worker prints is its developer's word and is shown each time. All of it, in full, is in the log file.
 */
import type { LogLine } from "./logs.ts"

/** Kinds of failures that are told apart at one time; those beyond it are counted together. */
export const KINDS_MAX = 100
/** One that was not seen for so long is new again. */
export const FORGET_MS = 60_000
const STACK_LINES_MAX = 20
const HEAD_CHARS_MAX = 300

interface Kind {
  readonly line: LogLine
  seenAtMs: number
  /** Since it was last spoken of. */
  more: number
}

export class LogDigest {
  readonly #stacks: boolean
  readonly #kinds = new Map<string, Kind>()

  /** With `stacks` the first failure of a kind is shown with its stack, otherwise in one line. */
  constructor({ stacks }: { readonly stacks: boolean }) {
    this.#stacks = stacks
  }

  /** What to show of a line; nothing when it is one more of a kind. `isFirst`: there is more of it in the file. */
  take(line: LogLine, nowMs: number): { readonly message: string; readonly isFirst: boolean } | undefined {
    if (line.worker !== undefined && !hasStack(line.message)) return { message: line.message, isFirst: false }
    const own = kindOf(line)
    const isKnown = this.#kinds.has(own)
    const key = isKnown || this.#kinds.size < KINDS_MAX ? own : ""
    const known = this.#kinds.get(key)
    if (known) {
      known.more++
      known.seenAtMs = nowMs
      return undefined
    }
    const head = key === "" ? { ...line, worker: undefined, message: "other failures" } : line
    this.#kinds.set(key, { line: head, seenAtMs: nowMs, more: key === "" ? 1 : 0 })
    return key === "" ? undefined : { message: this.#stacks ? shortened(line.message) : headOf(line), isFirst: true }
  }

  /** One line for each kind that came again since this was last asked. */
  again(nowMs: number): LogLine[] {
    const lines: LogLine[] = []
    for (const [key, kind] of this.#kinds) {
      const { line, more } = kind
      if (more > 0) lines.push({ ...line, message: `${headOf(line)} (${more} more)`, atMs: nowMs })
      kind.more = 0
      if (nowMs - kind.seenAtMs >= FORGET_MS) this.#kinds.delete(key)
    }
    return lines
  }
}

function hasStack(message: string): boolean {
  return /\n[ \t]+at \S/.test(message)
}

/** Two failures are one kind when they differ in numbers and ids only. */
function kindOf(line: LogLine): string {
  return `${line.worker ?? ""}\n${headOf(line).replaceAll(/[\da-f-]*\d[\da-f-]*/gi, "#")}`
}

function headOf({ message }: LogLine): string {
  const head = message.split("\n", 1)[0]!
  return head.length > HEAD_CHARS_MAX ? `${head.slice(0, HEAD_CHARS_MAX)}…` : head
}

function shortened(message: string): string {
  const lines = message.split("\n")
  return lines.length <= STACK_LINES_MAX ? message : `${lines.slice(0, STACK_LINES_MAX).join("\n")}\n  …`
}
