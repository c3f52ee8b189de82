/**
 * The routes this isolate goes by. Pulled from the route table in the background and swapped in whole; the last good ones
 * stay when the object is slow, down, or sends what cannot be served (static stability: no request waits for the object
 * but the very first of an isolate, and one that comes after a long sleep, which waits a moment).
 *
 *   no routes --first answer--> fresh --lease over--> stale (served; a pull is under way) --answer--> fresh
 */

import { AccessTable } from "#shared/identity/access.ts"
import { trustedPeers } from "#shared/identity/client-address.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Gateway } from "#shared/model/route.ts"
import type { Published } from "#shared/model/snapshot.ts"
import { decode, digest } from "#shared/model/snapshot-codec.ts"
import type { Verdict } from "#shared/protocol/breaker.ts"
import type { HealthNews } from "#shared/protocol/health.ts"
import type { OutlierReport, RouteTableRpc } from "#shared/protocol/route-table.ts"
import { compile } from "#shared/routing/table.ts"
import type { Background, Routes } from "./mesh.ts"

/** What the isolate tells and asks the object: `RouteTableObject` through its binding. */
export type Puller = Pick<RouteTableRpc, "pull">

/** Time, chance, and a line in the log. */
export interface Surroundings {
  nowMs(): number
  roll(): number
  sleep(ms: number): Promise<void>
  log(line: string): void
  /** How long routes are gone by before newer ones are asked for; absent: `LIMITS.snapshotLeaseMs`. */
  readonly leaseMs?: number
  /** Takes what the feed says of breakers. */
  news?(verdicts: readonly Verdict[]): void
  /** Takes what the feed says of health checks: all there is, each time. */
  health?(news: readonly HealthNews[]): void
  /** Counts what went wrong with pulls. */
  tally?(name: "pull_failures" | "snapshot_refusals"): void
  /** What outlier detection has found; undefined when nothing. */
  outliers?(): readonly OutlierReport[] | undefined
}

/** What routes are asked for. An isolate that only makes health checks serves nobody. */
export type Purpose = "request" | "check"

export class Snapshots {
  readonly #puller: () => Puller
  readonly #around: Surroundings
  readonly #isolate: string
  readonly #bindings: readonly string[]
  #routes: Routes | undefined
  #refused: { revision: number; reason: string } | undefined
  #refusedAtMs = 0
  #pulling: Promise<void> | undefined
  #pullStartedAtMs = 0
  #leaseUntilMs = 0
  #lastUsedAtMs = 0
  #unanswered = 0
  /** Whether a request was served since the last pull. */
  #serves = false
  #answeredAtMs: number

  constructor(puller: () => Puller, around: Surroundings, isolate: string, bindings: readonly string[]) {
    this.#puller = puller
    this.#around = around
    this.#isolate = isolate
    this.#bindings = bindings
    this.#answeredAtMs = around.nowMs()
  }

