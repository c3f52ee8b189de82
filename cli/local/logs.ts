/**
 * Which Worker wrote a line. Workerd has one log for all Workers of a process, so each Worker's console marks what it
 * writes with the Worker's name, and the mark is taken off here.
 */
import { stripVTControlCharacters } from "node:util"
import { plain } from "#cli/output.ts"

export interface LogLine {
  /** Absent for what the runtime says itself, such as an exception that nobody caught. */
  readonly worker: string | undefined
  readonly level: string
  readonly message: string
  readonly atMs: number
}

/** Lines as a terminal may have them: what a Worker printed neither moves the cursor nor hides anything. */
export function printable(message: string): string {
  return stripVTControlCharacters(message).split("\n").map(plain).join("\n")
}

const OWN_FRAMES = /\n +at [^\n]*\/weft-exceptions\.js:\d+:\d+\)?/g
/** A control character that no program prints. */
const MARK = "\u0001"

/** A module that, imported before a Worker's own code, marks what its console prints. */
export function consoleModule(worker: string): string {
  return `const mark = ${JSON.stringify(MARK + worker + MARK)}
for (const method of ["debug", "error", "info", "log", "warn"]) {
  const print = console[method].bind(console)
  console[method] = (first, ...rest) =>
    typeof first === "string" ? print(mark + first, ...rest) : print(mark, ...(first === undefined && !rest.length ? [] : [first, ...rest]))
}
`
}

export function parseLine(entry: { level: string; message: string; timestamp: number }): LogLine {
  const { level, timestamp } = entry
  // Where the runner itself stands between a Worker and its caller is nothing to a developer.
  const message = entry.message.replaceAll(OWN_FRAMES, "")
  // The runtime names the Worker itself when one cannot start.
  const failed = /^service core:user:([^:]+): (.*)$/s.exec(message)
  if (failed) return { worker: failed[1], level, message: failed[2]!, atMs: timestamp }
  const end = message.startsWith(MARK) ? message.indexOf(MARK, 1) : -1
  if (end < 0) return { worker: undefined, level, message, atMs: timestamp }
  return { worker: message.slice(1, end), level, message: message.slice(end + 1).replace(/^ /, ""), atMs: timestamp }
}
