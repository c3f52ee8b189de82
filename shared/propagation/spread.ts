/**
 * Over how many relays the isolates of a region are spread. Each relay counts what it is asked; since isolates are spread evenly
 * by hash, each finds out by itself, and all find out the same. Where two disagree for a moment nothing is wrong: every
 * relay answers everybody.
 */
import { LIMITS } from "#shared/model/limits.ts"

/** Pulls in the present window of time, and what the one before amounted to for the whole region. */
export interface Rate {
  readonly sinceMs: number
  readonly count: number
  /** The least spread that isolates said they go by. Those that go by more would be counted for too many. */
  readonly spread: number
  /** Undefined while no window was full. */
  readonly regionPerSecond: number | undefined
}

const WINDOW_MS = 5_000
/** More relays when the bound is reached, fewer at an eighth of it: in between nothing changes to and fro. */
const TOO_FEW = 1 / 8

export function freshRate(nowMs: number): Rate {
  return { sinceMs: nowMs, count: 0, spread: LIMITS.relaySpreadMax, regionPerSecond: undefined }
}

/** One pull of an isolate that goes by `spread`. */
export function countPull(rate: Rate, spread: number, nowMs: number): Rate {
  const elapsedMs = nowMs - rate.sinceMs
  if (elapsedMs >= 0 && elapsedMs < WINDOW_MS) {
    return { ...rate, count: rate.count + 1, spread: Math.min(rate.spread, spread) }
  }
  // A clock that goes back begins anew, and so does a long silence.
  const measured = elapsedMs >= WINDOW_MS && elapsedMs < WINDOW_MS * 2
  const regionPerSecond = measured ? (rate.count * rate.spread * 1000) / elapsedMs : undefined
  return { sinceMs: nowMs, count: 1, spread, regionPerSecond }
}

/** What the spread ought to be for isolates that go by `spread`: a power of two. */
export function spreadFor({ regionPerSecond }: Rate, spread: number): number {
  if (regionPerSecond === undefined) return spread
  const wanted = regionPerSecond / LIMITS.relayPullsMax
  if (wanted > spread) return Math.min(2 ** Math.ceil(Math.log2(wanted)), LIMITS.relaySpreadMax)
  return wanted < spread * TOO_FEW && spread > 1 ? spread / 2 : spread
}
