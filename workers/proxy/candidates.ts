/**
 * The routes of a guarded apply, beside those that everybody else goes by. They come by the feed, which names them, and are held for as
 * long as the feed does: an isolate that hears of nobody any more goes by the stable ones alone.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { SourceRpc } from "#shared/protocol/relay.ts"
import type { CandidateNews } from "#shared/protocol/rollout.ts"
import type { RefusedRevision } from "#shared/protocol/route-table.ts"
import { isChosen } from "#shared/rollout/chosen.ts"
import { compiled } from "./compiled.ts"
import type { Candidate, Routes } from "./mesh.ts"
import { within } from "./sources.ts"

/** Time, and a line in the log. */
interface Surroundings {
  nowMs(): number
  sleep(ms: number): Promise<void>
  log(line: string): void
  /** How long routes are gone by before newer ones are asked for, where that is not as usual. */
  readonly leaseMs?: number
  tally?(name: "snapshot_refusals"): void
}

export class Candidates {
  readonly #around: Surroundings
  #current: Candidate | undefined
  /** The newest that cannot be served here, and why. */
  #refused: RefusedRevision | undefined
  /** When the feed said what is known here. */
  #asOfMs = Number.NEGATIVE_INFINITY

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** Whether there is anything that the end of a guarded apply would end. */
  get isConcerned(): boolean {
    return this.#current !== undefined || this.#refused !== undefined
  }

  get refused(): RefusedRevision | undefined {
    return this.#refused
  }

  /** What the feed says of it, and when it did; undefined ends it. Who said so has its snapshot, too. */
  async hear(
    news: CandidateNews | undefined,
    heardAtMs: number,
    stable: Routes | undefined,
    source: Pick<SourceRpc, "text">,
  ): Promise<void> {
    if (heardAtMs < this.#asOfMs) return
    this.#asOfMs = heardAtMs
    if (!news) {
      this.#current = undefined
      this.#refused = undefined
      return
    }
    const { revision, digest, share } = news
    if (this.#current?.routes.revision !== revision) await this.#take(revision, digest, stable, source)
    const current = this.#current
    if (current?.routes.revision !== revision || this.#asOfMs !== heardAtMs) return
    current.share = share
    // It is told of again with each lease.
    const heldMs = LIMITS.candidateMs + (this.#around.leaseMs ?? 0)
    current.untilMs = Math.max(current.untilMs, heardAtMs + heldMs)
  }

  /** What some chains go by instead of these routes; undefined when there is nothing of the kind. */
  beside({ revision }: Routes): Candidate | undefined {
    return this.#current && this.#current.routes.revision > revision ? this.#current : undefined
  }

  async #take(
    revision: number,
    digest: string,
    stable: Routes | undefined,
    source: Pick<SourceRpc, "text">,
  ): Promise<void> {
    // A cold isolate takes the stable ones up first.
    if (!stable || (this.#refused?.revision === revision && !this.#refused.damaged)) return
    const asOfMs = this.#asOfMs
    const text = await within(source.text(digest), LIMITS.rootPatienceMs, this.#around).catch(() => undefined)
    if (text === undefined) return
    const routes = await compiled({ revision, digest, text }, this.#around.nowMs(), stable, stable)
    // Meanwhile there may have been later news.
    if (this.#asOfMs !== asOfMs) return
    if ("reason" in routes) {
      this.#refused = routes
      this.#around.log(`refused revision ${revision}, which is under guard: ${routes.reason}`)
      this.#around.tally?.("snapshot_refusals")
      return
    }
    this.#refused = undefined
    // Chains that go by it say so at every hop, so that none of them goes back.
    const newUntilMs = Number.POSITIVE_INFINITY
    this.#current = { routes: { ...routes, newUntilMs }, share: 0, untilMs: 0 }
  }
}

/**
 * Which routes a chain goes by, where there are two: the same at every hop that has heard of the candidate. Who asks for the candidate's
 * revision by name, as a chain that went by it does, gets it.
 */
export function divided(stable: Routes, candidate: Candidate, floor: number, traceId: string, nowMs: number): Routes {
  const { routes, share, untilMs } = candidate
  if (nowMs >= untilMs) return stable
  return floor === routes.revision || isChosen(routes.revision, share, traceId) ? routes : stable
}
