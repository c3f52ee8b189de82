/**
 * Brings an isolate's counts to its shard of telemetry, in the background of requests. A report goes out under its number until it is
 * acknowledged, and only then comes the next: meanwhile the table counts on, so that an outage costs no memory. Whoever is counted
 * first starts a watch, which waits for a pace and then sends all that was counted by then.
 *
 *   idle --a request--> watched --pace over, or many requests--> sending --acknowledged--> idle, or watched by who came meanwhile
 *                          ^--------------------- failed, longer ----------------------'
 *
 * What can be lost: an isolate that ends takes with it what it counted since its last report, which is a pace of about three seconds or
 * `LIMITS.telemetryRequests` requests (a longer pace where the shard has more isolates than it can take in); in an outage of its shard, what it counted since the outage began.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { OpenTaps } from "#shared/model/tap.ts"
import type { TelemetryReport } from "#shared/model/telemetry.ts"
import type { TelemetryReply, TelemetryRpc } from "#shared/protocol/telemetry.ts"
import type { Series } from "#shared/telemetry/series.ts"
import { encode } from "#shared/telemetry/wire.ts"
import type { Background } from "./mesh.ts"
import type { Recorder } from "./recorder.ts"
import type { Surroundings } from "./snapshots.ts"

export type ShardObject = Pick<TelemetryRpc, "report">

export interface ReporterSurroundings extends Pick<Surroundings, "nowMs" | "roll" | "sleep" | "log"> {
  /** The id that reports are counted under. */
  readonly isolate: string
  /** The shard's object, by a stub of its own for each call. Absent: series are only analysed. */
  readonly shard?: () => ShardObject
  snapshotAgeMs(): number
  /** Exchanges that were recorded since the last report. */
  recorded?(): readonly string[]
  /** What the shard says of taps with each answer. */
  heard?(taps: OpenTaps | undefined): void
  /** Heads of requests are kept, too. */
  readonly samples?: boolean
  /** Takes the series of each report once, beside the shard. */
  readonly analyse?: (series: readonly Series[]) => void
}

interface Held {
  readonly report: TelemetryReport
  readonly requests: number
  readonly sinceMs: number
}

/** An object that has too much to do is left alone for as long as after so many failures. */
const OVERLOADED = 3
/** How many times as often as others isolates report that have something urgent to say. */
const URGENT = 4

export class Reporter {
  readonly #recorder: Recorder
  readonly #around: ReporterSurroundings
  #sequence = 0
  #held: Held | undefined
  /** Between these there is a watch; past them it was ended with its request. */
  #watchedFromMs = 0
  #watchedUntilMs = 0
  #sentAtMs = 0
  #sendingUntilMs = 0
  #paceMs: number = LIMITS.telemetryPaceMs
  #gapMs: number = LIMITS.telemetryGapMs
  #failures = 0

  constructor(recorder: Recorder, around: ReporterSurroundings) {
    this.#recorder = recorder
    this.#around = around
  }