  /** For how long the route table has not answered: the age of what is served, whether there is anything newer or not. */
  get ageMs(): number {
    return Math.max(0, this.#around.nowMs() - this.#answeredAtMs)
  }

  /**
   * The routes to go by now. When the lease is over, a pull is begun; it is handed to `waitUntil`, because a promise that
   * several requests share must not end with the request that began it.
   */
  current(background: Background, purpose: Purpose = "request"): Routes | undefined {
    const nowMs = this.#around.nowMs()
    if (purpose === "request") this.#serves = true
    if (nowMs >= this.#leaseUntilMs) this.#pull(nowMs, background)
    const slept = nowMs - this.#lastUsedAtMs > LIMITS.snapshotSleepMs
    this.#lastUsedAtMs = nowMs
    return slept ? undefined : this.#routes
  }

  /** For a request that found none, or none fresh enough after a sleep: the routes once the pull under way is done, or in time. */
  async settled(): Promise<Routes | undefined> {
    const waitMs = this.#routes ? LIMITS.snapshotAwakeWaitMs : LIMITS.snapshotFirstWaitMs
    await Promise.race([this.#pulling, this.#around.sleep(waitMs)])
    return this.#routes
  }

  #pull(nowMs: number, background: Background): void {
    // A pull that hangs is left to itself after a while, so that one lost answer cannot stop all news.
    if (this.#pulling && nowMs - this.#pullStartedAtMs < LIMITS.snapshotPullMs) return
    this.#pullStartedAtMs = nowMs
    const pulling = this.#refresh().finally(() => {
      if (this.#pulling === pulling) this.#pulling = undefined
    })
    this.#pulling = pulling
    background.waitUntil(pulling)
  }

  /** Never rejects. An outage of the object fails static: what is served stays, and the next lease asks again. */
  async #refresh(): Promise<void> {
    // It may have been damaged on its way here only.
    if (this.#around.nowMs() - this.#refusedAtMs >= LIMITS.snapshotRefusedMs) this.#refused = undefined
    const idle = this.#serves ? {} : ({ idle: true } as const)
    this.#serves = false
    try {
      const outliers = this.#around.outliers?.()
      const { newer, verdicts, health } = await this.#puller().pull({
        isolate: this.#isolate,
        serving: this.#routes?.revision ?? 0,
        bindings: this.#bindings,
        ...idle,
        ...(outliers && { outliers }),
        ...(this.#refused ? { refused: this.#refused } : {}),
      })
      if (verdicts) this.#around.news?.(verdicts)
      this.#around.health?.(health ?? NO_NEWS)
      if (newer) await this.#adopt(newer)
      if (this.#unanswered > 0)
        this.#around.log(`the route table answers again after ${this.#unanswered} pulls without`)
      this.#unanswered = 0
      this.#answeredAtMs = this.#around.nowMs()
    } catch (error) {
      if (this.#unanswered === 0) this.#around.log(`the route table does not answer; serving what is known: ${error}`)
      this.#unanswered += 1
      this.#around.tally?.("pull_failures")
    }
    this.#leaseUntilMs =
      this.#around.nowMs() + (this.#around.leaseMs ?? LIMITS.snapshotLeaseMs) * (0.75 + this.#around.roll() / 2)
  }

  /** Serves a newer revision, or refuses it with a reason that control can see (xDS: NACK). Never goes back. */
  async #adopt(published: Published): Promise<void> {
    const { revision } = published
    if (revision <= (this.#routes?.revision ?? 0) || revision === this.#refused?.revision) return
    const routes = await compiled(published)
    // A pull that was given up on may bring its answer when a newer one is at hand.
    if (revision <= (this.#routes?.revision ?? 0)) return
    if (typeof routes === "string") {
      this.#around.log(`refused revision ${revision}: ${routes}`)
      this.#around.tally?.("snapshot_refusals")
      this.#refused = { revision, reason: routes }
      this.#refusedAtMs = this.#around.nowMs()
    } else {
      this.#routes = routes
      this.#refused = undefined
    }
  }
}

const NO_NEWS: readonly HealthNews[] = []

/** The reason, when the snapshot cannot be served. */
async function compiled({ revision, text, digest: expected }: Published): Promise<Routes | string> {
  if ((await digest(text)) !== expected) return "the content does not have the digest it was published with"
  const decoded = decode(text)
  if ("reason" in decoded) return decoded.reason
  const { snapshot } = decoded
  return {
    revision,
    table: compile(snapshot),
    services: new Map(snapshot.services.map((service) => [service.id, service])),
    authentications: snapshot.authentications,
    access: snapshot.policies && new AccessTable(snapshot.policies),
    trustedPeers: peersOf(snapshot.gateways),
  }
}

function peersOf(gateways: readonly Gateway[]): Routes["trustedPeers"] {
  const trusting = gateways.flatMap(({ id, clientAddress }) =>
    clientAddress ? [[id, trustedPeers(clientAddress)] as const] : [],
  )
  return trusting.length > 0 ? new Map(trusting) : undefined
}
