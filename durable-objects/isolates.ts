/**
 * The proxy isolates that asked for routes lately: a bounded map, oldest out first. In memory, and written down every few seconds: an
 * object that nobody asks for ten seconds is put away, and would say of traffic of a moment ago that there was none. By its own,
 * more seldom, when somebody asked. An object that was started anew knows by it whether there may be isolates that it has not
 * heard of, which those written down do not tell.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { isLive } from "#shared/propagation/convergence.ts"
import type { Confirmation, RelayView } from "#shared/protocol/relay.ts"
import type { IsolateStatus, Pull } from "#shared/protocol/route-table.ts"
import { Quota } from "#shared/telemetry/quota.ts"

const REASON_CHARS_MAX = 1_024
const ID_CHARS_MAX = 64
const MINUTE_MS = 60_000
/** Under which the time is kept when somebody asked, and how often it is written. */
const BUSY = "busy"
const BUSY_MS = 30_000

/** Under which the isolates are kept, and how many. */
const SEEN = "isolates"
const KEPT_MAX = 500
/** How often for what they are heard of only, and how many times a second for what changed. */
const KEEP_MS = 5_000
const NEWS_PER_SECOND = 4

/** The object's storage, as far as it is needed. */
export interface Kept {
  get<T>(key: string): T | undefined
  put<T>(key: string, value: T): void
}

export class Isolates {
  /** In the order of the last pull, so that the first key is the one heard of longest ago. */
  readonly #seen = new Map<string, IsolateStatus>()
  /** The relay that they ask; undefined for the root. */
  readonly #relay: string | undefined
  /** The list of bindings reported last: isolates of one deployment all have the same, and share one copy. */
  #bindings: readonly string[] = []
  #missed = { minute: 0, count: 0, before: 0 }
  readonly #kv: Kept
  /** Since then every isolate that asks has been noted; 0 for ever. */
  #watchingSinceMs: number

  #keptAtMs = Number.NEGATIVE_INFINITY
  readonly #news = new Quota()

  constructor(kv: Kept, nowMs: number, relay?: string) {
    this.#kv = kv
    this.#relay = relay
    for (const status of kv.get<readonly IsolateStatus[]>(SEEN) ?? []) this.#seen.set(status.isolate, status)
    const sleepMs = LIMITS.snapshotLeaseMs * LIMITS.snapshotSleepLeases
    this.#watchingSinceMs = nowMs - this.#busyAtMs() < BUSY_MS + sleepMs ? nowMs : 0
  }

  note(pull: Pull, nowMs: number): void {
    const known = this.#known(pull)
    // One that only makes health checks serves nobody, and is not waited for.
    if (pull.idle && !known) return
    // The read also keeps a stale twin of the object, which a partition left behind, from answering anybody.
    if (Math.abs(nowMs - this.#busyAtMs()) >= BUSY_MS) this.#kv.put(BUSY, nowMs)
    this.#put(
      {
        ...this.#statusOf(pull, known, nowMs),
        ...(pull.idle && { seenAtMs: known!.seenAtMs }),
        ...(pull.bindings && { bindings: this.#shared(pull.bindings, known?.bindings) }),
        ...(pull.outliers && { outliers: pull.outliers.slice(0, LIMITS.outliersMax) }),
      },
      nowMs,
    )
    if (pull.floorsMissed) this.#countMissed(pull.floorsMissed, nowMs)
    for (const [oldest, status] of this.#seen) {
      if (this.#seen.size <= LIMITS.isolatesMax) break
      // There are more than can be told of: one that counts is lost sight of.
      if (isLive(status, nowMs)) this.#watchingSinceMs = nowMs
      this.#seen.delete(oldest)
    }
  }

  /** What an isolate says between its pulls: that it serves a revision now, or refuses it. */
  confirm(confirmation: Confirmation, nowMs: number): void {
    const before = this.#known(confirmation)
    const { bindings, outliers } = before ?? {}
    const rest = { ...(bindings && { bindings }), ...(outliers && { outliers }) }
    this.#put({ ...this.#statusOf(confirmation, before, nowMs), ...rest }, nowMs)
  }

  /** Those heard of lately, the longest silent first; the others are forgotten. */
  list(nowMs: number): IsolateStatus[] {
    for (const [isolate, status] of this.#seen) {
      if (nowMs - status.seenAtMs > LIMITS.isolateSilenceMsMax) this.#seen.delete(isolate)
    }
    return [...this.#seen.values()]
  }

  view(nowMs: number): Pick<RelayView, "isolates" | "watchingSinceMs" | "floorsMissed"> {
    this.#countMissed(0, nowMs)
    const floorsMissed = this.#missed.before + this.#missed.count
    const watchingSinceMs = this.#watchingSinceMs
    return { isolates: this.list(nowMs), ...(watchingSinceMs > 0 && { watchingSinceMs }), floorsMissed }
  }

  #busyAtMs(): number {
    return this.#kv.get<number>(BUSY) ?? Number.NEGATIVE_INFINITY
  }

  #known({ isolate }: Pick<Pull, "isolate">): IsolateStatus | undefined {
    return this.#seen.get(isolate.slice(0, ID_CHARS_MAX))
  }

  #statusOf(said: Confirmation, before: IsolateStatus | undefined, nowMs: number): IsolateStatus {
    const { serving, refused, leaseMs } = said
    return {
      isolate: said.isolate.slice(0, ID_CHARS_MAX),
      serving,
      seenAtMs: nowMs,
      servingSinceMs: before?.serving === serving ? (before.servingSinceMs ?? nowMs) : nowMs,
      ...(leaseMs !== undefined && { leaseMs: Math.min(leaseMs, LIMITS.isolateSilenceMsMax) }),
      ...(this.#relay !== undefined && { relay: this.#relay }),
      ...(refused && {
        refused: { revision: refused.revision, reason: refused.reason.slice(0, REASON_CHARS_MAX) },
      }),
    }
  }

  #put(status: IsolateStatus, nowMs: number): void {
    const before = this.#seen.get(status.isolate)
    const isNews = before?.serving !== status.serving || before.refused?.revision !== status.refused?.revision
    this.#seen.delete(status.isolate)
    this.#seen.set(status.isolate, status)
    // Where thousands change at once, the next of them that is heard of is soon.
    const isDue = isNews ? this.#news.take(NEWS_PER_SECOND, nowMs) : Math.abs(nowMs - this.#keptAtMs) >= KEEP_MS
    if (isDue) this.#keep(nowMs)
  }

  /** The newest, without what only isolates that are there can prove. */
  #keep(nowMs: number): void {
    this.#keptAtMs = nowMs
    const newest = [...this.#seen.values()].slice(-KEPT_MAX)
    try {
      this.#kv.put(
        SEEN,
        newest.map(({ bindings: _, outliers: __, ...status }) => status),
      )
    } catch {
      // A full disk: they say it again.
    }
  }

  #countMissed(count: number, nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS)
    const { minute: known, count: counted } = this.#missed
    if (minute !== known) this.#missed = { minute, count: 0, before: minute === known + 1 ? counted : 0 }
    this.#missed.count += count
  }

  #shared(bindings: readonly string[], before: readonly string[] | undefined): readonly string[] {
    const limited = bindings.slice(0, LIMITS.isolateBindingsMax)
    if (before && isSame(before, limited)) return before
    if (!isSame(this.#bindings, limited)) this.#bindings = limited
    return this.#bindings
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((binding, index) => binding === b[index])
}
