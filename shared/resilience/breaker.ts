/**
 * The circuit breaker as a machine of values. A service that fails is given a rest; then a few probes find out whether it is
 * well again. `BreakerObject` runs one for a whole mesh, and each isolate one for itself, for when it is alone.
 *
 *            trip                     rest over, a lease is asked for
 *   closed ---------> open(untilMs) ---------------------------------> probing
 *     ^                  ^                                              |    |
 *     |                  +--------------- a probe fails: longer rest ---+    |
 *     +---------------------------------- enough probes succeed -------------+
 *
 * Each change of phase begins a new generation; what belongs to an older one says nothing any more, but its probes are still
 * on their way and count as such. A lease that nobody gives back runs out, so that no state is final.
 */
import type { BreakerPolicy } from "#shared/model/policy.ts"
import { count, freshWindow, type Tally, totalOf, type Window } from "./tally.ts"

/** Of a service that has no breaker configured: nothing trips it, but somebody may force it open. */
export const FORCED_ONLY: BreakerPolicy = {
  windowMs: 10_000,
  volumeMin: 20,
  coolDownMs: 5_000,
  coolDownMsMax: 60_000,
  probes: 1,
  successes: 1,
}

export interface Breaker {
  readonly generation: number
  readonly state: State
  /** Trips without a good while between them; each doubles the rest. */
  readonly trips: number
  readonly leasesGiven: number
  /** Those that have not come back, of whatever generation. */
  readonly leases: readonly Lease[]
}

export type State =
  | {
      readonly phase: "closed"
      readonly sinceMs: number
      readonly window: Window
      /** Failures in a row, as long as the window remembers any. */
      readonly run: number
      /** Somebody wants it closed until then, whatever happens. */
      readonly heldUntilMs: number
    }
  | { readonly phase: "open"; readonly untilMs: number; readonly cause: Cause }
  | { readonly phase: "probing"; readonly successes: number }

export type Cause = "failures" | "consecutive" | "slow" | "probe" | "forced"

/** The right to send one probe, until a time. */
export interface Lease {
  readonly id: number
  readonly generation: number
  readonly untilMs: number
}

export function closedBreaker(policy: BreakerPolicy, nowMs: number): Breaker {
  return { generation: 1, state: closed(policy, nowMs, 0), trips: 0, leasesGiven: 0, leases: [] }
}

/** Counts attempts that passed while the breaker was closed in this generation, and trips when they ask for it. */
export function record(
  breaker: Breaker,
  generation: number,
  tally: Tally,
  policy: BreakerPolicy,
  nowMs: number,
  dice: number,
): Breaker {
  const { state } = breaker
  if (state.phase !== "closed" || generation !== breaker.generation || tally.total === 0) return breaker
  const window = count(state.window, policy.windowMs, tally, nowMs)
  const run = tally.trailing === tally.total ? state.run + tally.trailing : tally.trailing
  const counted: Breaker = { ...breaker, state: { ...state, window, run } }
  if (nowMs < state.heldUntilMs || tally.failed + tally.slow === 0) return counted
  const cause = causeToTrip(totalOf(window, policy.windowMs, nowMs), run, policy)
  if (!cause) return counted
  // Closed for longer than the longest rest: what was before is forgotten.
  const trips = nowMs - state.sinceMs > policy.coolDownMsMax ? 1 : breaker.trips + 1
  return opened({ ...breaker, trips }, cause, policy, nowMs, dice)
}

/** A lease for one probe, when the rest is over and fewer than `policy.probes` are out. */
export function askLease(
  breaker: Breaker,
  policy: BreakerPolicy,
  leaseMs: number,
  nowMs: number,
): { readonly breaker: Breaker; readonly lease: Lease | undefined } {
  const { state } = breaker
  if (state.phase === "closed" || (state.phase === "open" && nowMs < state.untilMs))
    return { breaker, lease: undefined }
  const live = breaker.leases.filter(({ untilMs }) => nowMs < untilMs)
  if (live.length >= policy.probes) return { breaker, lease: undefined }
  const generation = state.phase === "probing" ? breaker.generation : breaker.generation + 1
  const lease: Lease = { id: breaker.leasesGiven + 1, generation, untilMs: nowMs + leaseMs }
  const probing: State = state.phase === "probing" ? state : { phase: "probing", successes: 0 }
  const leases = [...live, lease]
  return { breaker: { ...breaker, generation, state: probing, leasesGiven: lease.id, leases }, lease }
}

