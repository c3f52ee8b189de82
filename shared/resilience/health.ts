/**
 * Active health checks as a machine of values: what a service's places are taken for, by what checks of them said. One object a
 * service runs it for the whole mesh.
 *
 *              `unhealthyThreshold` failed checks in a row
 *   healthy --------------------------------------------------> unhealthy
 *      ^                                                            |
 *      +------ `healthyThreshold` good ones in a row, or the first -+
 *                  check of a place that was never checked
 *
 * Each change of what callers should avoid begins a new generation, so that late news is known for what it is.
 */
import type { CheckOutcome, HealthPolicy } from "#shared/model/health.ts"
import { LIMITS } from "#shared/model/limits.ts"

/** What one place is taken for. */
export interface Condition {
  readonly healthy: boolean
  /** Checks in a row that said otherwise. */
  readonly against: number
  readonly checked: boolean
  /** Since when it is taken for that. */
  readonly sinceMs: number
  /** What was wrong at its last failed check. */
  readonly because?: string
}

/** Of a service's places, by place. */
export interface Health {
  readonly generation: number
  readonly conditions: { readonly [place: string]: Condition }
}

export const UNKNOWN: Health = { generation: 0, conditions: {} }

export function newcomer({ initial }: Pick<HealthPolicy, "initial">, nowMs: number): Condition {
  const healthy = initial === "healthy"
  return { healthy, against: 0, checked: false, sinceMs: nowMs, ...(!healthy && { because: "not checked yet" }) }
}

/** What a place is taken for after one more check. */
export function judge(before: Condition, outcome: CheckOutcome, policy: HealthPolicy, nowMs: number): Condition {
  const fault = faultOf(outcome, policy)
  const because = fault ?? before.because
  const now: Condition = { ...before, checked: true, ...(because !== undefined && { because }) }
  const agrees = (fault === undefined) === before.healthy
  if (agrees) return { ...now, against: 0 }
  const against = before.against + 1
  if (against < thresholdOf(before, policy)) return { ...now, against }
  return { ...now, healthy: !before.healthy, against: 0, sinceMs: nowMs }
}

/** Takes the results of a round; places that the service no longer has are forgotten. */
export function take(
  { generation, conditions }: Health,
  places: readonly string[],
  results: readonly { readonly place: string; readonly outcome: CheckOutcome }[],
  policy: HealthPolicy,
  nowMs: number,
): Health {
  const outcomes = new Map(results.map(({ place, outcome }) => [place, outcome]))
  const next: Record<string, Condition> = Object.create(null)
  for (const place of places) {
    const before = Object.hasOwn(conditions, place) ? conditions[place]! : newcomer(policy, nowMs)
    const outcome = outcomes.get(place)
    next[place] = outcome ? judge(before, outcome, policy, nowMs) : before
  }
  const changed = wordOf(conditions) !== wordOf(next)
  return { generation: changed ? generation + 1 : generation, conditions: next }
}

/** The places that callers should avoid. */
export function unhealthyOf({ conditions }: Health): readonly string[] {
  return Object.keys(conditions).filter((place) => !conditions[place]!.healthy)
}

/** What is wrong with an outcome; undefined when nothing is. */
export function faultOf(outcome: CheckOutcome, { check, timeoutMs }: HealthPolicy): string | undefined {
  switch (outcome.kind) {
    case "answered": {
      const { status } = outcome
      const isExpected = check.kind === "http" && check.statuses.some(({ from, to }) => status >= from && status <= to)
      return isExpected ? undefined : `status ${status}`
    }
    case "returned":
      return undefined
    case "threw":
      return "the method threw"
    case "unreachable":
      return "no answer"
    case "timeout":
      return `no answer within ${timeoutMs} ms`
    case "unbound":
      return "the proxy has no binding to it"
  }
}

/** How long until the next of the rounds that all places together take. */
export function pauseOf({ intervalMs }: HealthPolicy, places: number): number {
  return intervalMs / Math.max(1, Math.ceil(places / LIMITS.healthBatchMax))
}

/** By a tenth more or less by the dice, so that services that began together are not checked together for ever. */
export function jittered(pauseMs: number, dice: number): number {
  return pauseMs * (0.9 + dice / 5)
}

/**
 * How long a word on a service holds when nothing else is heard: three rounds of checks may get lost. Then nobody is avoided any
 * more for want of news.
 */
export function freshMs({ intervalMs, timeoutMs }: HealthPolicy): number {
  return 3 * intervalMs + timeoutMs + LIMITS.healthPatienceMs
}

function thresholdOf({ healthy, checked }: Condition, policy: HealthPolicy): number {
  if (healthy) return policy.unhealthyThreshold
  return checked ? policy.healthyThreshold : 1
}

/** What callers are told, as one text. */
function wordOf(conditions: Health["conditions"]): string {
  return JSON.stringify(Object.entries(conditions).map(([place, { healthy }]) => [place, healthy]))
}
