/** What people write about breakers and retry budgets, under `services.<name>`. */

export interface ProtectionDocument {
  /** Gives the service a rest when it fails: `{}` for the defaults. */
  breaker?: BreakerDocument
  retryBudget?: RetryBudgetDocument
}

export interface BreakerDocument {
  /** What is looked back on. Default `10s`. */
  window?: string
  /** Percentages count from this many attempts in the window on. Default 20. */
  volume?: number
  /** Opens at this share of failed attempts. Default 50; 0 to leave failures out. */
  failurePercent?: number
  /** Opens at this many failures in a row. */
  consecutive?: number
  /** Opens at this share of attempts that take longer. Default 50 percent. */
  slow?: { over: string; percent?: number }
  /** The first rest; it doubles while the service does not recover. Default `5s`. */
  coolDown?: string
  /** Default `1m`. */
  coolDownMax?: string
  /** Probes in flight at a time, in the whole mesh. Default 1. */
  probes?: number
  /** Probes that must succeed before all requests pass again. Default 1. */
  successes?: number
  /** How long requests take to come back after a rest, from as many as there were before it. Default: at once. */
  warmup?: string
  /** What callers get while it is open; without, 503 `circuit_open`. */
  fallback?: FallbackDocument
}

/** An earlier answer; and where there is none another service, or one of its subsets, or a fixed response. */
export interface FallbackDocument {
  stale?: StaleDocument
  service?: string
  subset?: string
  respond?: { status: number; headers?: { [name: string]: string }; body?: string }
}

export interface StaleDocument {
  /** Older answers are not given. Default `5m`. */
  maxAge?: string
  /** Request headers that make no difference to the answer, beside those of connections, traces and caches. */
  ignoreHeaders?: string[]
}

/** Retries may be this share of the requests of the last ten seconds. */
export interface RetryBudgetDocument {
  /** Default 20. */
  percent?: number
  /** So many a second are allowed in each proxy isolate however few requests there are. Default 1. */
  perSecond?: number
}
