/**
 * What an isolate tells of the exchanges that it served. Numbers of all of them are counted (recorder.ts) and reported in batches
 * (reporter.ts); whoever wants to know more of each one is a `Listener` and gets its access record. With nowhere to report to, and
 * without a listener, an exchange costs nothing here.
 */
import type { Entrance } from "#shared/exchange/decide.ts"
import type { Refusal } from "#shared/model/refusal.ts"
import type { TallyName } from "#shared/model/telemetry.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import type { Background } from "./mesh.ts"
import { type Answered, type Asked, type Counted, Recorder } from "./recorder.ts"
import { Reporter, type ReporterSurroundings } from "./reporter.ts"
import type { Tracer } from "./tracer.ts"

/** Gets each exchange's record right after its answer was decided; what takes longer is the background's. */
export type Listener = (record: AccessRecord, background: Background) => void

export class Telemetry {
  /** Absent: nothing is recorded, whatever anybody asks for. */
  readonly tracer: Tracer | undefined
  /** Looked at before a record is made: with none there is none. */
  readonly listeners: readonly Listener[]
  readonly #recorder: Recorder | undefined
  readonly #reporter: Reporter | undefined

  constructor(around: ReporterSurroundings, listeners: readonly Listener[], tracer?: Tracer) {
    this.listeners = listeners
    this.tracer = tracer
    this.#recorder = around.shard || around.analyse ? new Recorder() : undefined
    this.#reporter = this.#recorder && new Reporter(this.#recorder, around)
  }

  count(
    exchange: Counted,
    protocol: AccessRecord["protocol"],
    asked: Asked,
    answer: Answered | Refusal,
    nowMs: number,
    background: Background,
  ): void {
    if (!this.#recorder) return
    this.#recorder.count(exchange, protocol, asked, answer, nowMs)
    this.#reporter?.counted(nowMs, background)
  }

  /** An exchange that a bug of the mesh ended before it could be recorded. */
  failed(entrance: Entrance, nowMs: number, background: Background): void {
    this.#recorder?.countFailed(entrance)
    this.#reporter?.counted(nowMs, background)
  }

  /** What is rare and no exchange. It is reported with the next exchanges. */
  tally(name: TallyName, label?: string, count?: number): void {
    this.#recorder?.tally(name, label, count)
  }
}
