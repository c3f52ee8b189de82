/**
 * Outlier detection over the endpoints of one cluster, with Envoy's meaning of every figure: consecutive failures act at once,
 * success rates and failure percentages at a sweep, and only a sweep brings an endpoint back.
 *
 *   in --consecutive failures, or a sweep--> ejected --a sweep after base x multiplier + jitter--> in
 *
 * The state is one isolate's; time and dice come from outside.
 */
import type { OutlierPolicy } from "#shared/model/upstream-policy.ts"
import {
  type Detection,
  ENFORCING,
  type Host,
  newHost,
  type Origin,
  resetConsecutive,
  type Tally,
  turnInterval,
} from "./outlier-host.ts"
import { judgeSuccessRates, NOT_JUDGED, type SuccessRateVerdict } from "./success-rate.ts"

/** What came of one request to an endpoint. */
export type EndpointResult =
  /** An answer with its status. */
  | { readonly kind: "answered"; readonly status: number }
  /** None came, for want of a connection or of time: as bad as a 503. */
  | { readonly kind: "unanswered" }
  /** It was reached, whatever it answers. */
  | { readonly kind: "connected" }

/** Told to whoever listens: what was detected, and whether the endpoint was ejected for it. */
export type OutlierEvent =
  | { readonly kind: "detected"; readonly host: string; readonly detection: Detection; readonly enforced: boolean }
  /** Detected, but too many are ejected already. */
  | { readonly kind: "overflow"; readonly host: string; readonly detection: Detection }
  | { readonly kind: "returned"; readonly host: string }

/** Why an endpoint is or is not ejected, for people. */
export interface OutlierStatus {
  readonly host: string
  readonly ejected: boolean
  /** `consecutive_5xx`; `failure_percentage, but 2 of 4 endpoints are ejected already`; absent when nothing was found. */
  readonly because?: string
  /** When the next look at it may bring it back. */
  readonly untilMs?: number
  /** How often it was ejected so far. */
  readonly ejections: number
  /** Of the last whole interval, in percent; absent without enough requests. */
  readonly successRate?: number
}

export class OutlierDetector {
  readonly #policy: OutlierPolicy
  readonly #hosts = new Map<string, Host>()
  readonly #roll: () => number
  readonly #listener: ((event: OutlierEvent) => void) | undefined
  #ejected = 0
  #rates: Readonly<Record<Origin, SuccessRateVerdict>> = { upstream: NOT_JUDGED, local: NOT_JUDGED }

  constructor(policy: OutlierPolicy, roll: () => number, listener?: (event: OutlierEvent) => void) {
    this.#policy = policy
    this.#roll = roll
    this.#listener = listener
  }

