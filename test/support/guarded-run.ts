/**
 * A change that is valid and bad, applied under guard while requests go by: the mesh's real Workers, several proxies, a steady load.
 * What it costs is counted by who sends the requests, not by the mesh.
 */

import type { MeshDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Applied, RevisionList, RolloutStatus, RolloutView } from "#shared/protocol/control-api.ts"
import { type Fleet, startFleet } from "./fleet.ts"

export interface GuardedRunOptions {
  readonly proxies: number
  /** Requests a second, of all senders. */
  readonly rate: number
  readonly leaseMs?: number
  readonly change: "bad" | "good"
  readonly guard: NonNullable<Parameters<Fleet["apply"]>[1]>
  /** It ends here when it has not by then. */
  readonly atMostMs: number
}

export interface GuardedRun {
  readonly rollout: RolloutStatus
  /** While the guard ran, and until the last isolate had heard of its end. */
  readonly requests: number
  readonly byCandidate: number
  readonly failed: number
  /** Chains of which a later hop went by an older revision than one before it. */
  readonly backwards: number
  /** Requests that the mesh says were served by an older revision than they were promised: it waits for newer routes a moment only. */
  readonly floorsMissed: number
  /** From the commit to the decision, and to the last request that went by a candidate that was undone. */
  readonly endedAfterMs: number
  readonly lastBadAfterMs: number
  readonly history: RevisionList["revisions"]
  /** The revision that requests went by in the end. */
  readonly revisionAfter: number
}

/** The public calls `middle`, and that one orders; the filters are of the second hop. */
function documentOf(filters: readonly object[]): MeshDocument {
  const rule = (service: string, more = {}) => ({ ...more, backends: [{ service }] })
  const routes = {
    public: { hosts: ["*"], rules: [rule("middle")] },
    orders: { service: "orders", rules: [rule("orders", { filters })] },
  }
  return { services: { orders: {}, middle: {} }, routes } as unknown as MeshDocument
}
const WORKERS = "test/workers/proxy/workers/guarded"
const GOOD = documentOf([])
/** Every request is rewritten to a path where the service fails. */
const BAD = documentOf([{ rewrite: { path: "/broken" } }])
const HARMLESS = documentOf([{ responseHeaders: { set: { "x-new": "1" } } }])

export async function guardedRun(options: GuardedRunOptions): Promise<GuardedRun> {
  const names = Array.from({ length: options.proxies }, (_, index) => `proxy${index}`)
  const vars = options.leaseMs === undefined ? {} : { WEFT_LEASE_MS: String(options.leaseMs) }
  const fleet = await startFleet({
    proxies: Object.fromEntries(names.map((name) => [name, vars])),
    services: {
      orders: { entry: `${WORKERS}/orders.ts` },
      middle: { entry: `${WORKERS}/middle.ts`, calls: { ORDERS: { proxy: names.at(-1)!, to: "orders" } } },
    },
  })
  try {
    await fleet.apply(GOOD)
    const load = new Load(fleet, names, options.rate)
    await load.until((answers) => answers > names.length * 20)
    return await run(fleet, load, options)
  } finally {
    await fleet.stop()
  }
}

async function run(
  fleet: Fleet,
  load: Load,
  { change, guard, leaseMs, atMostMs }: GuardedRunOptions,
): Promise<GuardedRun> {
  const startedAtMs = Date.now()
  const applied: Applied = await fleet.apply(change === "bad" ? BAD : HARMLESS, guard)
  load.watch(applied.revision)
  let rollout: RolloutStatus | undefined
  await load.until(async () => {
    rollout = (await fleet.api<RolloutView>("/v1/rollout")).rollout
    return rollout?.phase !== "running" || Date.now() - startedAtMs > atMostMs
  })
  const settledAtMs = Date.now() + (leaseMs ?? LIMITS.snapshotLeaseMs) * 2
  let floorsMissed = 0
  await load.until(async () => {
    ;({ floorsMissed } = await fleet.status())
    const isTold = floorsMissed >= load.backwards || Date.now() > settledAtMs + TOLD_MS
    return Date.now() > settledAtMs && isTold
  })
  await load.stop()
  const { endedAtMs = Date.now(), startedAtMs: committedAtMs } = rollout!
  return {
    rollout: rollout!,
    ...{ requests: load.requests, byCandidate: load.byCandidate, failed: load.failed, backwards: load.backwards },
    floorsMissed,
    endedAfterMs: endedAtMs - committedAtMs,
    lastBadAfterMs: Math.max(0, load.lastByCandidateMs - committedAtMs),
    history: (await fleet.api<RevisionList>("/v1/revisions")).revisions,
    revisionAfter: load.lastRevision,
  }
}

/** Sends at a steady rate, each request a chain of its own, to all proxies in turn. */
class Load {
  requests = 0
  byCandidate = 0
  failed = 0
  backwards = 0
  lastByCandidateMs = 0
  lastRevision = 0
  #candidate = Number.POSITIVE_INFINITY
  #answers = 0
  #sent = 0
  readonly #startedAtMs = Date.now()
  readonly #pending = new Set<Promise<void>>()
  readonly #timer: ReturnType<typeof setInterval>
  readonly #fleet: Fleet
  readonly #proxies: readonly string[]

  constructor(fleet: Fleet, proxies: readonly string[], rate: number) {
    this.#fleet = fleet
    this.#proxies = proxies
    this.#timer = setInterval(() => {
      const due = ((Date.now() - this.#startedAtMs) * rate) / 1000
      // What cannot be sent in time is not made up for.
      for (; this.#sent < due && this.#pending.size < PENDING_MAX; this.#sent++) this.#send()
      this.#sent = Math.max(this.#sent, Math.floor(due))
    }, 10)
  }

  watch(candidate: number): void {
    this.#candidate = candidate
    this.requests = 0
    this.failed = 0
  }

  async until(holds: (answers: number) => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds(this.#answers))) await new Promise((resolve) => setTimeout(resolve, 50))
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
  }

  #send(): void {
    const proxy = this.#proxies[this.#sent % this.#proxies.length]!
    const sending = this.#answer(proxy).finally(() => this.#pending.delete(sending))
    this.#pending.add(sending)
  }

  async #answer(proxy: string): Promise<void> {
    const response = await this.#fleet.request(proxy, "/orders", { "weft-debug": "1" })
    await response.arrayBuffer()
    this.#answers += 1
    this.requests += 1
    if (!response.ok) this.failed += 1
    const debug = response.headers.get("weft-debug") ?? ""
    const [first = 0, second = 0] = [...debug.matchAll(/revision=(\d+)/g)].map(([, revision]) => Number(revision))
    this.lastRevision = Math.max(this.lastRevision, second)
    if (second < first) this.backwards += 1
    if (second !== this.#candidate) return
    this.byCandidate += 1
    this.lastByCandidateMs = Date.now()
  }
}

const PENDING_MAX = 64
/** By then isolates have told their relays what they missed. */
const TOLD_MS = 20_000
