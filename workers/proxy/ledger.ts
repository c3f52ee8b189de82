/**
 * What an isolate keeps about each cluster (a service, or one subset of it) that it sends to: the retry budget, the guards
 * and the choice of endpoints. An entry lives for as long as the snapshots hold the cluster with the same policy.
 */
import { pick } from "#shared/balancing/random.ts"
import { endpointsIn } from "#shared/exchange/decide.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { ServiceId, SubsetName } from "#shared/model/names.ts"
import type { Fallback, RetryBudgetPolicy, ServicePolicy, Timeouts } from "#shared/model/policy.ts"
import type { Refusal } from "#shared/model/refusal.ts"
import type { BackendRef } from "#shared/model/route.ts"
import { type Endpoint, placeOf } from "#shared/model/service.ts"
import { type Cluster, clusterOf, type Verdict } from "#shared/protocol/breaker.ts"
import type { HealthNews } from "#shared/protocol/health.ts"
import type { OutlierReport } from "#shared/protocol/route-table.ts"
import { FORCED_ONLY } from "#shared/resilience/breaker.ts"
import { type Budget, countRequest, DEFAULT_BUDGET, freshBudget, spendRetry } from "#shared/resilience/budget.ts"
import { hadFairTime, type Typical, typicalAfter } from "#shared/resilience/patience.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { BreakerGuard, type BreakerObjects } from "./breaker-guard.ts"
import type { AttemptOutcome, Guard, Ticket } from "./guard.ts"
import { type Avoidance, HealthBook } from "./health-book.ts"
import { ConcurrencyGuard, ThrottleGuard } from "./load-guards.ts"
import type { Mesh, Routes } from "./mesh.ts"
import { Selector } from "./selector.ts"
import { StaleAnswers, StaleStore } from "./stale.ts"

export class Ledger {
  readonly #services = new Map<ServiceId, ServiceEntries>()
  readonly #around: LedgerSurroundings
  readonly #health = new HealthBook()
  readonly #stale = new StaleStore()
  #revision = -1
  #apart: { readonly revision: number; readonly services: Map<ServiceId, ServiceEntries> } | undefined
  /** The feed's last word on each cluster that is not simply closed, for entries that are made later. */
  #verdicts: ReadonlyMap<Cluster, { readonly verdict: Verdict; readonly heardAtMs: number }> = new Map()

  constructor(around: LedgerSurroundings) {
    this.#around = around
  }

