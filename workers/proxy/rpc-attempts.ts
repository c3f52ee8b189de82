/**
 * The attempts of one RPC call. Nothing tells whether a method may act twice, so that only a rule that says `unsafe` repeats
 * calls, and only when the platform failed: what a callee throws is its answer, for retries and for guards alike.
 */
import { endpointsIn } from "#shared/exchange/decide.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { RetryPolicy } from "#shared/model/policy.ts"
import { type Refusal, type RefusalName, refuse } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import { isErrorRetried, isPlatformFailure, isRetried, waitAfterErrorMs, waitWithin } from "#shared/resilience/retry.ts"
import { authorizeCall } from "./authorize.ts"
import type { Exchange } from "./exchange.ts"
import { type AttemptOutcome, type Ticket, ticketFor } from "./guard.ts"
import type { Entry } from "./ledger.ts"
import type { Mesh } from "./mesh.ts"
import { attemptBegun } from "./tracer.ts"

/** A stub of a service: every name is there, callable and awaitable, with names of its own. */
export interface Stub {
  (...args: unknown[]): Promise<unknown>
  [name: string]: Stub
}

/** In an object of its own: every name is "in" a stub, also `refusal` and `then`. */
export type RpcAnswer =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "refusal"; readonly refusal: Refusal }

/** What a callee may want to know of its attempt. */
export interface Within {
  readonly limitMs: number
  /** This hop repeats the call if it must. */
  readonly repeated: boolean
  /** The attempt's own span; undefined where nobody records it. */
  readonly spanId: string | undefined
}

type Run = (stub: Stub, within: Within) => Promise<unknown>

export function call(
  exchange: Exchange,
  endpoints: readonly Endpoint[],
  method: string,
  run: Run,
  isReplayable: boolean,
  mesh: Mesh,
): Promise<RpcAnswer> {
  const entry = mesh.ledger.entry(exchange.routes!, exchange.backend!)
  const first = attempts(exchange, endpoints, entry, run, isReplayable, mesh)
  const { fallback } = entry
  if (fallback?.kind !== "service") return first
  return first.then(async (answer) => {
    if (answer.kind !== "refusal" || answer.refusal.refusal !== "circuit_open") return answer
    const { backend } = fallback
    const barred = exchange.routes?.access && (await authorizeCall(exchange, backend.service, method, mesh))
    if (barred) return answer
    exchange.fallback = "service"
    exchange.backend = { ...backend, weight: 1, filters: [] }
    const others = endpointsIn(exchange.routes?.services, backend)
    return attempts(exchange, others, mesh.ledger.entry(exchange.routes!, backend), run, isReplayable, mesh)
  })
}

function attempts(
  exchange: Exchange,
  endpoints: readonly Endpoint[],
  entry: Entry,
  run: Run,
  isReplayable: boolean,
  mesh: Mesh,
): Promise<RpcAnswer> {
  const callable = endpoints.filter((endpoint) => endpoint.kind !== "url")
  const policy = exchange.matched?.rule.retry
  const retry = policy?.unsafe && isReplayable && (!exchange.nested || policy.nested) ? policy : undefined
  if (retry) return attemptsWithRetries(exchange, callable, entry, run, retry, mesh)
  return attempt(exchange, entry.select(callable, NONE, exchange.hashKey, mesh), entry, run, false, mesh)
}

async function attemptsWithRetries(
  exchange: Exchange,
  callable: readonly Endpoint[],
  entry: Entry,
  run: Run,
  retry: RetryPolicy,
  mesh: Mesh,
): Promise<RpcAnswer> {
  entry.began(mesh.nowMs())
  const tried: Endpoint[] = []
  for (;;) {
    const endpoint = entry.select(callable, tried, exchange.hashKey, mesh)
    if (endpoint) tried.push(endpoint)
    const answer = await attempt(exchange, endpoint, entry, run, true, mesh)
    if (exchange.attempts > retry.attempts) return answer
    const failed = answer.kind === "error" && isErrorRetried(retry, answer.error)
    if (!failed && !(answer.kind === "refusal" && isRetried(retry, answer.refusal))) return answer
    const wait = waitAfterErrorMs(retry, exchange.attempts, failed ? answer.error : undefined, mesh.roll())
    const remainingMs = exchange.deadlineAtMs - mesh.nowMs()
    if (wait.asked > Math.min(remainingMs, LIMITS.retryAfterMsMax)) return answer
    const waitMs = waitWithin(wait, remainingMs)
    if (waitMs === undefined) return refusal("deadline_exceeded")
    if (!entry.mayRetry(mesh.nowMs())) {
      exchange.budgetExhausted = true
      return answer
    }
    exchange.journal?.decided("retry", mesh.nowMs(), { wait_ms: Math.round(waitMs), attempt: exchange.attempts })
    await mesh.sleep(waitMs)
  }
}

