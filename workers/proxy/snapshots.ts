/**
 * The routes this isolate goes by. Asked for in the background, of the relay near by or of the root, and swapped in whole; the last
 * good ones stay when nobody answers, or what comes cannot be served (static stability). When to ask, and how long a request
 * waits, if at all, is decided in `shared/propagation/lease.ts`; here it is done.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Published } from "#shared/model/snapshot.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import {
  type Asking,
  answered,
  ask,
  detour,
  forgiving,
  freshLease,
  inVain,
  isOver,
  isWanted,
  missed,
  patienceMs,
  refuses,
  relayIsBack,
  reported,
  takenUp,
  unanswered,
} from "#shared/propagation/lease.ts"
import type { Feed } from "#shared/protocol/feed.ts"
import type { SourceRpc } from "#shared/protocol/relay.ts"
import type { Newer, OutlierReport, Pull } from "#shared/protocol/route-table.ts"
import type { ApiKeys } from "./api-keys.ts"
import { Candidates } from "./candidates.ts"
import { compiled } from "./compiled.ts"
import type { Background, Routes } from "./mesh.ts"
import { exchange, type Sources, within } from "./sources.ts"

/** Time, chance, and a line in the log. */
export interface Surroundings {
  nowMs(): number
  roll(): number
  sleep(ms: number): Promise<void>
  log(line: string): void
  /** How long routes are gone by before newer ones are asked for; absent: `LIMITS.snapshotLeaseMs`. */
  readonly leaseMs?: number
  /** Takes what the feed says: all there is, each time; and when that was. */
  news?(feed: Feed, asOfMs: number): void
  /** Counts what went wrong with questions. */
  tally?(name: "pull_failures" | "snapshot_refusals" | "floors_missed"): void
  /** The keys that the feed tells of, and what it is told of them. */
  readonly apiKeys?: Pick<ApiKeys, "follow" | "uses">
  /** What outlier detection has found; undefined when nothing. */
  outliers?(): readonly OutlierReport[] | undefined
}

/** How often one that waits looks whether what he waits for has come. */
const LOOK_MS = 5

/** What routes are asked for. An isolate that only makes health checks serves nobody. */
export type Purpose = "request" | "check"

export class Snapshots {
  readonly #sources: Sources
  readonly #around: Surroundings
  readonly #isolate: string
  readonly #bindings: readonly string[]
  readonly #leaseMs: number
  readonly #candidates: Candidates
  #lease = freshLease()
  #routes: Routes | undefined
  #pulling: Promise<void> | undefined
  #spread = 1
  #floorsMissed = 0
  /** Whether a request was served since the last question. */
  #serves = false
  /** None was served before the last question. */
  #isIdle = false
  #heardAtMs: number

  constructor(sources: Sources, around: Surroundings, isolate: string, bindings: readonly string[]) {
    this.#sources = sources
    this.#around = around
    this.#isolate = isolate
    this.#bindings = bindings
    this.#leaseMs = around.leaseMs ?? LIMITS.snapshotLeaseMs
    this.#heardAtMs = around.nowMs()
    this.#candidates = new Candidates(around)
  }

