/**
 * Stage `select` where a service says how: its balancer's choice among the endpoints that are not ejected and were not tried before,
 * near ones first. It stands last among the guards, so that what it hears of was really sent.
 */
import { type Balancer, balancerOf } from "#shared/balancing/balancer.ts"
import { preferLocal } from "#shared/balancing/locality.ts"
import type { ServicePolicy } from "#shared/model/policy.ts"
import { type Endpoint, placeOf } from "#shared/model/service.ts"
import type { BalancerPolicy } from "#shared/model/upstream-policy.ts"
import { OutlierDetector, type OutlierStatus } from "#shared/resilience/outlier.ts"
import type { AttemptOutcome, Guard, Ticket } from "./guard.ts"
import { type Avoidance, isAvoided } from "./health-book.ts"
import { Passages } from "./passages.ts"

/** What decides beside the endpoints themselves. */
export interface Selection {
  readonly tried: readonly Endpoint[]
  /** What a hashing balancer goes by. */
  readonly key: string | null
  /** The data centre of this isolate, as far as it is known. */
  readonly colo: string | undefined
  readonly nowMs: number
}

/** How long a failed attempt counts as having taken, at least: quick failures must not attract requests. */
const FAILURE_MS = 1_000
/** Sweeps that are caught up on after a silence; more would change nothing. */
const SWEEPS_MAX = 64

export class Selector implements Guard {
  readonly #policy: BalancerPolicy
  readonly #panicPercent: number
  readonly #intervalMs: number
  readonly #roll: () => number
  readonly #detector: OutlierDetector | undefined
  /** What health checks say; undefined when nothing is to be avoided, or nobody says anything. */
  readonly #avoided: (nowMs: number) => Avoidance | undefined
  readonly #passages = new Passages<number>()
  #endpoints: readonly Endpoint[] = []
  #members = new Map<string, number>()
  #all: readonly number[] = []
  #balancer: Balancer
  #sweepAtMs: number | undefined

  constructor(
    { balancer, outlier, health }: ServicePolicy,
    endpoints: readonly Endpoint[],
    roll: () => number,
    avoided: (nowMs: number) => Avoidance | undefined = NOTHING_AVOIDED,
    ejected?: () => void,
  ) {
    this.#policy = balancer ?? { kind: "random" }
    this.#panicPercent = health?.panicPercent ?? outlier?.panicPercent ?? 0
    this.#avoided = health ? avoided : NOTHING_AVOIDED
    this.#intervalMs = outlier?.intervalMs ?? 0
    this.#roll = roll
    this.#detector =
      outlier &&
      new OutlierDetector(outlier, roll, (event) => {
        if (event.kind === "detected" && event.enforced) ejected?.()
      })
    this.#balancer = balancerOf(this.#policy.kind, [])
    this.follow(endpoints)
  }

  /** Whether it has to hear of attempts at all. */
  get isGuard(): boolean {
    return this.#detector !== undefined || this.isCounting
  }

  /** Whether its choice depends on the attempts under way. */
  get isCounting(): boolean {
    return this.#balancer.isCounting
  }

  /** Whether it matters where this isolate runs. */
  get heedsRegions(): boolean {
    return this.#policy.regions !== undefined
  }

