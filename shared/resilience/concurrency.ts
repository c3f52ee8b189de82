/**
 * How many requests may be under way at once. A fixed limit is a bulkhead; an adaptive one finds out: it grows by one while the places
 * are used and all goes well, and shrinks by a tenth when too many answers say "too much" (additive increase, multiplicative decrease).
 * It is judged by the number of answers and not by the clock, which stands still between I/O.
 */
import type { ConcurrencyPolicy, Priority } from "#shared/model/upstream-policy.ts"

export interface Concurrency {
  readonly limit: number
  readonly inFlight: number
  /** Of the answers that are judged next: how many there were, how many said "too much", and the most that were under way. */
  readonly samples: number
  readonly overloads: number
  readonly busiest: number
}

/** What an answer tells of the upstream's load. */
export type LoadSign = "fine" | "too-much" | "nothing"

const SHRINK = 0.9
/** Of the places below the reserve, what traffic that nobody misses may take. */
const SHEDDABLE_SHARE = 0.75

export function newConcurrency({ max, adaptive }: ConcurrencyPolicy): Concurrency {
  return { limit: adaptive?.initial ?? max, inFlight: 0, samples: 0, overloads: 0, busiest: 0 }
}

/** Takes a place; undefined when there is none for this priority. Whoever needs it least is refused first. */
export function enter(state: Concurrency, policy: ConcurrencyPolicy, priority: Priority): Concurrency | undefined {
  if (state.inFlight >= placesFor(priority, state.limit, policy.reservePercent)) return undefined
  const inFlight = state.inFlight + 1
  return { ...state, inFlight, busiest: Math.max(state.busiest, inFlight) }
}

/** Gives the place back. */
export function leave(state: Concurrency, { adaptive, max }: ConcurrencyPolicy, sign: LoadSign): Concurrency {
  const left = { ...state, inFlight: Math.max(0, state.inFlight - 1) }
  if (!adaptive || sign === "nothing") return left
  const samples = left.samples + 1
  const overloads = left.overloads + (sign === "too-much" ? 1 : 0)
  if (samples < adaptive.samples) return { ...left, samples, overloads }
  const fresh = { ...left, samples: 0, overloads: 0, busiest: left.inFlight }
  if (overloads * 100 > adaptive.overloadPercent * samples) {
    return { ...fresh, limit: Math.max(adaptive.min, Math.floor(left.limit * SHRINK)) }
  }
  // A limit that nobody comes near is not found to be right by that.
  const isUsed = left.busiest * 2 > left.limit
  return isUsed ? { ...fresh, limit: Math.min(max, left.limit + 1) } : fresh
}

/** The places that a priority may take of all that there are; at least one. */
export function placesFor(priority: Priority, limit: number, reservePercent: number): number {
  const unreserved = limit * (1 - reservePercent / 100)
  const places = {
    critical: limit,
    high: (limit + unreserved) / 2,
    default: unreserved,
    sheddable: unreserved * SHEDDABLE_SHARE,
  }[priority]
  return Math.max(1, Math.floor(places))
}