  /** For how long nothing has been heard of the route table: the age of what is served, whether there is anything newer or not. */
  get ageMs(): number {
    return Math.max(0, this.#around.nowMs() - this.#heardAtMs)
  }

  /**
   * The routes to go by now; undefined when a request had better wait for `settled`. When the lease is over, they are asked for; that
   * is handed to `waitUntil`, because a promise that several requests share must not end with the request that began it.
   */
  current(background: Background, purpose: Purpose = "request"): Routes | undefined {
    const nowMs = this.#around.nowMs()
    if (purpose === "request") this.#serves = true
    if (!isOver(this.#lease, nowMs)) return this.#routes
    this.#ask(0, nowMs, background)
    return patienceMs(this.#lease, 0, this.#leaseMs, nowMs) > 0 ? undefined : this.#routes
  }

  /** For a request that found no routes, none fresh enough, or none at `floor` or above: those that come in time, or what there is. */
  async settled(floor: number, background: Background): Promise<Routes | undefined> {
    if (this.#isCandidate(floor)) return this.#routes
    const nowMs = this.#around.nowMs()
    this.#ask(floor, nowMs, background)
    const waitMs = patienceMs(this.#lease, floor, this.#leaseMs, nowMs)
    if (waitMs > 0) await this.#wait(floor, waitMs)
    if (this.#routes && this.#lease.serving < floor && !this.#isCandidate(floor)) {
      this.#floorsMissed += 1
      this.#around.tally?.("floors_missed")
      this.#lease = missed(this.#lease, floor, this.#leaseMs, this.#around.nowMs())
    }
    return this.#routes
  }

  /**
   * For what is wanted, for the end of the question under way, or until the patience is over. By looking again and again: a promise of
   * another request's must not be waited for, unless that request's end waits for it too.
   */
  async #wait(floor: number, waitMs: number): Promise<void> {
    const { serving } = this.#lease
    const wanted = Math.max(serving < floor ? floor : serving + 1, 1)
    for (let waitedMs = 0; waitedMs < waitMs; waitedMs += LOOK_MS) {
      if (!this.#pulling || this.#lease.serving >= wanted || this.#isCandidate(floor)) return
      await Promise.race([this.#pulling, this.#around.sleep(LOOK_MS)])
    }
    if (this.#lease.serving < wanted) this.#lease = inVain(this.#lease)
  }

  #ask(floor: number, nowMs: number, background: Background): void {
    const asked = ask(this.#lease, floor, nowMs)
    if (!asked) return
    this.#lease = asked.lease
    const isCold = this.#lease.serving === 0
    const answer = this.#refresh(asked.asking)
    const pulling = (isCold ? Promise.all([answer, this.#fallBack(answer)]) : answer).then(() => {
      if (this.#pulling === pulling) this.#pulling = undefined
    })
    this.#pulling = pulling
    background.waitUntil(pulling)
  }

  /** Never rejects. An outage fails static: what is served stays, and the next lease asks again. */
  async #refresh(asking: Asking): Promise<void> {
    this.#lease = forgiving(this.#lease, asking.sinceMs)
    const isFirst = this.#lease.unanswered === 0
    const told = this.#floorsMissed
    const mayAskRoot = () => this.#detour()
    const answer = await exchange(this.#question(asking), this.#sources, this.#spread, mayAskRoot, this.#around).catch(
      (failure: unknown) => ({ failure }),
    )
    const nowMs = this.#around.nowMs()
    if ("failure" in answer) {
      if (isFirst) this.#around.log(`nobody answers; serving what is known: ${answer.failure}`)
      this.#around.tally?.("pull_failures")
      this.#lease = unanswered(this.#lease, asking, this.#leaseMs, nowMs, this.#around.roll())
      return
    }
    this.#floorsMissed -= told
    if (answer.by === "relay") this.#lease = relayIsBack(this.#lease)
    if (answer.by === "cut-off relay") {
      if (isFirst)
        this.#around.log("the relay has not heard of the route table for long, and it does not answer either")
      this.#lease = unanswered(this.#lease, asking, this.#leaseMs, nowMs, this.#around.roll())
    } else {
      if (!isFirst) this.#around.log(`answered again after ${this.#lease.unanswered} questions without`)
      this.#lease = answered(this.#lease, asking, this.#leaseMs, this.#around.roll())
    }
    const { newer, ageMs = 0, unheard, spread, ...feed } = answer.reply
    this.#spread = spread ?? this.#spread
    if (!unheard) {
      this.#heardAtMs = asking.sinceMs - ageMs
      this.#around.news?.(feed, this.#heardAtMs)
      // Before any routes that ask for keys.
      await this.#around.apiKeys?.follow(feed.apiKeys ?? 0, (known) =>
        this.#within(answer.source.keysSince(known), LIMITS.rootPatienceMs),
      )
    }
    if (newer) await this.#take(newer, answer.source)
    if (!unheard) await this.#divide(feed.candidate, answer.source)
  }

  /** A guarded apply: some chains go by its routes. */
  async #divide(news: Feed["candidate"], source: SourceRpc): Promise<void> {
    if (!news && !this.#candidates.isConcerned) return
    await this.#candidates.hear(news, this.#heardAtMs, this.#routes, source)
    const candidate = this.#routes && this.#candidates.beside(this.#routes)
    if (!this.#routes || this.#routes.candidate === candidate) return
    this.#routes = { ...this.#routes, candidate }
  }

  /** Whether a chain that asks for this revision can go by the candidate's routes. */
  #isCandidate(floor: number): boolean {
    return floor > 0 && this.#routes?.candidate?.routes.revision === floor
  }

  #detour(): boolean {
    const next = detour(this.#lease, this.#around.nowMs(), this.#around.roll())
    this.#lease = next ?? this.#lease
    return next !== undefined
  }

  #question({ floor }: Asking): Pull {
    const outliers = this.#around.outliers?.()
    const keyUses = this.#around.apiKeys?.uses()
    this.#isIdle = !this.#serves
    this.#serves = false
    return {
      ...this.#standing(),
      digest: this.#routes?.digest ?? "",
      bindings: this.#bindings,
      ...(this.#isIdle && { idle: true }),
      ...(floor > 0 && { atLeast: floor }),
      ...(this.#spread > 1 && { spread: this.#spread }),
      ...(this.#floorsMissed > 0 && { floorsMissed: this.#floorsMissed }),
      ...(outliers && { outliers }),
      ...(keyUses && { keyUses }),
    }
  }

  #standing(): Pick<Pull, "isolate" | "serving" | "refused" | "leaseMs"> {
    const { serving, refused = this.#candidates.refused } = this.#lease
    return {
      isolate: this.#isolate,
      serving,
      ...(this.#leaseMs !== LIMITS.snapshotLeaseMs && { leaseMs: this.#leaseMs }),
      ...(refused && { refused: reported(refused) }),
    }
  }

  /** A newer revision, told by its digest or with its text. Whether it is taken up is said at once to whoever told of it. */
  async #take({ revision, digest, text }: Newer, source: SourceRpc): Promise<void> {
    if (!isWanted(this.#lease, revision)) return
    const same = this.#routes?.digest === digest ? this.#routes : undefined
    if (same) this.#takeUp({ ...same, revision })
    else {
      const cached = text === undefined ? await this.#cached(digest) : undefined
      const found = text ?? cached ?? (await this.#within(source.text(digest), LIMITS.rootPatienceMs).catch(() => {}))
      // Meanwhile a newer one has taken its place; the next question hears of it.
      if (found === undefined) return
      await this.#adopt({ revision, digest, text: found }, cached !== undefined)
    }
    // Nobody waits for an isolate that only makes health checks.
    if (this.#isIdle) return
    await this.#within(source.confirm(this.#standing()), LIMITS.relayPatienceMs).catch(() => {})
  }

  /** What the cache holds under a digest may be spoilt: then it is not there. */
  async #cached(wanted: string): Promise<string | undefined> {
    const text = await this.#sources.lastKnown.cached(wanted)
    return text !== undefined && (await digest(text)) === wanted ? text : undefined
  }

  /** Serves a newer revision, or refuses it with a reason that control can see (xDS: NACK). Never goes back. */
  async #adopt(published: Published, isTextKept: boolean): Promise<void> {
    const { revision } = published
    const routes = await compiled(published, this.#around.nowMs(), this.#routes)
    // An answer that was given up on may come when a newer one is at hand.
    if (!isWanted(this.#lease, revision)) return
    if ("reason" in routes) {
      this.#around.log(`refused revision ${revision}: ${routes.reason}`)
      this.#around.tally?.("snapshot_refusals")
      this.#lease = refuses(this.#lease, routes, this.#around.nowMs())
      return
    }
    this.#takeUp(routes)
    await this.#sources.lastKnown.keep(published, isTextKept)
  }

  #takeUp(routes: Routes): void {
    const nowMs = this.#around.nowMs()
    const candidate = this.#candidates.beside(routes)
    this.#routes = { ...routes, candidate, newUntilMs: nowMs + LIMITS.floorToldMs }
    this.#lease = takenUp(this.#lease, routes.revision, nowMs)
  }

  /** An isolate without routes does not wait for objects that are silent, or that have only what it cannot serve. */
  async #fallBack(answer: Promise<void>): Promise<void> {
    await Promise.race([answer, this.#around.sleep(LIMITS.lastKnownAfterMs)])
    if (this.#routes) return
    const found = await this.#sources.lastKnown.find()
    if (!found || this.#routes) return
    const routes = await compiled(found, this.#around.nowMs())
    if ("reason" in routes || this.#routes) return
    this.#around.log(`begins with revision ${found.revision}, the last that is known`)
    this.#takeUp(routes)
  }

  #within<T>(answer: Promise<T>, ms: number): Promise<T> {
    return within(answer, ms, this.#around)
  }
}
