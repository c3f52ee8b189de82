/** What people and programs read: tables, ages, colors, JSON and YAML. */
import { stripVTControlCharacters, styleText } from "node:util"
import type { Io, Stream } from "./io.ts"

export type Format = "table" | "json" | "yaml"

export type Style = "red" | "green" | "yellow" | "cyan" | "bold" | "dim"
export type Paint = (style: Style, text: string) => string

/** Colors for a stream: only for a person (https://no-color.org), unless forced. */
export function painter(io: Io, stream: Stream): Paint {
  const colored = !io.env.NO_COLOR && (stream.terminal || Boolean(io.env.FORCE_COLOR))
  return (style, text) => (colored ? styleText(style, text, { validateStream: false }) : text)
}

/** Columns as wide as their widest cell, two spaces apart, nothing after the last. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ""))))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + " ".repeat(widths[column]! - width(cell)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("")
}

/** `{ head: …, isolates: … }` as lines `head  …`, aligned. */
export function facts(entries: readonly (readonly [string, string])[]): string {
  const names = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(names)}  ${value}\n`).join("")
}

const UNITS = [
  ["d", 24 * 60 * 60 * 1000],
  ["h", 60 * 60 * 1000],
  ["m", 60 * 1000],
  ["s", 1000],
] as const

/** How long ago, in its largest unit: `3m`. A clock that is a little ahead of ours is not worth a minus sign. */
export function age(atMs: number, nowMs: number): string {
  const passedMs = Math.max(0, nowMs - atMs)
  const unit = UNITS.find(([, ms]) => passedMs >= ms) ?? UNITS[3]
  return `${Math.floor(passedMs / unit[1])}${unit[0]}`
}

/** By how much a time that is still to come may be said too long or too short. */
const ROUNDING_MAX = 0.05

/**
 * How long something will last, in its largest unit that says so closely: a life of 365 days that began a moment ago is `365d`,
 * one and a half days are `36h`.
 */
export function remaining(untilMs: number, nowMs: number): string {
  const leftMs = Math.max(0, untilMs - nowMs)
  for (const [unit, ms] of UNITS) {
    const whole = Math.round(leftMs / ms)
    if (whole > 0 && Math.abs(whole * ms - leftMs) <= leftMs * ROUNDING_MAX) return `${whole}${unit}`
  }
  return `${Math.ceil(leftMs / 1000)}s`
}

/** When something that may end ends. */
export function expiry(expiresAtMs: number | undefined, nowMs: number): string {
  if (expiresAtMs === undefined) return "never"
  return expiresAtMs <= nowMs ? "expired" : `in ${remaining(expiresAtMs, nowMs)}`
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`
}

/** `1 problem`, `3 problems`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}

/** What a terminal obeys, or reorders text by. Breaks of lines are only breaks. */
const OBEYED = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu
/** The same without those that JSON and YAML write themselves. */
const IN_QUOTES = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu

/** Text that others wrote, for a terminal: one line, and what could move the cursor or hide something is shown instead. */
export function plain(text: string): string {
  return text.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ").replace(OBEYED, escaping)
}

function escaping(char: string): string {
  const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index).toString(16).padStart(4, "0"))
  return units.map((unit) => `\\u${unit}`).join("")
}

/**
 * The last gate before a terminal, should somebody have forgotten `plain`: what is not a line's end, or one of our own colors and
 * pictures on a terminal, comes out as text.
 */
export function gated(stream: Stream, colored: boolean): Stream {
  const own = colored || stream.terminal ? OWN : LINES
  const safe = (part: string, index: number) => (index % 2 === 1 ? part : part.replace(OBEYED, escaping))
  return {
    terminal: stream.terminal,
    get columns() {
      return stream.columns
    },
    get rows() {
      return stream.rows
    },
    write: (text) => stream.write(text.split(own).map(safe).join("")),
  }
}

const LINES = /([\n\t])/
const ESCAPE = "\u001b"
/** Colors; a progress line that takes the place of the one before; and a picture that is drawn anew in a screen of its own. */
const OWN = new RegExp(
  `(\r?\n|\t|${ESCAPE}\\[[\\d;]*m|\r?${ESCAPE}\\[K|${ESCAPE}\\[[HJ]|${ESCAPE}\\[\\?(?:1049|25)[hl])`,
)

/** Writes `value` as JSON or YAML, or as the text for people. */
export async function print(io: Io, format: Format, value: unknown, text: () => string): Promise<void> {
  if (format === "table") io.out.write(text())
  else if (format === "json") io.out.write(`${escaped(JSON.stringify(value, null, 2))}\n`)
  else io.out.write(await yaml(value))
}

export async function yaml(value: unknown, options: { sorted?: boolean } = {}): Promise<string> {
  const { Document, visit } = await import("yaml")
  const document = new Document(value, { aliasDuplicateObjects: false, sortMapEntries: options.sorted ?? false })
  visit(document, {
    Scalar(_key, scalar) {
      if (typeof scalar.value === "string" && scalar.value.search(IN_QUOTES) >= 0) scalar.type = "QUOTE_DOUBLE"
    },
  })
  return escaped(document.toString({ lineWidth: 0 }))
}

/** The same data for whoever parses it: these stand in quotes only, where both languages read the escape. */
function escaped(text: string): string {
  return text.replace(IN_QUOTES, escaping)
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length
}
