/** The `Mesh` of a proxy Worker: its bindings, its clock and dice, and what it keeps from request to request. */
import type { Surroundings } from "#shared/exchange/admit.ts"
import type { Entrance } from "#shared/exchange/decide.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type { TallyName } from "#shared/model/telemetry.ts"
import { relayName } from "#shared/propagation/regions.ts"
import type { BreakerRpc } from "#shared/protocol/breaker.ts"
import type { Feed } from "#shared/protocol/feed.ts"
import type { KeyRingRpc } from "#shared/protocol/key-ring.ts"
import type { LimiterRpc } from "#shared/protocol/limiter.ts"
import type { ProbeReport, ProbeSettings, Ticket } from "#shared/protocol/probe.ts"
import type { RelayRpc } from "#shared/protocol/relay.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import { parseLocalOrigins } from "#shared/std/egress.ts"
import { ApiKeys } from "./api-keys.ts"
import { Authenticator } from "./authenticator.ts"
import { Consistency } from "./consistency.ts"
import { WorkerLastKnown } from "./last-known.ts"
import { Ledger } from "./ledger.ts"
import { Limiter } from "./limiter.ts"
import type { Background, Destination, Mesh, Routes } from "./mesh.ts"
import { Outward } from "./outward.ts"
import { Place } from "./place.ts"
import { measureObjects, settingsOf } from "./self-report.ts"
import { accessLogOf, sinksOf, type TelemetryEnv, tracerOf } from "./sinks.ts"
import { type Purpose, Snapshots } from "./snapshots.ts"
import type { Sources } from "./sources.ts"
import { Svids } from "./svids.ts"
import { Telemetry } from "./telemetry.ts"
import { readTraceVariables } from "./trace-settings.ts"

/** The bindings that the proxy knows; all others are services'. */
export interface ProxyEnv extends TelemetryEnv {
  readonly ROUTE_TABLE: DurableObjectNamespace
  /** The relays of the regions. Without it each isolate asks the route table itself. */
  readonly RELAY?: DurableObjectNamespace
  /** The last known good snapshot, for isolates that start while no object can be reached. */
  readonly WEFT_KV?: KVNamespace
  /** The breakers of the whole mesh. Without it each isolate goes by its own. */
  readonly BREAKER?: DurableObjectNamespace
  /** Rate limits that the mesh shares. Without it each isolate goes by them alone. */
  readonly LIMITER?: DurableObjectNamespace
  /** The mesh's signing keys. Without it, no upstream outside can be told who calls. */
  readonly KEY_RING?: DurableObjectNamespace
  /** `on`: public traffic may ask for `weft-debug`. For development; callers inside the mesh always may. */
  readonly WEFT_DEBUG?: string
  /** `keep`: names of public headers that hold `_` or `.` pass, though some servers read them as others. */
  readonly WEFT_AMBIGUOUS_HEADERS?: string
  /** Milliseconds between an isolate's questions for newer routes, where changes must take effect sooner than usual. */
  readonly WEFT_LEASE_MS?: string
  /** Origins on this machine that requests may be sent to, `*` for all: for development. Control needs the same. */
  readonly WEFT_LOCAL_ORIGINS?: string
  /** The gateway of the default export, `<namespace>/<name>`, if need be with the port that requests count as: `infra/web:80`. */
  readonly WEFT_GATEWAY?: string
}

/** What one isolate keeps for as long as it lives. */
export class Isolate {
  readonly env: ProxyEnv
  /** The service bindings by their names. What a binding is, is asked once: it costs as much as a whole stage. */
  readonly fetchers: ReadonlyMap<string, Fetcher>
  readonly snapshots: Snapshots
  readonly ledger: Ledger
  readonly limiter: Limiter
  readonly authenticator: Authenticator
  readonly consistency = new Consistency()
  readonly telemetry: Telemetry
  readonly svids: Svids
  readonly outward: Outward
  readonly keepsAmbiguousNames: boolean
  readonly followsB3: boolean
  readonly place = new Place()

