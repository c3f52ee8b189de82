/**
 * All that the Workers of a local mesh said, in full, in a file beside its state. When it is full it becomes the older half,
 * and what was the older half is gone: on disk there is never more than twice the bound.
 */
import { closeSync, openSync, renameSync, statSync, writeSync } from "node:fs"
import type { LogLine } from "./logs.ts"

export const LOG_BYTES_MAX = 4 * 1024 * 1024
/** Of one message. */
export const MESSAGE_CHARS_MAX = 256 * 1024

export class LogFile {
  readonly path: string
  readonly #bytesMax: number
  #descriptor: number | undefined
  #bytes = 0

  /** Goes on with a file that is there. Without one that can be written the mesh runs all the same. */
  constructor(path: string, bytesMax = LOG_BYTES_MAX) {
    this.path = path
    this.#bytesMax = bytesMax
    this.#open("a")
  }

  /** Whether what is written arrives. */
  get works(): boolean {
    return this.#descriptor !== undefined
  }

  write(line: LogLine): void {
    const bytes = Buffer.from(textOf(line))
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#bytesMax) this.#turnOver()
    if (this.#descriptor === undefined) return
    try {
      this.#bytes += writeSync(this.#descriptor, bytes)
    } catch {
      // A full disk is no reason to end a mesh.
      this.close()
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #turnOver(): void {
    if (this.#descriptor === undefined) return
    this.close()
    try {
      renameSync(this.path, `${this.path}.1`)
    } catch {
      // Then the file is begun anew, which bounds it as well.
    }
    this.#open("w")
  }

  #open(flag: "a" | "w"): void {
    try {
      // Workers print what they like, secrets too.
      this.#descriptor = openSync(this.path, flag, 0o600)
      this.#bytes = statSync(this.path).size
    } catch {
      this.#descriptor = undefined
    }
  }
}

function textOf({ worker, level, message, atMs }: LogLine): string {
  const more = message.length - MESSAGE_CHARS_MAX
  const text = more > 0 ? `${message.slice(0, MESSAGE_CHARS_MAX)}… (${more} characters more)` : message
  return `${new Date(atMs).toISOString()} ${level} [${worker ?? "runtime"}] ${text}\n`
}
