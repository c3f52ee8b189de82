/** Stages `select`, `send` and `judge`: the attempts of one request. */
import { pick } from "#shared/balancing/random.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { RetryPolicy, Timeouts } from "#shared/model/policy.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import { backoffMs, isRetried, mayRepeat } from "#shared/resilience/retry.ts"
import type { Exchange } from "./exchange.ts"
import type { Mesh } from "./mesh.ts"
import { type Outgoing, send } from "./send.ts"

/** Sends the request to one of the endpoints and, as far as the rule allows, again. */
export function forward(
  exchange: Exchange,
  outgoing: Outgoing,
  endpoints: readonly Endpoint[],
  mesh: Mesh,
): Promise<Response | Refusal> | Refusal {
  const rule = exchange.matched?.rule
  if (rule?.retry) return forwardWithRetries(exchange, outgoing, endpoints, rule.retry, rule.timeouts, mesh)
  return attempt(exchange, outgoing, pick(endpoints, [], mesh.roll()), rule?.timeouts, mesh)
}

async function forwardWithRetries(
  exchange: Exchange,
  outgoing: Outgoing,
  endpoints: readonly Endpoint[],
  retry: RetryPolicy,
  timeouts: Timeouts,
  mesh: Mesh,
): Promise<Response | Refusal> {
  const repeatable = await makeRepeatable(outgoing, retry)
  const tried: Endpoint[] = []
  for (;;) {
    const endpoint = pick(endpoints, tried, mesh.roll())
    if (endpoint) tried.push(endpoint)
    const answer = await attempt(exchange, outgoing, endpoint, timeouts, mesh)
    if (!repeatable || exchange.attempts > retry.attempts || !isRetried(retry, answer)) return answer
    const waitMs = backoffMs(retry, exchange.attempts, mesh.roll())
    if (!isRefusal(answer)) await answer.body?.cancel()
    // No time is left for the try that the route asks for: that is a timeout, at once (Gateway API).
    if (waitMs >= remainingMs(exchange, timeouts, mesh)) return refuse("deadline_exceeded")
    await mesh.sleep(waitMs)
  }
}

function attempt(
  exchange: Exchange,
  outgoing: Outgoing,
  endpoint: Endpoint | undefined,
  timeouts: Timeouts | undefined,
  mesh: Mesh,
): Promise<Response | Refusal> | Refusal {
  const destination = endpoint && mesh.destination(endpoint)
  if (!destination) return refuse("no_healthy_endpoint", "the proxy has no binding to the service")
  exchange.attempts += 1
  const overallMs = remainingMs(exchange, timeouts, mesh)
  const limitMs = Math.min(overallMs, timeouts?.attemptMs ?? Number.POSITIVE_INFINITY)
  if (limitMs === Number.POSITIVE_INFINITY) return send(destination, endpoint, outgoing)
  if (limitMs <= 0) return refuse("deadline_exceeded")
  return sendWithin(limitMs, limitMs === overallMs ? "deadline_exceeded" : "upstream_timeout", (signal) =>
    send(destination, endpoint, outgoing, signal),
  )
}

/** Runs until the response's head has come or the time is over; a body that streams on is not cut. */
async function sendWithin(
  limitMs: number,
  onTimeout: "deadline_exceeded" | "upstream_timeout",
  run: (signal: AbortSignal) => Promise<Response | Refusal>,
): Promise<Response | Refusal> {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | null = null
  const expired = new Promise<Refusal>((resolve) => {
    timer = setTimeout(() => {
      resolve(refuse(onTimeout))
      controller.abort()
    }, limitMs)
  })
  const answer = await Promise.race([run(controller.signal), expired])
  clearTimeout(timer)
  return answer
}

function remainingMs(exchange: Exchange, timeouts: Timeouts | undefined, mesh: Mesh): number {
  return timeouts?.requestMs === undefined
    ? Number.POSITIVE_INFINITY
    : exchange.startedAtMs + timeouts.requestMs - mesh.nowMs()
}

/**
 * Whether the request can be sent more than once. A body is kept for that if its length is declared and small; any other
 * body streams through once, untouched.
 */
async function makeRepeatable(outgoing: Outgoing, retry: RetryPolicy): Promise<boolean> {
  const { method, headers, body } = outgoing.request
  if (!mayRepeat(retry, method, headers.has("idempotency-key"))) return false
  if (body === null) return true
  const declared = Number(headers.get("content-length") ?? Number.NaN)
  if (!(declared <= LIMITS.replayBodyBytesMax)) return false
  outgoing.body = await outgoing.request.arrayBuffer()
  return true
}
