/** Stages `select`, `send` and `judge`: the attempts of one request. */
import { endpointsIn } from "#shared/exchange/decide.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { RetryPolicy } from "#shared/model/policy.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { isRetried, mayRepeat, waitBeforeRetryMs, waitWithin } from "#shared/resilience/retry.ts"
import { directAnswer } from "#shared/routing/filters.ts"
import { type Attempting, attempt } from "./attempt.ts"
import { authorizeAtService } from "./authorize.ts"
import { declaredBytes, keepBody, mayHaveNewBody } from "./body.ts"
import type { Exchange } from "./exchange.ts"
import { toResponse } from "./filter.ts"
import { hedged } from "./hedge.ts"
import type { Entry } from "./ledger.ts"
import type { Mesh } from "./mesh.ts"
import type { Outgoing } from "./send.ts"

/** Sends the request to one of the endpoints and, as far as the rule allows, again. */
export function forward(
  exchange: Exchange,
  outgoing: Outgoing,
  endpoints: readonly Endpoint[],
  mesh: Mesh,
): Promise<Response | Refusal> | Refusal {
  const entry = mesh.ledger.entry(exchange.routes!, exchange.backend!)
  if (entry.fallback || entry.stale) return forwardOrFallBack(exchange, outgoing, endpoints, entry, mesh)
  return forwardTo(exchange, outgoing, endpoints, entry, mesh)
}

async function forwardOrFallBack(
  exchange: Exchange,
  outgoing: Outgoing,
  endpoints: readonly Endpoint[],
  entry: Entry,
  mesh: Mesh,
): Promise<Response | Refusal> {
  const { fallback } = entry
  // What somebody got who said who he is, is his.
  const stale = exchange.principals.user || exchange.principals.key ? undefined : entry.stale
  const answer = await forwardTo(exchange, outgoing, endpoints, entry, mesh)
  if (!isRefusal(answer)) return stale?.keep(outgoing.request, answer, mesh) ?? answer
  if (answer.refusal !== "circuit_open") return answer
  const kept = stale?.find(outgoing.request, mesh.nowMs())
  if (kept) {
    exchange.fallback = "stale"
    return kept
  }
  if (!fallback) return answer
  if (fallback.kind === "respond") {
    exchange.fallback = "respond"
    return toResponse(directAnswer(fallback.respond))
  }
  const others = endpointsIn(exchange.routes?.services, fallback.backend)
  if (others.length === 0) return answer
  const { access } = exchange.routes!
  const judged = access ? await authorizeAtService(exchange, fallback.backend.service, outgoing, mesh) : outgoing
  // Who may not use the stand-in has none.
  if (isRefusal(judged)) return answer
  exchange.fallback = "service"
  exchange.backend = { ...fallback.backend, weight: 1, filters: exchange.backend?.filters ?? [] }
  // What stands in has its own guards, and no stand-in of its own: two that stand in for each other must not go round.
  return forwardTo(exchange, judged, others, mesh.ledger.entry(exchange.routes!, fallback.backend), mesh)
}

function forwardTo(
  exchange: Exchange,
  outgoing: Outgoing,
  endpoints: readonly Endpoint[],
  entry: Entry,
  mesh: Mesh,
): Promise<Response | Refusal> | Refusal {
  const rule = exchange.matched?.rule
  const attempting: Attempting = { exchange, outgoing, entry, timeouts: rule?.timeouts, mesh }
  const retry = rule?.retry
  if (retry && (!exchange.nested || retry.nested)) return forwardWithRetries(attempting, endpoints, retry)
  return attempt(attempting, entry.select(endpoints, NONE, exchange.hashKey, mesh))
}

async function forwardWithRetries(
  attempting: Attempting,
  endpoints: readonly Endpoint[],
  retry: RetryPolicy,
): Promise<Response | Refusal> {
  const { exchange, outgoing, entry, mesh } = attempting
  const repeatable = await makeRepeatable(outgoing, retry, exchange.deadlineAtMs - mesh.nowMs())
  if (typeof repeatable === "object") return repeatable
  entry.began(mesh.nowMs())
  const tried: Endpoint[] = []
  const next = (abandoned?: AbortSignal) => {
    const endpoint = entry.select(endpoints, tried, exchange.hashKey, mesh)
    if (endpoint) tried.push(endpoint)
    if (repeatable) outgoing.request.headers.set(HEADER.attempt, String(exchange.attempts + 1))
    return attempt(attempting, endpoint, abandoned)
  }
  for (;;) {
    const { hedge } = retry
    const answer = await (hedge && repeatable ? hedged(next, retry, hedge, entry, mesh) : next())
    if (!repeatable || exchange.attempts > retry.attempts || !isRetried(retry, answer)) return answer
    const wait = waitBeforeRetryMs(retry, exchange.attempts, answer, mesh.nowMs(), mesh.roll())
    // The upstream asks for more patience than there is time: its answer is the truest that the caller can get.
    const remainingMs = exchange.deadlineAtMs - mesh.nowMs()
    if (wait.asked > Math.min(remainingMs, LIMITS.retryAfterMsMax)) return answer
    const waitMs = waitWithin(wait, remainingMs)
    if (waitMs !== undefined && !entry.mayRetry(mesh.nowMs())) return exhausted(exchange, answer)
    if (!isRefusal(answer)) await answer.body?.cancel()
    // No time is left for the try that the route asks for: that is a timeout, at once (Gateway API).
    if (waitMs === undefined) return refuse("deadline_exceeded")
    exchange.journal?.decided("retry", mesh.nowMs(), {
      ...{ wait_ms: Math.round(waitMs), attempt: exchange.attempts },
      because: isRefusal(answer) ? answer.refusal : answer.status,
    })
    await mesh.sleep(waitMs)
  }
}

/** The answer at hand stands; that the budget kept it from being retried is counted. */
function exhausted(exchange: Exchange, answer: Response | Refusal): Response | Refusal {
  exchange.budgetExhausted = true
  return answer
}

/**
 * Whether the request can be sent more than once. A body is kept for that if its length is declared and small; any other
 * body streams through once, untouched.
 */
async function makeRepeatable(outgoing: Outgoing, retry: RetryPolicy, remainingMs: number): Promise<boolean | Refusal> {
  const { request } = outgoing
  const { method } = request
  if (!mayRepeat(retry, method, false) && !mayRepeat(retry, method, request.headers.has("idempotency-key")))
    return false
  if (request.body === null || outgoing.body !== undefined) return true
  const declared = declaredBytes(request) ?? Number.POSITIVE_INFINITY
  if (declared > LIMITS.replayBodyBytesMax || !mayHaveNewBody(method)) return false
  const kept = await keepBody(request.body, declared, remainingMs)
  if ("refusal" in kept) return kept
  outgoing.body = kept
  return true
}

const NONE: readonly Endpoint[] = []
