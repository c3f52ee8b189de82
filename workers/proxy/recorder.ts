/**
 * What an isolate counts of each exchange, once, from what was decided. Counting allocates nothing and waits for nothing; the reporter
 * takes the counts from here.
 */
import type { Entrance } from "#shared/exchange/decide.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Principals } from "#shared/model/principal.ts"
import { isRefusal, REFUSALS, type Refusal } from "#shared/model/refusal.ts"
import type { Backend } from "#shared/model/route.ts"
import type { SampledHead } from "#shared/model/sample.ts"
import type { Tally, TallyName } from "#shared/model/telemetry.ts"
import type { Matched } from "#shared/routing/table.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import { MethodNames } from "#shared/telemetry/method-names.ts"
import { OTHER, PUBLIC, type Series } from "#shared/telemetry/series.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"
import { isSampled, type TraceContext } from "#shared/telemetry/trace-context.ts"
import type { AccessNotes } from "./access-notes.ts"
import type { LimitVerdict } from "./limiter.ts"
import type { Routes } from "./mesh.ts"
import type { Sampler } from "./sampler.ts"

/** What was counted since the last time. */
export interface Counts {
  readonly series: readonly Series[]
  readonly tallies: readonly Tally[]
  readonly requests: number
  /** Of requests by a candidate, which are in `series` too. */
  readonly candidate?: { readonly revision: number; readonly series: readonly Series[] }
  /** Heads of some of the requests. */
  readonly heads?: readonly SampledHead[]
}

/** What was asked: a request, or the method of an RPC call, which has no headers. */
export interface Asked {
  readonly method: string
  readonly url?: string
  readonly headers?: Pick<Headers, "get">
}

/** A response; of RPC 200, or 500 when the call threw. */
export interface Answered {
  readonly status: number
  readonly headers?: Pick<Headers, "get">
}

/** What is counted of an `Exchange`. */
export interface Counted {
  readonly entrance: Entrance
  readonly startedAtMs: number
  readonly trace: TraceContext
  readonly matched: Matched | undefined
  readonly backend: Backend | undefined
  readonly attempts: number
  readonly budgetExhausted: boolean
  readonly limited: LimitVerdict | undefined
  readonly access: AccessNotes | undefined
  readonly principals: Principals
  readonly routes: Pick<Routes, "revision" | "isCandidate" | "written"> | undefined
}

export class Recorder {
  readonly #table = new SeriesTable()
  readonly #methods = new MethodNames()
  #tallies = new Map<string, Tally>()
  readonly #sampler: Sampler | undefined
  /** A candidate answers badly: whoever watches it had better know. */
  #isUrgent = false
  #candidate: { readonly revision: number; readonly table: SeriesTable } | undefined

  /** Without a sampler no heads are kept. */
  constructor(sampler?: Sampler) {
    this.#sampler = sampler
  }

  count(
    exchange: Counted,
    protocol: AccessRecord["protocol"],
    asked: Asked,
    answer: Answered | Refusal,
    nowMs: number,
  ): void {
    const { entrance, matched, backend, trace, attempts, limited, access } = exchange
    const isService = entrance.at === "service"
    const from = isService ? entrance.peer.from : PUBLIC
    const to = backend?.service ?? (isService ? entrance.peer.to : undefined) ?? ""
    const refusal = isRefusal(answer) ? answer.refusal : ""
    const status = isRefusal(answer) ? (answer.status ?? REFUSALS[answer.refusal].status) : answer.status
    const name = protocol === "rpc" ? this.#methods.nameFor(to, asked.method, status < 500, matched?.rule) : ""
    const row = this.#table.row(from, to, backend?.subset ?? "", matched?.rule.id ?? "", name, status, refusal)
    const durationMs = nowMs - exchange.startedAtMs
    const requestBytes = isBodiless(asked.method) ? 0 : declaredBytes(asked.headers)
    const responseBytes = refusal !== "" || asked.method === "HEAD" ? 0 : declaredBytes((answer as Answered).headers)
    this.#table.count(row, durationMs, attempts, exchange.budgetExhausted, requestBytes, responseBytes)
    if (exchange.routes?.isCandidate) {
      const table = this.#candidateTable(exchange.routes.revision)
      const candidateRow = table.row("", to, "", matched?.rule.id ?? "", "", status, refusal)
      table.count(candidateRow, durationMs, attempts, false, 0, 0)
      if (status >= 500 || refusal !== "") this.#isUrgent = true
    }
    this.#table.exemplify(row, trace.traceId, isSampled(trace), durationMs, nowMs)
    this.#sampler?.pass(exchange, protocol === "rpc", asked)
    if (limited) this.#tallyLimits(limited)
    if (access) this.#tallyAccess(access)
  }

