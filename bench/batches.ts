/** Ways that take turns in short batches, so that a machine that slows down slows all of them. */

/** Neighbours only ever add time: the least disturbed tenth of the batches says most of the way itself. */
export const QUIET = 0.1

/** In an order of its own each time: what a batch leaves to be collected, the next one pays for. */
export function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one)
}

/** The value that this share of them does not exceed. */
export function quantile(all: readonly number[], share: number): number {
  return all.toSorted((a, b) => a - b)[Math.floor(share * (all.length - 1))]!
}
