/** One attempt: the guards of the cluster are asked, the request is sent within its time, and the guards are told. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Timeouts } from "#shared/model/policy.ts"
import { isRefusal, type Refusal, type RefusalName, refuse } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import type { Journal } from "#shared/telemetry/journal.ts"
import { formatTraceparent } from "#shared/telemetry/trace-context.ts"
import type { Exchange } from "./exchange.ts"
import { type AttemptOutcome, ticketFor } from "./guard.ts"
import type { Entry } from "./ledger.ts"
import type { Destination, Mesh } from "./mesh.ts"
import { reach } from "./reach.ts"
import { type Outgoing, send } from "./send.ts"
import { withIdleLimit } from "./stream.ts"
import { attemptBegun } from "./tracer.ts"

/** What the attempts of one request have in common. */
export interface Attempting {
  readonly exchange: Exchange
  readonly outgoing: Outgoing
  readonly entry: Entry
  readonly timeouts: Timeouts | undefined
  readonly mesh: Mesh
}

/** `abandoned` ends the attempt when another one has won. */
export function attempt(
  attempting: Attempting,
  endpoint: Endpoint | undefined,
  abandoned?: AbortSignal,
): Promise<Response | Refusal> | Refusal {
  const { exchange, mesh } = attempting
  const destination = endpoint && reach(endpoint, exchange.entrance, mesh)
  if (!destination) return refuse("no_healthy_endpoint", endpoint ? "the proxy has no way to the service" : undefined)
  if (exchange.journal) return journaled(exchange.journal, attempting, endpoint, destination, abandoned)
  return unjournaled(attempting, endpoint, destination, abandoned)
}

function unjournaled(
  attempting: Attempting,
  endpoint: Endpoint,
  destination: Destination,
  abandoned: AbortSignal | undefined,
): Promise<Response | Refusal> | Refusal {
  if (attempting.entry.isGuarded) return guarded(attempting, endpoint, destination, abandoned)
  attempting.exchange.attempts += 1
  return sendWithin(limitOf(attempting), attempting, endpoint, destination, abandoned)
}

/** The attempt has a span of its own, which the upstream is told as its parent. */
async function journaled(
  journal: Journal,
  attempting: Attempting,
  endpoint: Endpoint,
  destination: Destination,
  abandoned: AbortSignal | undefined,
): Promise<Response | Refusal> {
  const { exchange, outgoing, mesh } = attempting
  const before = exchange.attempts
  const span = attemptBegun(journal, exchange, endpoint, mesh)
  outgoing.request.headers.set(HEADER.traceparent, formatTraceparent({ ...exchange.trace, spanId: span.spanId }))
  const running = unjournaled(attempting, endpoint, destination, abandoned)
  // Guards answer at once. Later, what runs beside it may have been sent.
  const wasSent = exchange.attempts > before
  const answer = await running
  const nowMs = mesh.nowMs()
  if (!isRefusal(answer)) span.status = answer.status
  else if (!wasSent) journal.heldBack(span, answer.refusal, nowMs)
  else span.refusal = answer.refusal
  span.endedAtMs = nowMs
  return answer
}

async function guarded(
  attempting: Attempting,
  endpoint: Endpoint,
  destination: Destination,
  abandoned: AbortSignal | undefined,
): Promise<Response | Refusal> {
  const { exchange, entry, mesh } = attempting
  // What is never sent says nothing about the upstream, and a caller without patience must not open its breaker for all.
  if (limitOf(attempting) <= 0) return refuse("deadline_exceeded")
  const startedAtMs = mesh.nowMs()
  const ticket = ticketFor(endpoint, exchange.priority, mesh, attempting.outgoing.request)
  const refused = entry.admit(startedAtMs, mesh.roll(), ticket)
  if (refused) return refused
  exchange.attempts += 1
  let settled = false
  const settle = (kind: AttemptOutcome["kind"], status: number) => {
    if (settled) return
    settled = true
    const nowMs = mesh.nowMs()
    entry.settle({ kind, status, durationMs: nowMs - startedAtMs, endpoint }, nowMs, ticket)
  }
  // When the caller goes away, the runtime ends this work where it stands; only the signal tells in time, for its price.
  if (entry.mustHearAtOnce || ticket.probe) {
    attempting.outgoing.request.signal.addEventListener("abort", () => settle("unknown", 0))
  }
  try {
    const probeMs = ticket.probe ? ticket.probe.untilMs - startedAtMs : Number.POSITIVE_INFINITY
    const limitMs = Math.min(limitOf(attempting), probeMs)
    ticket.endsAtMs = startedAtMs + limitMs + LIMITS.attemptBeatMs
    const answer = await sendWithin(limitMs, attempting, endpoint, destination, abandoned)
    settle(kindOf(answer, attempting, limitMs, abandoned), isRefusal(answer) ? 0 : answer.status)
    return answer
  } finally {
    settle("unknown", 0)
  }
}

