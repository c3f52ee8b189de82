/** How requests are spread over the endpoints of a service, and what keeps a service from being overrun. */

/** Weights and regions of the endpoints stand at the endpoints themselves. */
export interface BalancerPolicy {
  /**
   * `random` and `round-robin` spread by weight alone. `least-request` and `peak-ewma` draw two endpoints by weight and take the
   * better: with fewer requests under way for its weight, or with less time to expect (Linkerd). `hash` gives equal
   * keys the same endpoint, and moves few keys when endpoints come and go.
   */
  readonly kind: "random" | "round-robin" | "least-request" | "peak-ewma" | "hash"
  /** What `hash` goes by; a request without it is spread by chance. */
  readonly key?: HashKey
  /** The data centres (IATA codes, as `request.cf.colo`) of each region. Endpoints of the proxy's own region come first. */
  readonly regions?: { readonly [region: string]: readonly string[] }
}

export type HashKey = { readonly by: "header" | "cookie"; readonly name: string } | { readonly by: "caller" }

/**
 * When an endpoint is worse than its peers, and for how long it is left out then. Figures and their meaning are Envoy's.
 * `enforcing...` are percentages: how often a detection is acted on; 0 only counts.
 */
export interface OutlierPolicy {
  /** Between two looks at the statistics, in which endpoints also come back. */
  readonly intervalMs: number
  /** Multiplied by how often the endpoint was ejected lately. */
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  /** An ejection lasts up to this longer, by the dice. */
  readonly ejectionJitterMs: number
  /** No ejection that would take the ejected share of the endpoints beyond this. */
  readonly maxEjectionPercent: number
  /** Whether one endpoint may be ejected whatever its share is. */
  readonly alwaysEjectOne: boolean
  /** Whether failures to reach an endpoint and timeouts count apart from statuses; otherwise as 503 and 504. */
  readonly splitLocalOrigin: boolean
  readonly consecutive5xx: number
  readonly enforcingConsecutive5xx: number
  /** 502, 503, 504. */
  readonly consecutiveGateway: number
  readonly enforcingConsecutiveGateway: number
  readonly consecutiveLocalOrigin: number
  readonly enforcingConsecutiveLocalOrigin: number
  /** Success rates are compared when so many endpoints had so many requests in an interval. */
  readonly successRateHostsMin: number
  readonly successRateVolumeMin: number
  /** Ejected below the mean by so many standard deviations. */
  readonly successRateStdevs: number
  readonly enforcingSuccessRate: number
  readonly enforcingSuccessRateLocalOrigin: number
  readonly failurePercentHostsMin: number
  readonly failurePercentVolumeMin: number
  /** Ejected from this share of failures on. */
  readonly failurePercent: number
  readonly enforcingFailurePercent: number
  readonly enforcingFailurePercentLocalOrigin: number
  /** When fewer of the endpoints than this are left, ejections are not heeded: better some answers than none. */
  readonly panicPercent: number
}

/** How many requests of one proxy isolate may be under way to a service at once. Nothing waits: what is too many is refused. */
export interface ConcurrencyPolicy {
  /** A bulkhead, and the most that an adaptive limit grows to. */
  readonly max: number
  /** Present: the limit moves between `min` and `max` by what comes back. */
  readonly adaptive?: AdaptiveConcurrency
  /** The share of the places, in percent, that only traffic above `default` priority may take. */
  readonly reservePercent: number
}

/** Additive increase, multiplicative decrease: judged once in every `samples` answers, so that no clock is needed. */
export interface AdaptiveConcurrency {
  readonly min: number
  readonly initial: number
  /** Answers that are judged together. */
  readonly samples: number
  /** Shrinks when more than this share of them says "too much": 429, 503, no answer in time, or slower than `slowMs`. */
  readonly overloadPercent: number
  readonly slowMs?: number
}

/** Client-side throttling (Google SRE book, "Handling Overload"): refuses with chance (requests - ratio * accepts) / (requests + 1). */
export interface ThrottlePolicy {
  readonly ratio: number
  readonly windowMs: number
  /** No more than this share is refused: what gets through tells when the upstream is back (Envoy: max_rejection_probability). */
  readonly refusedPercentMax: number
}

/** Sheddable traffic goes first when places run short, critical traffic last. */
export type Priority = "critical" | "high" | "default" | "sheddable"

/** What is no priority says nothing. */
export function priorityOf(value: unknown): Priority {
  return value === "critical" || value === "high" || value === "sheddable" ? value : "default"
}