  constructor(env: ProxyEnv) {
    this.env = env
    this.fetchers = new Map(Object.entries(env).filter((entry): entry is [string, Fetcher] => isFetcher(entry[1])))
    this.keepsAmbiguousNames = env.WEFT_AMBIGUOUS_HEADERS === "keep"
    const tracing = readTraceVariables(env)
    this.followsB3 = tracing.settings.percent !== undefined
    this.outward = new Outward(parseLocalOrigins(env.WEFT_LOCAL_ORIGINS), this.fetchers)
    const id = randomHex(16)
    const tally = (name: TallyName, label?: string, count?: number) => this.telemetry.tally(name, label, count)
    const around = {
      ...SURROUNDINGS,
      colo: () => this.place.colo,
      fetch: (url: string, init: RequestInit) => fetch(url, init),
      tally,
    }
    const { reporting, kept, tapper } = sinksOf(env, id, () => this.place.region, around)
    const surroundings = { ...SURROUNDINGS, ...reporting, isolate: id, snapshotAgeMs: () => this.snapshots.ageMs }
    this.telemetry = new Telemetry(surroundings, accessLogOf(env), tracerOf(tracing, id, kept, around), tapper)
    const breakers = (cluster: string) => env.BREAKER?.getByName(cluster) as unknown as BreakerRpc | undefined
    this.ledger = new Ledger({
      roll: SURROUNDINGS.roll,
      breakers,
      ejected: (cluster) => this.telemetry.tally("ejections", cluster),
    })
    const news = ({ verdicts, health = [], consistencyKeys = [] }: Feed, asOfMs: number) => {
      if (verdicts) this.ledger.hear(verdicts, asOfMs)
      this.ledger.hearHealth(health, asOfMs)
      this.consistency.hear(consistencyKeys)
    }
    const outliers = () => this.ledger.outliers(SURROUNDINGS.nowMs())
    const apiKeys = new ApiKeys()
    this.authenticator = new Authenticator(SURROUNDINGS, apiKeys)
    const pulling = { ...SURROUNDINGS, ...leaseOf(env), news, outliers, tally, apiKeys }
    this.snapshots = new Snapshots(this.#sources(env, id), pulling, id, [...this.fetchers.keys()].sort())
    const limiter = (name: string) => env.LIMITER?.getByName(name) as unknown as LimiterRpc | undefined
    this.limiter = new Limiter(limiter, SURROUNDINGS, id)
    this.svids = new Svids(() => env.KEY_RING?.getByName(MESH) as unknown as KeyRingRpc | undefined, SURROUNDINGS)
  }

  #sources({ ROUTE_TABLE, RELAY, WEFT_KV }: ProxyEnv, isolate: string): Sources {
    return {
      root: () => ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc,
      relay: (spread) => {
        const { region } = this.place
        const name = relayName(region, isolate, spread)
        return RELAY?.getByName(name, region && { locationHint: region }) as unknown as RelayRpc | undefined
      },
      lastKnown: new WorkerLastKnown(WEFT_KV),
    }
  }
}

/** The world as one request sees it. */
export class WorkerMesh implements Mesh, Surroundings {
  readonly #isolate: Isolate
  readonly #background: Background
  readonly #request: Request | undefined
  readonly #purpose: Purpose

  constructor(isolate: Isolate, background: Background, request?: Request, purpose: Purpose = "request") {
    this.#isolate = isolate
    this.#background = background
    this.#request = request
    this.#purpose = purpose
  }

  get ledger(): Ledger {
    return this.#isolate.ledger
  }

  get limiter(): Limiter {
    return this.#isolate.limiter
  }

  get svids(): Svids {
    return this.#isolate.svids
  }

  get telemetry(): Telemetry {
    return this.#isolate.telemetry
  }