/** What a probe found out. Of an older generation, expired or unknown it finds out nothing; `unknown` gives the lease back. */
export function settleLease(
  breaker: Breaker,
  id: number,
  found: "ok" | "failed" | "unknown",
  policy: BreakerPolicy,
  nowMs: number,
  dice: number,
): Breaker {
  const { state } = breaker
  const lease = breaker.leases.find((one) => one.id === id)
  if (!lease) return breaker
  const rest = { ...breaker, leases: breaker.leases.filter((one) => one !== lease) }
  const counts = state.phase === "probing" && lease.generation === breaker.generation && nowMs < lease.untilMs
  if (!counts || found === "unknown") return rest
  if (found === "failed") return opened({ ...rest, trips: breaker.trips + 1 }, "probe", policy, nowMs, dice)
  const successes = state.successes + 1
  if (successes < policy.successes) return { ...rest, state: { phase: "probing", successes } }
  return { ...rest, generation: breaker.generation + 1, state: closed(policy, nowMs, 0) }
}

/**
 * Somebody has heard of a later generation than there is: this breaker has lost what it knew. It goes on from there, by what that one last
 * heard, unless it has found out something worse itself. Nobody knows which probes were out: the next one waits until they must be over.
 */
export function rejoin(
  breaker: Breaker,
  heard: { readonly generation: number; readonly phase: State["phase"] },
  leaseMs: number,
  nowMs: number,
): Breaker {
  if (heard.generation <= breaker.generation) return breaker
  const generation = heard.generation + 1
  // Ids of leases begin where no earlier one can have been.
  const ahead = { ...breaker, generation, leasesGiven: Math.max(breaker.leasesGiven, Math.ceil(nowMs)) }
  if (breaker.state.phase !== "closed" || heard.phase === "closed") return ahead
  return { ...ahead, state: { phase: "open", untilMs: nowMs + leaseMs, cause: "failures" } }
}

/** Somebody decides: open until then, and probing after it; or closed, and not to trip before then. */
export function force(
  breaker: Breaker,
  phase: "open" | "closed",
  untilMs: number,
  policy: BreakerPolicy,
  nowMs: number,
): Breaker {
  const state: State = phase === "open" ? { phase, untilMs, cause: "forced" } : closed(policy, nowMs, untilMs)
  return { ...breaker, generation: breaker.generation + 1, trips: phase === "open" ? breaker.trips : 0, state }
}

function closed(policy: BreakerPolicy, nowMs: number, heldUntilMs: number): State {
  return { phase: "closed", sinceMs: nowMs, window: freshWindow(policy.windowMs, nowMs), run: 0, heldUntilMs }
}

function opened(breaker: Breaker, cause: Cause, policy: BreakerPolicy, nowMs: number, dice: number): Breaker {
  const restMs = coolDownMs(policy, breaker.trips, dice)
  return { ...breaker, generation: breaker.generation + 1, state: { phase: "open", untilMs: nowMs + restMs, cause } }
}

/** Up to a quarter longer by the dice, so that services that fell together are not probed together. */
export function coolDownMs(policy: BreakerPolicy, trips: number, dice: number): number {
  const doubled = Math.min(policy.coolDownMs * 2 ** (trips - 1), policy.coolDownMsMax)
  return doubled * (1 + dice / 4)
}

function causeToTrip({ total, failed, slow }: Tally, run: number, policy: BreakerPolicy): Cause | undefined {
  if (policy.consecutive !== undefined && run >= policy.consecutive) return "consecutive"
  if (total < policy.volumeMin) return undefined
  if (policy.failureRatio !== undefined && failed >= policy.failureRatio * total && failed > 0) return "failures"
  return policy.slow && slow >= policy.slow.ratio * total && slow > 0 ? "slow" : undefined
}