  /** The feed's news: also for clusters that this isolate has sent nothing to for a while. */
  hear(verdicts: readonly Verdict[], nowMs: number): void {
    this.#verdicts = new Map(verdicts.map((verdict) => [verdict.cluster, { verdict, heardAtMs: nowMs }]))
    for (const [id, { whole, subsets }] of [...this.#services, ...(this.#apart?.services ?? [])]) {
      whole?.hear(this.#verdicts.get(id)?.verdict, nowMs)
      for (const [name, entry] of subsets) entry.hear(this.#verdicts.get(`${id}/${name}`)?.verdict, nowMs)
    }
  }

  /** What health checks found out, of all services at once. */
  hearHealth(news: readonly HealthNews[], nowMs: number): void {
    this.#health.hear(news, nowMs)
  }

  /** The endpoints that outlier detection has found something about; undefined when there are none. */
  outliers(nowMs: number): readonly OutlierReport[] | undefined {
    const found: OutlierReport[] = []
    for (const { whole, subsets } of this.#services.values()) {
      if (whole) found.push(...whole.outliers(nowMs))
      for (const entry of subsets.values()) found.push(...entry.outliers(nowMs))
      if (found.length >= LIMITS.outliersMax) return found.slice(0, LIMITS.outliersMax)
    }
    return found.length > 0 ? found : undefined
  }

  /** The entry of the cluster that a backend names. */
  entry(routes: Routes, { service, subset }: BackendRef): Entry {
    if (!routes.isCandidate && routes.revision > this.#revision) this.#follow(routes)
    const isApart = routes.apart?.has(service) === true
    const services = isApart ? this.#apartOf(routes.revision) : this.#services
    let entries = services.get(service)
    if (!entries) {
      const policy = routes.services.get(service)?.policy
      entries = { policy, text: textOf(policy), whole: undefined, subsets: new Map() }
      services.set(service, entries)
    }
    const found = subset === undefined ? entries.whole : entries.subsets.get(subset)
    if (found) return found
    const reference = { service, ...(subset && { subset }) }
    const cluster = clusterOf(reference)
    const endpoints = endpointsIn(routes.services, reference)
    const avoided = (nowMs: number) => this.#health.of(service, nowMs)
    const entry = new Entry(cluster, entries.policy, routes.revision, endpoints, {
      ...this.#around,
      // What a candidate's breaker sees is not what the mesh agrees on.
      ...(isApart && { breakers: NO_BREAKERS }),
      avoided,
      stale: this.#stale,
    })
    const news = this.#verdicts.get(cluster)
    if (news) entry.hear(news.verdict, news.heardAtMs)
    if (subset === undefined) entries.whole = entry
    else entries.subsets.set(subset, entry)
    return entry
  }

  /** What is kept of the services that a candidate has otherwise. */
  #apartOf(revision: number): Map<ServiceId, ServiceEntries> {
    if (this.#apart?.revision !== revision) this.#apart = { revision, services: new Map() }
    return this.#apart.services
  }

  /** Drops what the snapshot no longer has, or has with another policy. */
  #follow(routes: Routes): void {
    this.#revision = routes.revision
    if (!routes.candidate) this.#apart = undefined
    for (const [id, entries] of this.#services) {
      const service = routes.services.get(id)
      if (!service || textOf(service.policy) !== entries.text) this.#services.delete(id)
      else {
        entries.whole?.follow(service.endpoints)
        for (const [name, entry] of entries.subsets) {
          const endpoints = service.subsets[name]?.endpoints
          if (endpoints) entry.follow(endpoints)
          else entries.subsets.delete(name)
        }
      }
    }
  }
}

/** Chance, and the objects that hold for the whole mesh. */
export interface LedgerSurroundings {
  roll(): number
  readonly breakers: BreakerObjects
  /** Outlier detection ejected an endpoint of the cluster. */
  ejected?(cluster: Cluster): void
}

interface EntrySurroundings extends LedgerSurroundings {
  /** What health checks say of the service. */
  avoided(nowMs: number): Avoidance | undefined
  readonly stale: StaleStore
}

interface ServiceEntries {
  readonly policy: ServicePolicy | undefined
  readonly text: string
  whole: Entry | undefined
  readonly subsets: Map<SubsetName, Entry>
}

function textOf(policy: ServicePolicy | undefined): string {
  return policy ? canonicalJson(policy) : ""
}

export class Entry {
  readonly #cluster: Cluster
  /** What callers get while the breaker is open: an earlier answer, where there is one, else this. */
  readonly stale: StaleAnswers | undefined
  readonly fallback: Fallback | undefined
  /** Asked in this order before each attempt; told in the same order what came of it. */
  #guards: readonly Guard[]
  #breaker: BreakerGuard | undefined
  readonly #newBreaker: () => BreakerGuard
  /** Absent: every endpoint has an even chance. */
  readonly #selector: Selector | undefined
  readonly #budgetPolicy: RetryBudgetPolicy
  #budget: Budget | undefined
  readonly #isBounded: boolean
  #typical: Typical
  #places: string

  constructor(
    cluster: Cluster,
    policy: ServicePolicy | undefined,
    revision: number,
    endpoints: readonly Endpoint[],
    { roll, breakers, avoided, stale, ejected }: EntrySurroundings,
  ) {
    this.#cluster = cluster
    const selects = policy?.balancer ?? policy?.outlier ?? policy?.health
    const told = () => ejected?.(cluster)
    this.#selector = selects && policy ? new Selector(policy, endpoints, roll, avoided, told) : undefined
    this.#isBounded = policy?.concurrency !== undefined
    this.#newBreaker = () => new BreakerGuard(cluster, policy?.breaker ?? FORCED_ONLY, revision, breakers, roll)
    this.#breaker = policy?.breaker ? this.#newBreaker() : undefined
    this.#guards = [...(this.#breaker ? [this.#breaker] : []), ...guardsOf(policy, this.#selector)]
    this.stale = policy?.breaker?.stale && new StaleAnswers(policy.breaker.stale, stale)
    this.fallback = policy?.breaker?.fallback
    this.#places = endpoints.map(placeOf).join("\n")
    this.#budgetPolicy = policy?.retryBudget ?? DEFAULT_BUDGET
  }

  /** Whether attempts have to ask and tell; where nothing is configured they go straight on. */
  get isGuarded(): boolean {
    return this.#guards.length > 0
  }

  /** Whether the next choice of an endpoint may depend on the end of this attempt, also when its caller goes away. */
  get mustHearAtOnce(): boolean {
    return this.#selector?.isCounting === true
  }

  /** Whether an attempt takes a place that has to be given back. */
  get holdsPlaces(): boolean {
    return this.#isBounded || this.mustHearAtOnce
  }

  /** Somebody may force a service's breaker open that has none: from then on it has one. */
  hear(verdict: Verdict | undefined, nowMs: number): void {
    if (!verdict) return
    if (!this.#breaker && verdict.phase !== "closed") {
      this.#breaker = this.#newBreaker()
      this.#guards = [this.#breaker, ...this.#guards]
    }
    this.#breaker?.hear(verdict, nowMs)
  }

  /** An endpoint to try next; those tried before only when there is no other. */
  select(
    endpoints: readonly Endpoint[],
    tried: readonly Endpoint[],
    key: string | null,
    mesh: Pick<Mesh, "nowMs" | "roll" | "colo">,
  ): Endpoint | undefined {
    if (!this.#selector) return pick(endpoints, tried, mesh.roll())
    const colo = this.#selector.heedsRegions ? mesh.colo : undefined
    return this.#selector.select(endpoints, { tried, key, colo, nowMs: mesh.nowMs() })
  }

  /** The endpoints of a newer snapshot. */
  follow(endpoints: readonly Endpoint[]): void {
    this.#selector?.follow(endpoints)
    const places = endpoints.map(placeOf).join("\n")
    if (places !== this.#places) this.stale?.forget()
    this.#places = places
  }

  outliers(nowMs: number): readonly OutlierReport[] {
    if (!this.#selector) return NOTHING
    return this.#selector.status(nowMs).flatMap(({ host, ejected, because, untilMs }) => {
      if (because === undefined) return NOTHING
      const until = untilMs === undefined ? {} : { untilMs }
      return { cluster: this.#cluster, endpoint: host, ejected, because, ...until }
    })
  }

  /** A refusal of the first guard that has one; those before it are told that nothing was sent. */
  admit(nowMs: number, dice: number, ticket: Ticket): Refusal | undefined {
    for (let asked = 0; asked < this.#guards.length; asked++) {
      const refused = this.#guards[asked]!.admit(nowMs, dice, ticket)
      if (!refused) continue
      for (let before = 0; before < asked; before++) this.#guards[before]!.settle(NOT_SENT, nowMs, ticket)
      return refused
    }
    return undefined
  }

  /** Whether an attempt that ran out of so much time says something about the upstream. */
  hadFairTime(limitMs: number, timeouts: Timeouts | undefined): boolean {
    return hadFairTime(limitMs, timeouts ?? NO_TIMEOUTS, this.#typical)
  }

  /** Once for each attempt that was admitted. */
  settle(outcome: AttemptOutcome, nowMs: number, ticket: Ticket): void {
    if (outcome.kind === "answered") this.#typical = typicalAfter(this.#typical, outcome.durationMs)
    for (const guard of this.#guards) guard.settle(outcome, nowMs, ticket)
  }

  /** A request that may be retried begins. */
  began(nowMs: number): void {
    this.#budget = countRequest(this.#budget ?? freshBudget(nowMs), nowMs)
  }

  /** Whether one more retry is within the budget, which then counts it. */
  mayRetry(nowMs: number): boolean {
    const spent = spendRetry(this.#budget ?? freshBudget(nowMs), this.#budgetPolicy, nowMs)
    if (spent) this.#budget = spent
    return spent !== undefined
  }
}

/**
 * The order, behind the breaker: what is refused for a place, or by throttling, is counted nowhere behind that; the choice of
 * endpoints comes last and hears only of what was sent.
 */
function guardsOf(policy: ServicePolicy | undefined, selector: Selector | undefined): readonly Guard[] {
  if (!policy) return NONE
  const { concurrency, throttle } = policy
  return [
    ...(concurrency ? [new ConcurrencyGuard(concurrency)] : []),
    ...(throttle ? [new ThrottleGuard(throttle)] : []),
    ...(selector?.isGuard ? [selector] : []),
  ]
}

const NO_BREAKERS: BreakerObjects = () => undefined
const NONE: readonly Guard[] = []
const NO_TIMEOUTS: Timeouts = {}
const NOTHING: readonly OutlierReport[] = []
const NOT_SENT: AttemptOutcome = { kind: "unknown", status: 0, durationMs: 0, endpoint: undefined }
