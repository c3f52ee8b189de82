/**
 * The retry budget of one cluster: how many requests and retries the last ten seconds saw, and whether there is room for one
 * more retry. When everything fails, retries stay a fixed share on top of the requests instead of multiplying them.
 */
import type { RetryBudgetPolicy } from "#shared/model/policy.ts"

/** Envoy's and Finagle's share; the floor lets a service with little traffic retry at all. */
export const DEFAULT_BUDGET: RetryBudgetPolicy = { ratio: 0.2, perSecondMin: 1 }

const SLOTS = 10
const SLOT_MS = 1_000

/** Requests and retries of the last `SLOTS` seconds, a slot a second; `second` is the newest slot's. */
export interface Budget {
  readonly second: number
  readonly requests: readonly number[]
  readonly retries: readonly number[]
}

export function freshBudget(nowMs: number): Budget {
  return { second: Math.floor(nowMs / SLOT_MS), requests: EMPTY, retries: EMPTY }
}

/** Counts a request, not its retries. */
export function countRequest(budget: Budget, nowMs: number): Budget {
  const now = advance(budget, nowMs)
  return { ...now, requests: withOneMore(now.requests) }
}

/** The budget with the retry counted; undefined when it is exhausted. */
export function spendRetry(budget: Budget, policy: RetryBudgetPolicy, nowMs: number): Budget | undefined {
  const now = advance(budget, nowMs)
  const allowed = Math.max(policy.ratio * sum(now.requests), policy.perSecondMin * SLOTS)
  return sum(now.retries) + 1 > allowed ? undefined : { ...now, retries: withOneMore(now.retries) }
}

const EMPTY: readonly number[] = new Array<number>(SLOTS).fill(0)

/** A clock that goes back changes nothing. */
function advance(budget: Budget, nowMs: number): Budget {
  const second = Math.floor(nowMs / SLOT_MS)
  const passed = second - budget.second
  if (passed <= 0) return budget
  if (passed >= SLOTS) return { second, requests: EMPTY, retries: EMPTY }
  const shift = (slots: readonly number[]) => [...EMPTY.slice(0, passed), ...slots.slice(0, SLOTS - passed)]
  return { second, requests: shift(budget.requests), retries: shift(budget.retries) }
}

function withOneMore(slots: readonly number[]): readonly number[] {
  return [slots[0]! + 1, ...slots.slice(1)]
}

function sum(slots: readonly number[]): number {
  let total = 0
  for (const slot of slots) total += slot
  return total
}
