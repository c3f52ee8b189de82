/**
 * Client-side throttling: who sees most of its requests fail for want of capacity sends fewer, without anybody telling it
 * to. Refuses with the chance (requests - ratio x accepts) / (requests + 1) over a sliding window (Google SRE book, "Handling Overload").
 * Requests that it refuses itself count as requests, so that the pressure stays known. Those that are sent count when it is known
 * what came of them: what is under way is no sign of want, or whoever begins with many at a time would refuse most of them.
 */
import type { ThrottlePolicy } from "#shared/model/upstream-policy.ts"

/** The window in slices, each forgotten as a whole. */
const SLICES = 10

export interface Throttle {
  /** Which slice of time the last of `requests` and `accepts` is. */
  readonly slice: number
  /** Of the last slices, the newest last. */
  readonly requests: readonly number[]
  readonly accepts: readonly number[]
}

export function newThrottle(policy: ThrottlePolicy, nowMs: number): Throttle {
  const none = Array.from({ length: SLICES }, () => 0)
  return { slice: sliceOf(policy, nowMs), requests: none, accepts: none }
}

/** Says whether a request is refused, and counts it if so. */
export function ask(
  state: Throttle,
  policy: ThrottlePolicy,
  nowMs: number,
  dice: number,
): { readonly state: Throttle; readonly refused: boolean } {
  const now = slid(state, policy, nowMs)
  const refused = dice < refusalChance(now, policy)
  return { state: refused ? { ...now, requests: plusOne(now.requests) } : now, refused }
}

/** Counts a request that was sent; `accepted` when the upstream had the capacity for it. */
export function count(state: Throttle, policy: ThrottlePolicy, nowMs: number, accepted: boolean): Throttle {
  const now = slid(state, policy, nowMs)
  return { ...now, requests: plusOne(now.requests), accepts: accepted ? plusOne(now.accepts) : now.accepts }
}

export function refusalChance({ requests, accepts }: Throttle, { ratio, refusedPercentMax }: ThrottlePolicy): number {
  const asked = sum(requests)
  const chance = (asked - ratio * sum(accepts)) / (asked + 1)
  return Math.min(Math.max(0, chance), refusedPercentMax / 100)
}

/** A clock that stands still, or goes back, slides nothing. */
function slid(state: Throttle, policy: ThrottlePolicy, nowMs: number): Throttle {
  const slice = sliceOf(policy, nowMs)
  const steps = Math.min(slice - state.slice, SLICES)
  if (steps <= 0) return state
  const zeros = Array.from({ length: steps }, () => 0)
  const move = (counts: readonly number[]) => [...counts.slice(steps), ...zeros]
  return { slice, requests: move(state.requests), accepts: move(state.accepts) }
}

function sliceOf({ windowMs }: ThrottlePolicy, nowMs: number): number {
  return Math.floor(nowMs / (windowMs / SLICES))
}

function plusOne(counts: readonly number[]): number[] {
  return counts.with(-1, counts.at(-1)! + 1)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