  get authenticator(): Authenticator {
    return this.#isolate.authenticator
  }

  get colo(): string | undefined {
    const { place } = this.#isolate
    place.locate(this.#request)
    return place.colo
  }

  /** Lets the isolate learn where it runs. */
  notice(): void {
    this.#isolate.place.notice(this.#request)
  }

  get routes(): Routes | undefined {
    return this.#isolate.snapshots.current(this.#background, this.#purpose)
  }

  settledRoutes(floor: number): Promise<Routes | undefined> {
    return this.#isolate.snapshots.settled(floor, this.#background)
  }

  floorOf(token: string): Promise<number> {
    return this.#isolate.consistency.floorOf(token, Date.now())
  }

  ticketOf(header: string): Promise<Ticket | undefined> {
    return this.#isolate.consistency.ticketOf(header, Date.now())
  }

  get settings(): ProbeSettings {
    return settingsOf(this.#isolate.env)
  }

  measureObjects(): Promise<NonNullable<ProbeReport["objects"]>> {
    return measureObjects(this.#isolate.env, this.#isolate.place.region)
  }

  nowMs(): number {
    return Date.now()
  }

  roll(): number {
    return Math.random()
  }

  randomHex(digits: number): string {
    return randomHex(digits)
  }

  sleep(ms: number): Promise<void> {
    return SURROUNDINGS.sleep(ms)
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#background.waitUntil(promise)
  }

  destination(endpoint: Endpoint): Destination | undefined {
    if (endpoint.kind === "url") return this.#isolate.outward.destination(endpoint)
    if (endpoint.kind === "binding") return this.#isolate.fetchers.get(endpoint.binding)
    const binding = (this.#isolate.env as unknown as Record<string, unknown>)[endpoint.binding]
    return typeof binding === "object" && binding !== null
      ? dispatched(binding as DispatchNamespace, endpoint)
      : undefined
  }

  get surroundings(): Surroundings {
    return this
  }

  get edge(): boolean {
    return this.#isolate.place.isAtEdge(this.#request)
  }

  get keepsAmbiguousNames(): boolean {
    return this.#isolate.keepsAmbiguousNames
  }

  get followsB3(): boolean {
    return this.#isolate.followsB3
  }

  mayDebug(entrance: Entrance): boolean {
    return entrance.at === "service" || this.#isolate.env.WEFT_DEBUG === "on"
  }
}

const SURROUNDINGS = {
  nowMs: () => Date.now(),
  roll: () => Math.random(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  log: (line: string) => console.warn(`weft: ${line}`),
}

const LEASE_MS_MIN = 10

function leaseOf({ WEFT_LEASE_MS }: ProxyEnv): { leaseMs?: number } {
  const leaseMs = Number(WEFT_LEASE_MS)
  return leaseMs >= LEASE_MS_MIN ? { leaseMs } : {}
}

/** A namespace throws for a Worker that it does not have: that must happen where an upstream's failure is expected. */
function dispatched(namespace: DispatchNamespace, { worker }: { readonly worker: string }): Destination {
  const destination: Destination = { fetch: async (input, init) => namespace.get(worker).fetch(input, init) }
  return new Proxy(destination, {
    get: (own, name) => (name === "fetch" ? own.fetch : Reflect.get(namespace.get(worker), name)),
  })
}

/** Every name is callable on a binding, so that only its tag tells what it is. */
function isFetcher(binding: unknown): binding is Fetcher {
  return Object.prototype.toString.call(binding) === "[object Fetcher]"
}

/** Random bytes are drawn from the system a page at a time: a draw for each id costs more than the id. */
let page = ""
let used = 0

function randomHex(digits: number): string {
  if (used + digits > page.length) {
    page = Array.from(crypto.getRandomValues(new Uint8Array(2048)), (byte) => byte.toString(16).padStart(2, "0")).join(
      "",
    )
    used = 0
  }
  used += digits
  return page.slice(used - digits, used)
}