  /** The endpoints of a newer snapshot. What is known of those that stay, stays. */
  follow(endpoints: readonly Endpoint[]): void {
    const members = endpoints.map((endpoint) => ({ id: placeOf(endpoint), weight: endpoint.weight ?? 1 }))
    const places = new Map(members.map(({ id }, index) => [id, index]))
    const isSame =
      endpoints.length === this.#endpoints.length &&
      members.every(({ id, weight }, index) => {
        const before = this.#endpoints[index]!
        return placeOf(before) === id && (before.weight ?? 1) === weight
      })
    this.#endpoints = endpoints
    if (isSame) return
    for (const place of this.#members.keys()) if (!places.has(place)) this.#detector?.remove(place)
    for (const place of places.keys()) this.#detector?.add(place)
    this.#members = places
    this.#all = members.map((_, index) => index)
    this.#balancer = balancerOf(this.#policy.kind, members)
    // Attempts under way belong to the balancer that is gone.
    this.#passages.clear()
  }

  /** One of `offered`, which are all of the cluster's endpoints or a part of them. */
  select(offered: readonly Endpoint[], { tried, key, colo, nowMs }: Selection): Endpoint | undefined {
    this.#catchUp(nowMs)
    if (this.isCounting) {
      for (const member of this.#passages.expired(nowMs)) this.#balancer.end(member, 0, FAILURE_MS, nowMs)
    }
    const untried = tried.length === 0 ? offered : offered.filter((endpoint) => !tried.includes(endpoint))
    const fresh = this.#healthy(this.#membersOf(untried), nowMs)
    const candidates = fresh.length > 0 || tried.length === 0 ? fresh : this.#healthy(this.#membersOf(offered), nowMs)
    const near = this.#near(candidates, colo)
    const picked = this.#balancer.pick(near, key, nowMs, this.#roll())
    return picked === undefined ? undefined : this.#offeredAs(picked, offered)
  }

  admit(nowMs: number, _dice: number, ticket: Ticket): undefined {
    if (!this.isCounting) return
    const member = this.#members.get(placeOf(ticket.endpoint))
    // An exchange goes by its snapshot to its end; the endpoint may be gone by now.
    if (member === undefined) return
    this.#passages.enter(ticket, member, nowMs)
    this.#balancer.begin(member)
  }

  settle({ kind, status, durationMs }: AttemptOutcome, nowMs: number, ticket: Ticket): void {
    const failed = kind === "unanswered" || status >= 500 || status === 429
    const member = this.isCounting ? this.#passages.leave(ticket) : undefined
    if (member !== undefined) this.#balancer.end(member, durationMs, failed ? FAILURE_MS : 0, nowMs)
    if (!this.#detector || kind === "unknown") return
    this.#catchUp(nowMs)
    const place = placeOf(ticket.endpoint)
    if (kind === "answered") this.#detector.report(place, CONNECTED, nowMs)
    this.#detector.report(place, kind === "answered" ? { kind, status } : { kind }, nowMs)
  }

  /** What outlier detection thinks of each endpoint. */
  status(nowMs: number): readonly OutlierStatus[] {
    this.#catchUp(nowMs)
    return this.#detector?.status() ?? []
  }

  /** An isolate has no timer of its own: sweeps that are due are made up for when there is something to do, each as of its time. */
  #catchUp(nowMs: number): void {
    if (!this.#detector) return
    this.#sweepAtMs ??= nowMs + this.#intervalMs
    for (let sweeps = 0; nowMs >= this.#sweepAtMs && sweeps < SWEEPS_MAX; sweeps++) {
      this.#detector.sweep(this.#sweepAtMs)
      this.#sweepAtMs += this.#intervalMs
    }
    if (nowMs >= this.#sweepAtMs) this.#sweepAtMs = nowMs + this.#intervalMs
  }

  #membersOf(offered: readonly Endpoint[]): readonly number[] {
    if (offered === this.#endpoints) return this.#all
    return offered.flatMap((endpoint) => this.#members.get(placeOf(endpoint)) ?? [])
  }

  /** An exchange goes by its own snapshot to its end, whose endpoints are other objects than a newer one's. */
  #offeredAs(member: number, offered: readonly Endpoint[]): Endpoint | undefined {
    const endpoint = this.#endpoints[member]!
    if (offered === this.#endpoints) return endpoint
    const place = placeOf(endpoint)
    return offered.find((one) => placeOf(one) === place)
  }

  /** Without the ejected and the unhealthy ones, unless so few are left that nothing of it is heeded (Envoy: panic threshold). */
  #healthy(members: readonly number[], nowMs: number): readonly number[] {
    const detector = this.#detector
    const avoidance = this.#avoided(nowMs)
    if (!avoidance && (!detector || detector.ejected === 0)) return members
    const isUsed = (endpoint: Endpoint) => {
      const place = placeOf(endpoint)
      return !detector?.isEjected(place) && !(avoidance && isAvoided(avoidance, place))
    }
    const used = this.#endpoints.map(isUsed)
    const left = used.filter(Boolean).length
    if (left * 100 < this.#panicPercent * used.length) return members
    return members.filter((member) => used[member])
  }

  #near(candidates: readonly number[], colo: string | undefined): readonly number[] {
    const { regions } = this.#policy
    if (!regions || colo === undefined) return candidates
    const isLocal = (member: number) => {
      const { region } = this.#endpoints[member]!
      return region !== undefined && regions[region]?.includes(colo) === true
    }
    const localTotal = this.#endpoints.filter((_, member) => isLocal(member)).length
    return preferLocal(candidates, localTotal, isLocal, this.#roll())
  }
}

const NOTHING_AVOIDED = () => undefined
const CONNECTED = { kind: "connected" } as const
