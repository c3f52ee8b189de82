/** Tables that fit their screen: numbers to the right, and what matters least goes first when there is not enough room. */
import { stripVTControlCharacters } from "node:util"

export interface Column {
  readonly title: string
  readonly align?: "right"
  /** May be cut, with an ellipsis. */
  readonly shrinks?: true
  /** May be left out; the highest first. */
  readonly leaveOut?: number
}

const GAP = 2
const SHRUNK_MIN = 8

/** Lines no wider than `widthMax`, as far as columns may be left out and cut. */
export function grid(columns: readonly Column[], rows: readonly (readonly string[])[], widthMax: number): string {
  const shown = fitting(columns, rows, widthMax)
  const widths = shrunk(columns, shown, widthsOf(columns, rows), widthMax)
  const line = (cells: readonly string[]) =>
    shown
      .map((column) => aligned(cells[column] ?? "", widths[column]!, columns[column]!))
      .join(" ".repeat(GAP))
      .trimEnd()
  return [columns.map(({ title }) => title), ...rows].map((cells) => `${line(cells)}\n`).join("")
}

/** As it is seen, without what colors it. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length
}

export function cut(text: string, width: number): string {
  return widthOf(text) <= width ? text : `${stripVTControlCharacters(text).slice(0, Math.max(0, width - 1))}…`
}

function aligned(text: string, width: number, { align }: Column): string {
  const fitted = cut(text, width)
  const padding = " ".repeat(width - widthOf(fitted))
  return align === "right" ? padding + fitted : fitted + padding
}

function widthsOf(columns: readonly Column[], rows: readonly (readonly string[])[]): number[] {
  return columns.map(({ title }, column) =>
    Math.max(title.length, ...rows.map((cells) => widthOf(cells[column] ?? ""))),
  )
}

/** The columns that are shown: with the rest cut as far as it may be, they have room. */
function fitting(columns: readonly Column[], rows: readonly (readonly string[])[], widthMax: number): number[] {
  const widths = widthsOf(columns, rows)
  const least = (column: number) => (columns[column]!.shrinks ? Math.min(SHRUNK_MIN, widths[column]!) : widths[column]!)
  const shown = columns.map((_, column) => column)
  const order = shown.filter((column) => columns[column]!.leaveOut !== undefined)
  order.sort((a, b) => columns[b]!.leaveOut! - columns[a]!.leaveOut!)
  for (const column of order) {
    if (total(shown.map(least)) <= widthMax) break
    shown.splice(shown.indexOf(column), 1)
  }
  return shown
}

/** The widest of those that may be cut gives way, column by column, until all fit. */
function shrunk(columns: readonly Column[], shown: readonly number[], widths: number[], widthMax: number): number[] {
  for (;;) {
    const over = total(shown.map((column) => widths[column]!)) - widthMax
    const candidates = shown.filter((column) => columns[column]!.shrinks && widths[column]! > SHRUNK_MIN)
    if (over <= 0 || candidates.length === 0) return widths
    const widest = candidates.reduce((a, b) => (widths[b]! > widths[a]! ? b : a))
    widths[widest]! -= 1
  }
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP * Math.max(0, widths.length - 1)
}
