/**
 * What an isolate tells of the exchanges that it served. Numbers of all of them are counted (recorder.ts) and reported in batches
 * (reporter.ts). What needs more of one than numbers, the access log, traces and taps, gets its access record, which is made only then. With
 * nowhere to report to, and nobody to tell, an exchange costs nothing here.
 */
import type { Entrance } from "#shared/exchange/decide.ts"
import type { Refusal } from "#shared/model/refusal.ts"
import type { TallyName } from "#shared/model/telemetry.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import type { AccessLog } from "./access-log.ts"
import type { Background } from "./mesh.ts"
import { type Answered, type Asked, type Counted, Recorder } from "./recorder.ts"
import { Reporter, type ReporterSurroundings } from "./reporter.ts"
import { Sampler } from "./sampler.ts"
import type { Tapper } from "./tapper.ts"
import type { Tracer } from "./tracer.ts"

export class Telemetry {
  /** Absent: nothing is recorded, whatever anybody asks for. */
  readonly tracer: Tracer | undefined
  /** Absent: nobody can tap. */
  readonly tapper: Tapper | undefined
  readonly log: AccessLog
  readonly #recorder: Recorder | undefined
  readonly #reporter: Reporter | undefined

  constructor(around: ReporterSurroundings, log: AccessLog, tracer?: Tracer, tapper?: Tapper) {
    this.log = log
    this.tracer = tracer
    this.tapper = tapper
    this.#recorder =
      around.shard || around.analyse ? new Recorder(around.samples ? new Sampler(around.roll) : undefined) : undefined
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
