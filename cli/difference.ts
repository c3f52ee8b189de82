/** Two texts line by line, as a unified diff without file names. */

export interface DiffLine {
  readonly sign: " " | "+" | "-"
  readonly text: string
}

/** Beyond this many cells the search for common lines costs more than its result is worth. */
const CELLS_MAX = 4_000_000
const CONTEXT_LINES = 3

/** The shortest way from `before` to `after`: kept, added and removed lines. */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  while (tail < Math.min(before.length, after.length) - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  const kept = (lines: readonly string[]) => lines.map((text): DiffLine => ({ sign: " ", text }))
  return [
    ...kept(before.slice(0, head)),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...kept(before.slice(before.length - tail)),
  ]
}

/** The diff as hunks with three lines of context; empty when the texts are equal. */
export function unified(lines: readonly DiffLine[]): DiffLine[][] {
  const hunks: DiffLine[][] = []
  let lastShown = -1
  lines.forEach((line, index) => {
    if (line.sign === " ") return
    const from = Math.max(lastShown + 1, index - CONTEXT_LINES)
    if (hunks.length === 0 || from > lastShown + 1) hunks.push([])
    // Lines up to the end of this change's context; a change among them extends it again.
    const to = Math.min(lines.length - 1, index + CONTEXT_LINES)
    hunks.at(-1)!.push(...lines.slice(from, to + 1))
    lastShown = Math.max(lastShown, to)
  })
  return hunks
}

/** Longest common subsequence by the table of its lengths. */
function middle(before: readonly string[], after: readonly string[]): DiffLine[] {
  const removed = before.map((text): DiffLine => ({ sign: "-", text }))
  const added = after.map((text): DiffLine => ({ sign: "+", text }))
  if (before.length === 0 || after.length === 0 || before.length * after.length > CELLS_MAX)
    return [...removed, ...added]
  const width = after.length + 1
  const common = new Uint32Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] =
        before[i] === after[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!)
  const lines: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      lines.push({ sign: " ", text: before[i]! })
      i++
      j++
    } else if (common[(i + 1) * width + j]! >= common[i * width + j + 1]!) lines.push(removed[i++]!)
    else lines.push(added[j++]!)
  }
  return [...lines, ...removed.slice(i), ...added.slice(j)]
}