async function attempt(
  exchange: Exchange,
  endpoint: Endpoint | undefined,
  entry: Entry,
  run: Run,
  repeated: boolean,
  mesh: Mesh,
): Promise<RpcAnswer> {
  const destination = endpoint && mesh.destination(endpoint)
  if (!destination) {
    return { kind: "refusal", refusal: refuse("no_healthy_endpoint", "the service has no binding that takes RPC") }
  }
  const startedAtMs = mesh.nowMs()
  const overallMs = exchange.deadlineAtMs - startedAtMs
  // What is never sent says nothing about the upstream.
  if (overallMs <= 0) return refusal("deadline_exceeded")
  const ticket = ticketFor(endpoint, exchange.priority, mesh)
  const refused = entry.isGuarded ? entry.admit(startedAtMs, mesh.roll(), ticket) : undefined
  if (refused) return { kind: "refusal", refusal: refused }
  exchange.attempts += 1
  const span = exchange.journal && attemptBegun(exchange.journal, exchange, endpoint, mesh)
  const attemptMs = exchange.matched?.rule.timeouts.attemptMs ?? Number.POSITIVE_INFINITY
  const limitMs = Math.min(
    overallMs,
    attemptMs,
    ticket.probe ? ticket.probe.untilMs - startedAtMs : Number.POSITIVE_INFINITY,
  )
  const heart = entry.holdsPlaces ? beat(ticket, mesh) : undefined
  const answer = await within(limitMs, limitMs < overallMs ? "upstream_timeout" : "deadline_exceeded", () =>
    run(destination as unknown as Stub, { limitMs, repeated, spanId: span?.spanId }),
  )
  if (span) {
    span.endedAtMs = mesh.nowMs()
    if (answer.kind === "refusal") span.refusal = answer.refusal.refusal
    else span.status = answer.kind === "value" ? 200 : 500
  }
  if (heart !== undefined) clearInterval(heart)
  if (entry.isGuarded) {
    const nowMs = mesh.nowMs()
    const isFair = answer.kind !== "refusal" || entry.hadFairTime(limitMs, exchange.matched?.rule.timeouts)
    entry.settle(outcomeOf(answer, nowMs - startedAtMs, endpoint, isFair), nowMs, ticket)
  }
  return answer
}

/**
 * Nothing tells that an RPC caller went away: the runtime stops the call where it stands, with its timers. What still beats is still
 * there; the place of what does not is free again after a while.
 */
function beat(ticket: Ticket, mesh: Mesh): ReturnType<typeof setInterval> {
  const live = () => {
    ticket.endsAtMs = mesh.nowMs() + LIMITS.attemptSilenceMs
  }
  live()
  return setInterval(live, LIMITS.attemptBeatMs)
}

function outcomeOf(answer: RpcAnswer, durationMs: number, endpoint: Endpoint, isFair: boolean): AttemptOutcome {
  if (answer.kind === "refusal") return { kind: isFair ? "unanswered" : "unknown", status: 0, durationMs, endpoint }
  const broke = answer.kind === "error" && isPlatformFailure(answer.error)
  return broke
    ? { kind: "unanswered", status: 0, durationMs, endpoint }
    : { kind: "answered", status: 200, durationMs, endpoint }
}

/** RPC has no cancellation of its own: past the time the caller is told, and the callee goes on until this call's end ends it too. */
function within(limitMs: number, onTimeout: RefusalName, run: () => Promise<unknown>): Promise<RpcAnswer> {
  return limitMs === Number.POSITIVE_INFINITY ? settled(run) : raced(limitMs, onTimeout, run)
}

async function raced(limitMs: number, onTimeout: RefusalName, run: () => Promise<unknown>): Promise<RpcAnswer> {
  let timer: ReturnType<typeof setTimeout> | null = null
  const expired = new Promise<RpcAnswer>((resolve) => {
    timer = setTimeout(() => resolve(refusal(onTimeout)), limitMs)
  })
  const answer = await Promise.race([settled(run), expired])
  clearTimeout(timer)
  return answer
}

async function settled(run: () => Promise<unknown>): Promise<RpcAnswer> {
  try {
    return { kind: "value", value: await run() }
  } catch (error) {
    return { kind: "error", error }
  }
}

function refusal(name: RefusalName): RpcAnswer {
  return { kind: "refusal", refusal: refuse(name) }
}

const NONE: readonly Endpoint[] = []
