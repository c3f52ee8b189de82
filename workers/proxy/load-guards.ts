/** The guards that keep a service from being overrun: places for attempts under way, and throttling by what it takes. */
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { ConcurrencyPolicy, ThrottlePolicy } from "#shared/model/upstream-policy.ts"
import { type Concurrency, enter, type LoadSign, leave, newConcurrency } from "#shared/resilience/concurrency.ts"
import { ask, count, newThrottle, type Throttle } from "#shared/resilience/throttle.ts"
import type { AttemptOutcome, Guard, Ticket } from "./guard.ts"
import { Passages } from "./passages.ts"

const NO_PLACE = refuse("overloaded", "as many requests as allowed are under way to the service")
const THROTTLED = refuse("overloaded", "the service takes few requests at present")

/** Bulkhead, adaptive concurrency, and shedding by priority. */
export class ConcurrencyGuard implements Guard {
  readonly #policy: ConcurrencyPolicy
  readonly #passages = new Passages<true>()
  #state: Concurrency

  constructor(policy: ConcurrencyPolicy) {
    this.#policy = policy
    this.#state = newConcurrency(policy)
  }

  admit(nowMs: number, _dice: number, ticket: Ticket): Refusal | undefined {
    this.#giveBack(this.#passages.expired(nowMs))
    let entered = enter(this.#state, this.#policy, ticket.priority)
    // To be told of each caller that goes away would cost each request more than all else that the guard does.
    if (!entered && this.#giveBack(this.#passages.gone(nowMs))) {
      entered = enter(this.#state, this.#policy, ticket.priority)
    }
    if (!entered) return NO_PLACE
    this.#state = entered
    this.#passages.enter(ticket, true, nowMs)
    return undefined
  }

  /** Whether there was something to give back. */
  #giveBack(lost: readonly true[]): boolean {
    for (const _place of lost) this.#state = leave(this.#state, this.#policy, "nothing")
    return lost.length > 0
  }

  settle(outcome: AttemptOutcome, _nowMs: number, ticket: Ticket): void {
    if (!this.#passages.leave(ticket)) return
    this.#state = leave(this.#state, this.#policy, signOf(outcome, this.#policy.adaptive?.slowMs))
  }
}

export class ThrottleGuard implements Guard {
  readonly #policy: ThrottlePolicy
  #state: Throttle | undefined

  constructor(policy: ThrottlePolicy) {
    this.#policy = policy
  }

  admit(nowMs: number, dice: number): Refusal | undefined {
    const { state, refused } = ask(this.#state ?? newThrottle(this.#policy, nowMs), this.#policy, nowMs, dice)
    this.#state = state
    return refused ? THROTTLED : undefined
  }

  settle({ kind, status }: AttemptOutcome, nowMs: number): void {
    if (kind === "unknown" || !this.#state) return
    const lacksCapacity = kind === "unanswered" || status === 429 || (status >= 502 && status <= 504)
    this.#state = count(this.#state, this.#policy, nowMs, !lacksCapacity)
  }
}

function signOf({ kind, status, durationMs }: AttemptOutcome, slowMs = Number.POSITIVE_INFINITY): LoadSign {
  if (kind === "unknown") return "nothing"
  return kind === "unanswered" || status === 429 || status === 503 || durationMs > slowMs ? "too-much" : "fine"
}
