/**
 * Which exchanges are recorded, and where records go: to the collector (exporter.ts), and as far as there is room to the shard of telemetry.
 *
 *   at the first hop   by the share of its rule, else of the mesh, by the dice; `weft-debug` always
 *   at later hops      as the trace's flag says, which the hop before has set
 *   at every hop       when the answer is 5xx, a few each second, whoever decided what
 *
 * Nobody outside decides: what the public says of sampling counts only where the operator trusts it.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { type Endpoint, placeOf } from "#shared/model/service.ts"
import type { TallyName } from "#shared/model/telemetry.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import { Journal } from "#shared/telemetry/journal.ts"
import { Quota } from "#shared/telemetry/quota.ts"
import { isFailure, type RecordedExchange, recorded } from "#shared/telemetry/recorded.ts"
import { isSampled, sampled, unsampled } from "#shared/telemetry/trace-context.ts"
import type { Exchange } from "./exchange.ts"
import type { Background, Mesh } from "./mesh.ts"

export interface TraceSettings {
  /** Of the traces that begin where no rule says otherwise, 0 to 100. Undefined: only rules begin any. */
  readonly percent: number | undefined
  /** A public sender's sampled flag is followed. */
  readonly trustsPublic: boolean
}

/** Takes what was recorded, right after the answer. */
export type RecordedListener = (exchange: RecordedExchange, background: Background) => void

export class Tracer {
  readonly #settings: TraceSettings
  readonly #listeners: readonly RecordedListener[]
  readonly #failures = new Quota()
  readonly #tally: (name: TallyName) => void

  constructor(settings: TraceSettings, listeners: readonly RecordedListener[], tally: (name: TallyName) => void) {
    this.#settings = settings
    this.#listeners = listeners
    this.#tally = tally
  }

  /** Once the rule is known, and before anything is sent. */
  decide(exchange: Exchange, isDebugged: boolean, mesh: Pick<Mesh, "roll">): void {
    const { percent, trustsPublic } = this.#settings
    if (percent === undefined && !isDebugged && !exchange.routes?.isTraced) return
    const { trace, entrance, matched } = exchange
    const isFollowed = trace.parentId !== undefined && (entrance.at === "service" || trustsPublic)
    const share = matched?.rule.tracing?.percent ?? percent ?? 0
    const isWanted = isFollowed ? isSampled(trace) : share > 0 && mesh.roll() * 100 < share
    if (isWanted || isDebugged) {
      exchange.journal = new Journal()
      if (!isSampled(trace)) exchange.trace = { ...trace, flags: sampled(trace.flags) }
    } else if (!isFollowed && isSampled(trace)) exchange.trace = { ...trace, flags: unsampled(trace.flags) }
  }

  /** Whether an exchange is recorded that ended so. */
  wants({ journal, trace, entrance, routes }: Exchange, status: number, nowMs: number): boolean {
    if (journal) return true
    if (isFailure({ status })) return this.#mayRecordFailure(nowMs)
    // It ended before its rule was known.
    return (
      entrance.at === "service" &&
      isSampled(trace) &&
      (this.#settings.percent !== undefined || routes?.isTraced === true)
    )
  }

  finish(exchange: Exchange, record: AccessRecord, mesh: Mesh): void {
    const { entrance, matched, journal } = exchange
    const gateway = entrance.at === "gateway" ? entrance.gateway : undefined
    const pattern = matched?.match.path && matched.match.path.kind !== "regex" ? matched.match.path.value : undefined
    const finished = recorded(record, { gateway, colo: mesh.colo, pattern }, journal)
    for (const listener of this.#listeners) listener(finished, mesh)
  }

  #mayRecordFailure(nowMs: number): boolean {
    const may = this.#failures.take(LIMITS.failuresRecordedPerSecond, nowMs)
    if (!may) this.#tally("failures_unrecorded")
    return may
  }
}

/** An attempt begins: what the upstream is told as its parent. */
export function attemptBegun(
  journal: Journal,
  { backend }: Pick<Exchange, "backend">,
  endpoint: Endpoint,
  mesh: Pick<Mesh, "randomHex" | "nowMs">,
) {
  const { service, subset } = backend!
  const spanId = mesh.randomHex(16)
  const startedAtMs = mesh.nowMs()
  return journal.begin({
    spanId,
    startedAtMs,
    to: service,
    ...(subset !== undefined && { subset }),
    endpoint: placeOf(endpoint),
  })
}