  #candidateTable(revision: number): SeriesTable {
    // Of a candidate before this one nobody asks any more.
    if (this.#candidate?.revision !== revision) {
      this.#candidate = { revision, table: new SeriesTable(LIMITS.rolloutGroupsMax) }
    }
    return this.#candidate.table
  }

  #tallyLimits({ refusedBy, shadowed }: LimitVerdict): void {
    for (const id of refusedBy) this.tally("rate_limited", id)
    for (const id of shadowed) this.tally("rate_limit_shadowed", id)
  }

  #tallyAccess({ deniedBy, audited, rehearsed, unasked }: AccessNotes): void {
    for (const id of deniedBy.slice(0, LIMITS.policiesTold)) this.tally("access_denied", id)
    for (const id of audited) this.tally("access_audited", id)
    for (const { by } of rehearsed)
      for (const id of by.slice(0, LIMITS.policiesTold)) this.tally("access_rehearsed", id)
    for (const id of unasked) this.tally("access_unasked", id)
  }

  /** What a bug leaves of an exchange: who was asking whom. */
  countFailed(entrance: Entrance): void {
    const peer = entrance.at === "service" ? entrance.peer : undefined
    const row = this.#table.row(peer?.from ?? PUBLIC, peer?.to ?? "", "", "", "", REFUSALS.internal.status, "internal")
    this.#table.count(row, 0, 0, false, 0, 0)
  }

  /** What is rare and no exchange: it may allocate. */
  tally(name: TallyName, label = "", count = 1): void {
    const isFull = this.#tallies.size >= LIMITS.isolateTalliesMax && !this.#tallies.has(`${name} ${label}`)
    const told = isFull && label !== "" ? OTHER : label
    const key = `${name} ${told}`
    this.#tallies.set(key, [name, told, (this.#tallies.get(key)?.[2] ?? 0) + count])
  }

  /** Requests that were counted and not taken yet. */
  get requests(): number {
    return this.#table.requests
  }

  /** Whether they should be taken soon: they are many, or many different ones. */
  get hasGrown(): boolean {
    return this.#table.requests >= LIMITS.telemetryRequests || this.#table.isFilling || this.#isUrgent
  }

  /** Requests by a candidate were answered badly. */
  get isUrgent(): boolean {
    return this.#isUrgent
  }

  take(): Counts {
    const { requests, overflowed } = this.#table
    if (overflowed > 0) this.tally("overflowed_requests", "isolate", overflowed)
    const tallies = [...this.#tallies.values()]
    this.#tallies = new Map()
    const candidate = this.#candidate && { revision: this.#candidate.revision, series: this.#candidate.table.take() }
    this.#candidate = undefined
    this.#isUrgent = false
    const heads = this.#sampler?.take()
    return { series: this.#table.take(), tallies, requests, ...(candidate && { candidate }), ...(heads && { heads }) }
  }
}

/** To look for a header costs more than all else that is counted: not where there can be none. */
function isBodiless(method: string): boolean {
  return method === "GET" || method === "HEAD"
}

/** What a length says that is none, or was not said, is 0. */
function declaredBytes(headers: Pick<Headers, "get"> | undefined): number {
  const declared = Number(headers?.get("content-length") ?? 0)
  return Number.isSafeInteger(declared) && declared > 0 ? declared : 0
}
