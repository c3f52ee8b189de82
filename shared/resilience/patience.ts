/**
 * Whether an attempt that ran out of time says something about its upstream. How long it had is not only the rule's to say: a caller inside
 * the mesh brings what is left of its own time, and a further attempt has what the first ones left. Who gives up after 5 ms must not
 * open a breaker for everybody else.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Timeouts } from "#shared/model/policy.ts"

/** A moving average of how long answers take, in milliseconds; undefined before the first one. */
export type Typical = number | undefined

/** How much of it one more answer makes up. */
const SHARE = 1 / 16

export function typicalAfter(typical: Typical, durationMs: number): Typical {
  return typical === undefined ? durationMs : typical + (durationMs - typical) * SHARE
}

/** `limitMs` is what the attempt had. All that the rule gives is always enough: it was set for this service. */
export function hadFairTime(limitMs: number, { requestMs, attemptMs }: Timeouts, typical: Typical): boolean {
  const given = Math.min(requestMs ?? Number.POSITIVE_INFINITY, attemptMs ?? Number.POSITIVE_INFINITY)
  // What was decided before the attempt took some of it.
  if (limitMs >= 0.9 * given) return true
  return limitMs >= (typical === undefined ? LIMITS.fairFirstAttemptMs : Math.max(LIMITS.fairAttemptMs, 2 * typical))
}