/** The caller's doing, or the mesh's own: nothing of it is the upstream's. */
const SAYS_NOTHING: ReadonlySet<RefusalName> = new Set(["body_too_large", "bad_request", "identity_unavailable"])

/** What is too large is the caller's doing, and what lost to another attempt says nothing. */
function kindOf(
  answer: Response | Refusal,
  { exchange, outgoing, entry, timeouts }: Attempting,
  limitMs: number,
  abandoned: AbortSignal | undefined,
): AttemptOutcome["kind"] {
  if (!isRefusal(answer)) return "answered"
  if (SAYS_NOTHING.has(answer.refusal) || abandoned?.aborted) return "unknown"
  // Whoever sends a body slowly enough ends any attempt by its timeout: the public must not open breakers with that.
  const isStreamed = outgoing.body === undefined && outgoing.request.body !== null
  const ranOut = answer.refusal === "upstream_timeout" || answer.refusal === "deadline_exceeded"
  if (!ranOut) return "unanswered"
  const isSendersDoing = isStreamed && exchange.entrance.at === "gateway"
  return isSendersDoing || !entry.hadFairTime(limitMs, timeouts) ? "unknown" : "unanswered"
}

function limitOf({ exchange, timeouts, mesh }: Attempting): number {
  if (exchange.deadlineAtMs === Number.POSITIVE_INFINITY) return timeouts?.attemptMs ?? Number.POSITIVE_INFINITY
  return Math.min(exchange.deadlineAtMs - mesh.nowMs(), timeouts?.attemptMs ?? Number.POSITIVE_INFINITY)
}

/** Runs until the response's head has come or the time is over; a body that streams on is cut only by silence. */
function sendWithin(
  limitMs: number,
  attempting: Attempting,
  endpoint: Endpoint,
  destination: Destination,
  abandoned: AbortSignal | undefined,
): Promise<Response | Refusal> | Refusal {
  const { outgoing, timeouts } = attempting
  if (limitMs <= 0) return refuse("deadline_exceeded")
  const isTimed = limitMs !== Number.POSITIVE_INFINITY
  if (isTimed) outgoing.request.headers.set(HEADER.deadlineMs, String(Math.max(1, Math.floor(limitMs))))
  const onTimeout = isTimed ? endOf(attempting, limitMs) : undefined
  const timed = (run: Promise<Response | Refusal>, controller?: AbortController) =>
    onTimeout ? within(limitMs, onTimeout, run, controller) : run
  if (mustAbort(attempting, onTimeout, abandoned)) {
    return abortably(endpoint, destination, outgoing, timeouts?.idleMs, abandoned, timed)
  }
  return timed(send(destination, endpoint, outgoing))
}

/** Whose time is over when the attempt's is: its own, or that of the whole request. */
function endOf({ exchange, mesh }: Attempting, limitMs: number): RefusalName {
  return limitMs < exchange.deadlineAtMs - mesh.nowMs() ? "upstream_timeout" : "deadline_exceeded"
}

/**
 * Whether an attempt has to be ended by itself. One that is the request's last, or has all of its time, ends with it: the runtime
 * cancels what a request leaves behind, and an AbortController costs as much as all else that is decided.
 */
function mustAbort(
  { exchange, timeouts }: Attempting,
  onTimeout: RefusalName | undefined,
  abandoned: AbortSignal | undefined,
): boolean {
  const attempts = exchange.matched?.rule.retry?.attempts ?? 0
  const mayBeFollowed = onTimeout === "upstream_timeout" && exchange.attempts <= attempts
  return mayBeFollowed || abandoned !== undefined || timeouts?.idleMs !== undefined
}

async function abortably(
  endpoint: Endpoint,
  destination: Destination,
  outgoing: Outgoing,
  idleMs: number | undefined,
  abandoned: AbortSignal | undefined,
  timed: (run: Promise<Response | Refusal>, controller: AbortController) => Promise<Response | Refusal>,
): Promise<Response | Refusal> {
  const controller = new AbortController()
  abandoned?.addEventListener("abort", () => controller.abort())
  const answer = await timed(send(destination, endpoint, outgoing, controller.signal), controller)
  return isRefusal(answer) || idleMs === undefined ? answer : withIdleLimit(answer, idleMs, () => controller.abort())
}

async function within(
  limitMs: number,
  onTimeout: RefusalName,
  run: Promise<Response | Refusal>,
  controller?: AbortController,
): Promise<Response | Refusal> {
  let timer: ReturnType<typeof setTimeout> | null = null
  const expired = new Promise<Refusal>((resolve) => {
    timer = setTimeout(() => {
      resolve(refuse(onTimeout))
      controller?.abort()
    }, limitMs)
  })
  const answer = await Promise.race([run, expired])
  clearTimeout(timer)
  return answer
}
