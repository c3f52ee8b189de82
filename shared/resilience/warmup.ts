/**
 * After a rest, requests come back by and by: callers that waited for it would otherwise all be there in the same moment, at a service that
 * has just shown that it can answer one of them (a thundering herd; Istio and Envoy warm endpoints up for the same reason). An isolate lets
 * pass what it sent a second before the rest, twice as much after each fifth of the time, and all when it is over.
 */
export interface Warmup {
  readonly phase: "measuring" | "resting" | "warming"
  /** Requests a second before the rest. */
  readonly perSecond: number
  /** When the second at hand began, or the warming. */
  readonly sinceMs: number
  /** Of the second at hand. */
  readonly requests: number
  /** May pass now, as of then; fractions grow into whole ones. */
  readonly tokens: number
  readonly atMs: number
}

const SECOND_MS = 1_000
const DOUBLINGS = 5
/** Of an isolate that sent next to nothing before. */
const PER_SECOND_MIN = 2
/** What was not used of so much time is lost: a pause is no reason for a burst. */
const SAVED_MS = 500

export function newWarmup(nowMs: number): Warmup {
  return { phase: "measuring", perSecond: 0, sinceMs: nowMs, requests: 0, tokens: 0, atMs: nowMs }
}

/** The service is at rest: what was sent until now is what it could take. */
export function rest(state: Warmup, nowMs: number): Warmup {
  if (state.phase === "resting") return state
  // One that fails again while it warms up had too much: what is known from before stands.
  const { perSecond } = state.phase === "measuring" ? measured(state, nowMs) : state
  return { ...state, phase: "resting", perSecond }
}

/** A request that the breaker itself would let pass. */
export function pass(
  state: Warmup,
  warmupMs: number,
  nowMs: number,
): { readonly state: Warmup; readonly passes: boolean } {
  if (state.phase === "measuring") {
    const now = nowMs - state.sinceMs >= SECOND_MS ? measured(state, nowMs) : state
    return { state: { ...now, requests: now.requests + 1 }, passes: true }
  }
  const warming: Warmup =
    state.phase === "warming" ? state : { ...state, phase: "warming", sinceMs: nowMs, tokens: 1, atMs: nowMs }
  const ageMs = nowMs - warming.sinceMs
  if (ageMs < 0 || ageMs >= warmupMs) return pass(newWarmup(nowMs), warmupMs, nowMs)
  const perSecond = Math.max(warming.perSecond, PER_SECOND_MIN) * 2 ** ((DOUBLINGS * ageMs) / warmupMs)
  const grown = warming.tokens + (perSecond * Math.max(0, nowMs - warming.atMs)) / SECOND_MS
  const tokens = Math.min(grown, Math.max(1, (perSecond * SAVED_MS) / SECOND_MS))
  const passes = tokens >= 1
  return { state: { ...warming, tokens: passes ? tokens - 1 : tokens, atMs: nowMs }, passes }
}

/** Half of what was known, half of what the second at hand had; a long one counts as what it had on average. */
function measured(state: Warmup, nowMs: number): Warmup {
  const seconds = Math.max(1, (nowMs - state.sinceMs) / SECOND_MS)
  const latest = state.requests / seconds
  const perSecond = state.perSecond === 0 ? latest : (state.perSecond + latest) / 2
  return { ...state, perSecond, sinceMs: nowMs, requests: 0 }
}
