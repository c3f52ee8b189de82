/**
 * Brings spans to a collector by OTLP over HTTP, in the background of requests: whoever is recorded first starts a watch, which waits for
 * others and sends what there is, batch by batch. A batch that is not taken goes out again, later and later, as long as OTLP allows it;
 * meanwhile the queue fills, and what finds no place is dropped and counted. No request ever waits.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { TallyName } from "#shared/model/telemetry.ts"
import { encodeSpans, type Resource, spanCount } from "#shared/telemetry/otlp.ts"
import type { RecordedExchange } from "#shared/telemetry/recorded.ts"
import type { Background } from "./mesh.ts"
import type { Surroundings } from "./snapshots.ts"

export interface Collector {
  /** The whole URL of the traces' endpoint. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export interface ExporterSurroundings extends Pick<Surroundings, "nowMs" | "roll" | "sleep" | "log"> {
  fetch(url: string, init: RequestInit): Promise<Response>
  tally(name: TallyName, label: string, count: number): void
}

interface Batch {
  readonly body: string
  readonly spans: number
  tries: number
}

type Outcome =
  | { readonly kind: "taken"; readonly rejected: number }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string; readonly afterMs: number | undefined }

/** What OTLP lets a sender repeat; all other failures are for good. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])

export class Exporter {
  readonly #collector: Collector
  readonly #resource: Resource
  readonly #around: ExporterSurroundings
  #queue: RecordedExchange[] = []
  #queued = 0
  #batch: Batch | undefined
  /** Between these somebody watches; past them his request was ended. */
  #watchedFromMs = 0
  #watchedUntilMs = 0
  #isFailing = false

  constructor(collector: Collector, resource: Resource, around: ExporterSurroundings) {
    this.#collector = collector
    this.#resource = resource
    this.#around = around
  }

  add(exchange: RecordedExchange, background: Background): void {
    const spans = spanCount(exchange)
    if (this.#queued + spans > LIMITS.spansQueuedMax) this.#around.tally("spans_dropped", "queue_full", spans)
    else {
      this.#queue.push(exchange)
      this.#queued += spans
    }
    const nowMs = this.#around.nowMs()
    if (nowMs < this.#watchedUntilMs && nowMs >= this.#watchedFromMs) return
    this.#beWatched(nowMs, this.#paceMs())
    background.waitUntil(this.#watch(nowMs))
  }

  /** Never rejects. */
  async #watch(startedAtMs: number): Promise<void> {
    let waitMs = this.#paceMs()
    for (;;) {
      await this.#around.sleep(waitMs)
      waitMs = await this.#send()
      const nowMs = this.#around.nowMs()
      const isTooLate = nowMs + waitMs + LIMITS.spanCallMs > startedAtMs + LIMITS.backgroundMs
      if ((!this.#batch && this.#queue.length === 0) || isTooLate) {
        this.#watchedUntilMs = 0
        return
      }
      this.#beWatched(nowMs, waitMs)
    }
  }

  /** How long the next one is to wait. */
  async #send(): Promise<number> {
    this.#batch ??= this.#next()
    const batch = this.#batch
    if (!batch) return 0
    batch.tries += 1
    const outcome = await this.#call(batch)
    if (this.#batch !== batch) return 0
    if (outcome.kind === "failed" && batch.tries < LIMITS.spanTriesMax) {
      this.#complain(outcome.reason)
      this.#around.tally("span_export_failures", "", 1)
      const pauseMs = LIMITS.spanPaceMs * 2 ** (batch.tries - 1) * (0.5 + this.#around.roll())
      return Math.min(Math.max(outcome.afterMs ?? 0, pauseMs), LIMITS.spanPauseMsMax)
    }
    this.#batch = undefined
    this.#settle(batch, outcome)
    return this.#queued >= LIMITS.spanBatchMax ? 0 : this.#paceMs()
  }

  #settle({ spans }: Batch, outcome: Outcome): void {
    const { tally } = this.#around
    if (outcome.kind === "taken") {
      this.#isFailing = false
      const rejected = Math.min(outcome.rejected, spans)
      if (spans > rejected) tally("spans_exported", "", spans - rejected)
      if (rejected > 0) tally("spans_dropped", "rejected", rejected)
      return
    }
    this.#complain(outcome.reason)
    tally("span_export_failures", "", 1)
    tally("spans_dropped", outcome.kind === "refused" ? "refused" : "gave_up", spans)
  }

  #next(): Batch | undefined {
    let spans = 0
    let count = 0
    for (const exchange of this.#queue) {
      const more = spanCount(exchange)
      if (count > 0 && spans + more > LIMITS.spanBatchMax) break
      spans += more
      count += 1
    }
    if (count === 0) return undefined
    const chosen = this.#queue.slice(0, count)
    this.#queue = this.#queue.slice(count)
    this.#queued -= spans
    return { body: JSON.stringify(encodeSpans(chosen, this.#resource)), spans, tries: 0 }
  }

  async #call({ body }: Batch): Promise<Outcome> {
    const { url, headers } = this.#collector
    const controller = new AbortController()
    let isOver = false
    const late = this.#around.sleep(LIMITS.spanCallMs).then((): Outcome => {
      if (!isOver) controller.abort()
      return { kind: "failed", reason: "no answer in time", afterMs: undefined }
    })
    try {
      const init = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body }
      const call = this.#around.fetch(url, { ...init, redirect: "manual", signal: controller.signal })
      return await Promise.race([call.then((response) => this.#outcomeOf(response)), late])
    } catch (error) {
      return { kind: "failed", reason: String(error), afterMs: undefined }
    } finally {
      isOver = true
    }
  }

  async #outcomeOf(response: Response): Promise<Outcome> {
    const { status } = response
    if (status >= 200 && status < 300) return { kind: "taken", rejected: rejectedIn(await response.text()) }
    await response.body?.cancel()
    const reason = `it answers ${status}`
    if (!RETRYABLE.has(status)) return { kind: "refused", reason }
    const after = Number(response.headers.get("retry-after"))
    return { kind: "failed", reason, afterMs: after > 0 ? after * 1000 : undefined }
  }

  /** Once, until it works again. */
  #complain(reason: string): void {
    if (!this.#isFailing) this.#around.log(`the collector of traces took no spans: ${reason}`)
    this.#isFailing = true
  }

  #paceMs(): number {
    return LIMITS.spanPaceMs * (0.75 + this.#around.roll() / 2)
  }

  #beWatched(nowMs: number, waitMs: number): void {
    this.#watchedFromMs = nowMs
    this.#watchedUntilMs = nowMs + waitMs + LIMITS.spanCallMs + LIMITS.spanPaceMs
  }
}

/** A collector that takes a part says how much of it it did not take. */
function rejectedIn(body: string): number {
  try {
    const { partialSuccess } = JSON.parse(body) as { partialSuccess?: { rejectedSpans?: number | string } }
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0)
    return rejected > 0 ? rejected : 0
  } catch {
    return 0
  }
}
