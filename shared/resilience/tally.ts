/**
 * Counts of attempts, and a window of them that slides. Tallies of several isolates add up to one of them all, in whatever
 * order they arrive in.
 */

/** Of attempts in a row. */
export interface Tally {
  readonly total: number
  readonly failed: number
  readonly slow: number
  /** How many failed without a good one after them. */
  readonly trailing: number
}

export const NOTHING: Tally = { total: 0, failed: 0, slow: 0, trailing: 0 }

/** First `a`, then `b`. Associative, with `NOTHING` as neutral: what is added up in parts is added up as a whole. */
export function add(a: Tally, b: Tally): Tally {
  if (a.total === 0) return b
  if (b.total === 0) return a
  return {
    total: a.total + b.total,
    failed: a.failed + b.failed,
    slow: a.slow + b.slow,
    trailing: b.trailing === b.total ? a.trailing + b.trailing : b.trailing,
  }
}

export function tallyOf(failed: boolean, slow: boolean): Tally {
  return { total: 1, failed: failed ? 1 : 0, slow: slow ? 1 : 0, trailing: failed ? 1 : 0 }
}

/** Tallies by slots of time, the newest first. */
export interface Window {
  readonly slot: number
  readonly tallies: readonly Tally[]
}

export const SLOTS = 10

export function freshWindow(windowMs: number, nowMs: number): Window {
  return { slot: slotOf(windowMs, nowMs), tallies: [NOTHING] }
}

/** A clock that goes back counts into the newest slot. */
export function count(window: Window, windowMs: number, tally: Tally, nowMs: number): Window {
  const { slot, tallies } = advance(window, windowMs, nowMs)
  return { slot, tallies: tallies.with(0, add(tallies[0]!, tally)) }
}

/** Of the attempts that the window still holds. */
export function totalOf(window: Window, windowMs: number, nowMs: number): Tally {
  return advance(window, windowMs, nowMs).tallies.reduceRight((sum, tally) => add(sum, tally), NOTHING)
}

function advance(window: Window, windowMs: number, nowMs: number): Window {
  const slot = slotOf(windowMs, nowMs)
  const passed = Math.min(slot - window.slot, SLOTS)
  if (passed <= 0) return window
  const empty = new Array<Tally>(passed).fill(NOTHING)
  return { slot, tallies: [...empty, ...window.tallies].slice(0, SLOTS) }
}

function slotOf(windowMs: number, nowMs: number): number {
  return Math.floor((nowMs * SLOTS) / windowMs)
}
