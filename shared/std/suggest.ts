/** "Did you mean": the known word that a mistyped one most likely stands for. */

/** Beyond these the search costs more than a hint is worth. */
const WORD_CHARS_MAX = 64
const KNOWN_MAX = 2_000
/** Who wrote a long word differently in more places than this meant another one. */
const SLIPS_MAX = 6

/** The nearest of `known`, or undefined when none is near enough to be meant: about one slip in three letters. */
export function suggest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > WORD_CHARS_MAX) return undefined
  const written = word.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.min(SLIPS_MAX, Math.max(1, Math.floor(word.length / 3))) + 1
  let seen = 0
  for (const candidate of known) {
    if (++seen > KNOWN_MAX) break
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(written, candidate.toLowerCase(), bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best === word ? undefined : best
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other; `atMost` when there are
 * as many or more. Only what lies so near to the diagonal is looked at, and no further than somebody could still be near:
 * strangers' documents may hold thousands of words that resemble nothing.
 */
export function editDistance(a: string, b: string, atMost: number = Math.max(a.length, b.length)): number {
  let beforeLast: number[] = []
  let last: number[] = []
  for (let column = 0; column <= b.length; column++) last.push(Math.min(column, atMost))
  for (let row = 1; row <= a.length; row++) {
    const current: number[] = new Array(b.length + 1).fill(atMost)
    current[0] = Math.min(row, atMost)
    let near = row < atMost
    for (let column = Math.max(1, row - atMost); column <= Math.min(b.length, row + atMost); column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1)
      if (cost >= atMost) continue
      current[column] = cost
      near = true
    }
    // A swap may reach back over one row.
    if (!near && last.every((cost) => cost >= atMost)) return atMost
    beforeLast = last
    last = current
  }
  return last[b.length]!
}