  /** After each exchange that was counted. */
  counted(nowMs: number, background: Background): void {
    if (!this.#isWatched(nowMs)) {
      const waitMs = this.#waitMs()
      this.#beWatched(waitMs, nowMs)
      background.waitUntil(this.#watch(waitMs, nowMs))
    } else if (this.#failures === 0 && this.#recorder.hasGrown && nowMs - this.#sentAtMs >= this.#earliestMs()) {
      background.waitUntil(this.#send(nowMs))
    }
  }

  /** A shard with many isolates is not overrun by those that count much; that a candidate fails is said sooner. */
  #earliestMs(): number {
    return this.#recorder.isUrgent ? Math.max(LIMITS.telemetryGapMs, this.#gapMs / URGENT) : this.#gapMs
  }

  /** Never rejects. Who is counted from the moment of sending on starts the next watch. */
  async #watch(firstMs: number, startedAtMs: number): Promise<void> {
    for (let waitMs = firstMs; ; ) {
      await this.#around.sleep(waitMs)
      this.#watchedUntilMs = 0
      await this.#send(this.#around.nowMs())
      // What was counted while a report was held has waited long enough.
      if (!this.#held && !this.#isDone()) await this.#send(this.#around.nowMs())
      const nowMs = this.#around.nowMs()
      waitMs = this.#waitMs()
      const isTooLate = nowMs + waitMs + LIMITS.telemetryCallMs > startedAtMs + LIMITS.backgroundMs
      if (this.#isDone() || isTooLate) return
      this.#beWatched(waitMs, nowMs)
    }
  }

  /** Nothing is left to do, or somebody else does it. */
  #isDone(): boolean {
    return (!this.#held && this.#recorder.requests === 0) || this.#isWatched(this.#around.nowMs())
  }

  #isWatched(nowMs: number): boolean {
    return nowMs < this.#watchedUntilMs && nowMs >= this.#watchedFromMs
  }

  /** A pace, or longer after failures; jittered by a quarter. */
  #waitMs(): number {
    const backoffMs = Math.min(LIMITS.telemetryPaceMs * 2 ** this.#failures, LIMITS.telemetryPaceMsMax)
    return Math.max(this.#paceMs, backoffMs) * (0.75 + this.#around.roll() / 2)
  }

  #beWatched(waitMs: number, nowMs: number): void {
    this.#watchedFromMs = nowMs
    this.#watchedUntilMs = nowMs + waitMs + LIMITS.telemetryCallMs
  }

  async #send(nowMs: number): Promise<void> {
    const isSending = nowMs < this.#sendingUntilMs && nowMs >= this.#sentAtMs
    if (isSending) return
    this.#held ??= this.#freeze(nowMs)
    const held = this.#held
    if (!held) return
    const { shard } = this.#around
    if (!shard) {
      this.#held = undefined
      return
    }
    this.#sentAtMs = nowMs
    this.#sendingUntilMs = nowMs + LIMITS.telemetryCallMs
    const reply = await this.#call(shard, held.report)
    // An answer that comes late may find that another call was faster with the same report.
    if (this.#held !== held) return
    this.#sendingUntilMs = 0
    this.#settle(held, reply)
  }

  #freeze(nowMs: number): Held | undefined {
    const { series, tallies, requests, candidate, heads = [] } = this.#recorder.take()
    if (series.length === 0 && tallies.length === 0) return undefined
    this.#analyse(series)
    this.#sequence += 1
    const { isolate } = this.#around
    const snapshotAgeMs = this.#around.snapshotAgeMs()
    const recorded = this.#around.recorded?.() ?? []
    const report = {
      ...{ isolate, sequence: this.#sequence, series: encode(series), tallies, snapshotAgeMs },
      ...(recorded.length > 0 && { recorded }),
      ...(candidate && { candidate: { revision: candidate.revision, series: encode(candidate.series) } }),
      ...(heads.length > 0 && { heads }),
    }
    return { report, requests, sinceMs: nowMs }
  }

  #analyse(series: readonly Series[]): void {
    try {
      this.#around.analyse?.(series)
    } catch (error) {
      this.#around.log(`the analytics dataset took no points: ${error}`)
    }
  }

  /** Undefined when no answer came. */
  async #call(shard: () => ShardObject, report: TelemetryReport): Promise<TelemetryReply | undefined> {
    try {
      const call = shard().report(report)
      const reply = await Promise.race([call, this.#around.sleep(LIMITS.telemetryCallMs)])
      if (!reply) throw new Error("no answer in time")
      return reply
    } catch (error) {
      if (this.#failures === 0) this.#around.log(`telemetry does not answer; counting on: ${error}`)
      const { overloaded = false } = error as { overloaded?: boolean }
      this.#failures = Math.max(this.#failures + 1, overloaded ? OVERLOADED : 0)
      return undefined
    }
  }

  #settle(held: Held, reply: TelemetryReply | undefined): void {
    if (reply?.outcome === "counted") {
      this.#around.heard?.(reply.taps)
      if (this.#failures > 0) this.#around.log(`telemetry answers again after ${this.#failures} failures`)
      this.#failures = 0
      this.#paceMs = Math.min(Math.max(reply.paceMs, LIMITS.telemetryPaceMs), LIMITS.telemetryPaceMsMax)
      this.#gapMs = Math.min(Math.max(reply.gapMs ?? 0, LIMITS.telemetryGapMs), LIMITS.telemetryPaceMsMax)
      this.#held = undefined
      return
    }
    if (reply) this.#around.log(`telemetry refused a report: ${reply.reason}`)
    // A report that fails where others do not must not keep them back for ever.
    if (!reply && this.#around.nowMs() - held.sinceMs < LIMITS.telemetryHeldMs) return
    this.#held = undefined
    if (held.requests > 0) this.#recorder.tally("lost_requests", "", held.requests)
  }
}