  add(host: string): void {
    if (!this.#hosts.has(host)) this.#hosts.set(host, newHost(host))
  }

  remove(host: string): void {
    if (this.#hosts.get(host)?.ejection) this.#ejected -= 1
    this.#hosts.delete(host)
  }

  /** An endpoint that answers is reported twice: as connected, and with its status. */
  report(host: string, result: EndpointResult, nowMs: number): void {
    const found = this.#hosts.get(host)
    if (!found) return
    if (result.kind === "answered") this.#countStatus(found, result.status, nowMs)
    else if (this.#policy.splitLocalOrigin) this.#countLocal(found, result.kind === "connected", nowMs)
    else if (result.kind === "unanswered") this.#countStatus(found, 503, nowMs)
  }

  /** What is done once an interval: bring back, judge the statistics, forgive. */
  sweep(nowMs: number): void {
    for (const host of this.#hosts.values()) {
      if (host.ejection && nowMs - host.ejection.atMs >= this.#ejectionMs(host)) this.#bringBack(host, nowMs)
      turnInterval(host)
      host.spared = undefined
    }
    this.#rates = { upstream: this.#judge("upstream", nowMs), local: this.#judge("local", nowMs) }
    for (const host of this.#hosts.values()) {
      const isForgiven =
        !host.ejection && host.returnedAtMs !== undefined && nowMs - host.returnedAtMs >= this.#policy.intervalMs
      if (isForgiven && host.multiplier > 0) host.multiplier -= 1
    }
  }

  isEjected(host: string): boolean {
    return this.#ejected > 0 && this.#hosts.get(host)?.ejection !== undefined
  }

  get ejected(): number {
    return this.#ejected
  }

  /** Mean success rate of the last interval and what an endpoint had to fall below; -1 when not judged. */
  successRates(origin: Origin): SuccessRateVerdict {
    return this.#rates[origin]
  }

  host(name: string): Readonly<Host> | undefined {
    return this.#hosts.get(name)
  }

  status(): OutlierStatus[] {
    return [...this.#hosts.values()].map((host) => {
      const successRate = Math.max(host.rates.upstream, host.rates.local)
      return {
        host: host.name,
        ejected: host.ejection !== undefined,
        ...(host.spared !== undefined && { because: host.spared }),
        ...(host.ejection && {
          because: host.ejection.detection,
          untilMs: host.ejection.atMs + this.#ejectionMs(host),
        }),
        ejections: host.ejections,
        ...(successRate >= 0 && { successRate }),
      }
    })
  }

  #ejectionMs({ multiplier, jitterMs }: Host): number {
    return Math.min(this.#policy.baseEjectionMs * multiplier, this.#policy.maxEjectionMs) + jitterMs
  }

  #countStatus(host: Host, status: number, nowMs: number): void {
    const failed = status >= 500 && status <= 599
    count(host.tallies.upstream, !failed)
    if (!failed) {
      host.consecutive5xx = 0
      host.consecutiveGateway = 0
      return
    }
    if (status >= 502 && status <= 504) {
      host.consecutiveGateway += 1
      if (host.consecutiveGateway === this.#policy.consecutiveGateway) {
        this.#onConsecutive(host, "consecutive_gateway_failure", nowMs)
      }
    } else host.consecutiveGateway = 0
    host.consecutive5xx += 1
    if (host.consecutive5xx === this.#policy.consecutive5xx) this.#onConsecutive(host, "consecutive_5xx", nowMs)
  }

  #countLocal(host: Host, reached: boolean, nowMs: number): void {
    count(host.tallies.local, reached)
    if (reached) {
      host.consecutiveLocalOrigin = 0
      return
    }
    host.consecutiveLocalOrigin += 1
    if (host.consecutiveLocalOrigin === this.#policy.consecutiveLocalOrigin) {
      this.#onConsecutive(host, "consecutive_local_origin_failure", nowMs)
    }
  }

  /** A bout that did not lead to an ejection begins anew, so that the next one is seen as well. */
  #onConsecutive(host: Host, detection: Detection, nowMs: number): void {
    if (host.ejection) return
    this.#eject(host, detection, nowMs)
    resetConsecutive(host, detection)
  }

  #judge(origin: Origin, nowMs: number): SuccessRateVerdict {
    const hosts = [...this.#hosts.values()]
    const verdict = judgeSuccessRates(hosts, origin, this.#policy)
    for (const host of verdict.belowRate) this.#eject(host, RATE_DETECTIONS[origin].rate, nowMs)
    for (const host of verdict.overPercent) this.#eject(host, RATE_DETECTIONS[origin].percent, nowMs)
    return verdict
  }

  #eject(host: Host, detection: Detection, nowMs: number): void {
    const percent = (100 * (this.#ejected + 1)) / this.#hosts.size
    const fits = percent <= Math.min(100, this.#policy.maxEjectionPercent)
    if (!fits && !(this.#policy.alwaysEjectOne && this.#ejected === 0)) {
      host.spared = `${detection}, but ${this.#ejected} of ${this.#hosts.size} endpoints are ejected already`
      this.#listener?.({ kind: "overflow", host: host.name, detection })
      return
    }
    // Two statistics may find the same endpoint in one sweep: it is ejected once.
    const enforced = !host.ejection && this.#roll() * 100 < this.#policy[ENFORCING[detection]]
    if (enforced) {
      const { baseEjectionMs, maxEjectionMs, ejectionJitterMs } = this.#policy
      this.#ejected += 1
      host.ejections += 1
      host.ejection = { detection, atMs: nowMs }
      host.jitterMs = Math.floor(this.#roll() * (ejectionJitterMs + 1))
      host.spared = undefined
      if (host.multiplier * baseEjectionMs < maxEjectionMs + baseEjectionMs) host.multiplier += 1
    } else if (!host.ejection) host.spared = `${detection}, which is not enforced`
    this.#listener?.({ kind: "detected", host: host.name, detection, enforced })
  }

  #bringBack(host: Host, nowMs: number): void {
    this.#ejected -= 1
    host.ejection = undefined
    host.returnedAtMs = nowMs
    // Else the counter that did not trigger could eject again after very few failures.
    host.consecutive5xx = 0
    host.consecutiveGateway = 0
    host.consecutiveLocalOrigin = 0
    this.#listener?.({ kind: "returned", host: host.name })
  }
}

const RATE_DETECTIONS = {
  upstream: { rate: "success_rate", percent: "failure_percentage" },
  local: { rate: "success_rate_local_origin", percent: "failure_percentage_local_origin" },
} as const satisfies Record<Origin, Record<string, Detection>>

function count(tally: Tally, succeeded: boolean): void {
  tally.total += 1
  if (succeeded) tally.successes += 1
}
