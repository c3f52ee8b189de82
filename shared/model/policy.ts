/** How long a request may take, what is tried again, and what protects a service from its callers. Times in milliseconds. */
import type { HealthPolicy } from "./health.ts"
import type { BackendRef, DirectResponse } from "./route.ts"
import type { BalancerPolicy, ConcurrencyPolicy, OutlierPolicy, ThrottlePolicy } from "./upstream-policy.ts"

export interface Timeouts {
  /** The whole exchange with all attempts and back-off; over it the mesh answers 504. Absent: no limit (as Istio, Linkerd). */
  readonly requestMs?: number
  /** One attempt. Absent: only `requestMs` holds. */
  readonly attemptMs?: number
  /** Silence within a streamed answer; over it the answer breaks off. Absent: a stream may stand still for ever. */
  readonly idleMs?: number
}

export interface RetryPolicy {
  /** Further tries after the first, 1 to `LIMITS.retryAttemptsMax` (Gateway API, Envoy: extra tries, not all tries). */
  readonly attempts: number
  readonly on: readonly RetryCondition[]
  /** Least wait before a further try; the most doubles each time, and the dice choose between (Gateway API: a minimum). */
  readonly backoffMs: number
  /** Also requests whose method is not idempotent, and RPC calls. Off by default: a retried POST may act twice. */
  readonly unsafe: boolean
  /** Also inside another hop's attempt. Off by default: when each layer of a chain retries, tries multiply. */
  readonly nested?: boolean
  readonly hedge?: HedgePolicy
}

/**
 * A status code, or a class: 5xx; gateway-error = 502, 503, 504; retriable-4xx = 409; connect-failure = no answer came, for another reason than
 * time (what could not be sent and what was cut look alike to a Worker); attempt-timeout = none came in the attempt's time; reset = both. Each class
 * of 5xx takes a missing answer too (Envoy). Or a header of the response.
 */
export type RetryCondition =
  | number
  | "5xx"
  | "gateway-error"
  | "reset"
  | "connect-failure"
  | "attempt-timeout"
  | "retriable-4xx"
  | ResponseHeaderCondition

/** The response has the header; with a `value`, exactly that one. The name is lower-case. */
export interface ResponseHeaderCondition {
  readonly header: string
  readonly value?: string
}

/** A further attempt beside one that takes long; the first good answer wins and the others are cancelled. */
export interface HedgePolicy {
  readonly afterMs: number
  /** Attempts beside the first. */
  readonly max: number
}

/** What holds for all requests to a service, whichever rule sent them. Each subset is on its own. */
export interface ServicePolicy {
  readonly breaker?: BreakerPolicy
  readonly retryBudget?: RetryBudgetPolicy
  readonly balancer?: BalancerPolicy
  readonly outlier?: OutlierPolicy
  readonly concurrency?: ConcurrencyPolicy
  readonly throttle?: ThrottlePolicy
  readonly health?: HealthPolicy
}

/** Retries may be this share of the requests of the last ten seconds, or the floor where that is more; per proxy isolate. */
export interface RetryBudgetPolicy {
  /** 0 to 1. */
  readonly ratio: number
  readonly perSecondMin: number
}

/** When a service is given a rest, and how it is tried again. */
export interface BreakerPolicy {
  /** What is looked back on. */
  readonly windowMs: number
  /** Ratios count from this many attempts in the window on. */
  readonly volumeMin: number
  /** Share of failed attempts, 0 to 1. */
  readonly failureRatio?: number
  /** Failures in a row. */
  readonly consecutive?: number
  /** Share of attempts that took longer than `overMs`. */
  readonly slow?: { readonly overMs: number; readonly ratio: number }
  /** The first rest; each that follows without recovery is twice as long, up to the most. */
  readonly coolDownMs: number
  readonly coolDownMsMax: number
  /** Probes in flight at a time, in the whole mesh. */
  readonly probes: number
  /** Probes that must succeed in a row before all requests pass again. */
  readonly successes: number
  /** How long requests take to come back after a rest; absent: at once. */
  readonly warmupMs?: number
  /** Good answers are kept and given again while it is open; where there is none, `fallback` holds. */
  readonly stale?: StalePolicy
  readonly fallback?: Fallback
}

/** Earlier answers that stand in for the service's. */
export interface StalePolicy {
  readonly maxAgeMs: number
  /** Lower-case names of request headers that make no difference to the answer. */
  readonly ignoreHeaders: readonly string[]
}

/** What a caller gets instead while the breaker is open. */
export type Fallback =
  | { readonly kind: "service"; readonly backend: BackendRef }
  | { readonly kind: "respond"; readonly respond: DirectResponse }
