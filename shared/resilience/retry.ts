/** Whether a failed attempt is tried again, and after how long. */

import type { RetryCondition, RetryPolicy } from "#shared/model/policy.ts"
import { REFUSALS, type RefusalName } from "#shared/model/refusal.ts"

/** What came of one attempt: what the upstream answered, or the mesh's word for why it did not. */
export type Outcome =
  | { readonly status: number; readonly headers: Pick<Headers, "get"> }
  | { readonly refusal: RefusalName }

/** RFC 9110 9.2.2: these may be sent twice without acting twice. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])

/** No wait of the mesh's own grows beyond this. */
const BACKOFF_MS_MAX = 10_000

/** What an inner hop writes on an answer of its own. */
const REFUSAL_HEADER = "weft-refusal"

/** Whether a request may be sent again at all: idempotent by method, by its own key, or by the route's word. */
export function mayRepeat(policy: RetryPolicy, method: string, hasIdempotencyKey: boolean): boolean {
  return policy.unsafe || hasIdempotencyKey || IDEMPOTENT.has(method)
}

/** Whether this outcome is one the policy retries. */
export function isRetried(policy: RetryPolicy, outcome: Outcome): boolean {
  return policy.on.some((condition) => meets(condition, outcome))
}

/**
 * Whether an error that an RPC call threw is one the policy retries: what is marked as `retryable`, which is the platform's word for a
 * connection that broke, and never what is overloaded; of an inner hop's refusals those that trying elsewhere can help. Whatever else a
 * callee throws is its answer.
 */
export function isErrorRetried(policy: RetryPolicy, error: unknown): boolean {
  const isBroken = isPlatformFailure(error) && (error as { overloaded?: unknown }).overloaded !== true
  return (isBroken || isForElsewhere(error)) && isRetried(policy, { refusal: "upstream_unreachable" })
}

/**
 * A failure to reach a callee, as against an error that the callee threw, or a refusal of an inner hop. A callee that marks an error of its
 * own so says the same of itself: that it was not able to answer.
 */
export function isPlatformFailure(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false
  const { retryable, overloaded, refusal } = error as { retryable?: unknown; overloaded?: unknown; refusal?: unknown }
  return (retryable === true || overloaded === true) && refusal === undefined
}

/** A refusal of an inner hop that trying elsewhere can help. A callee may call something of its own a refusal, so that only known names count. */
function isForElsewhere(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false
  const { refusal } = error as { refusal?: unknown }
  return typeof refusal === "string" && Object.hasOwn(REFUSALS, refusal) && !isFinal(refusal)
}

export interface Wait {
  /** What the upstream asked for by `Retry-After`; 0 when it did not. */
  readonly asked: number
  /** Without which it would be of no use to try again. */
  readonly least: number
  readonly total: number
}

/** The wait before the attempt after `failed` failures. */
export function waitBeforeRetryMs(
  policy: RetryPolicy,
  failed: number,
  outcome: Outcome,
  nowMs: number,
  dice: number,
): Wait {
  const asked = "refusal" in outcome ? 0 : retryAfterMs(outcome.headers.get("retry-after"), nowMs)
  return spread(policy, failed, asked, dice)
}

/** The same after an RPC attempt: an error may bring `retryAfterMs`, as the mesh's own do. */
export function waitAfterErrorMs(policy: RetryPolicy, failed: number, error: unknown, dice: number): Wait {
  const { retryAfterMs } = typeof error === "object" && error !== null ? (error as { retryAfterMs?: unknown }) : {}
  return spread(policy, failed, typeof retryAfterMs === "number" && retryAfterMs > 0 ? retryAfterMs : 0, dice)
}

/** All who were told the same time would come back at the same time: up to half as long again is added (Envoy), as far as the time reaches. */
function spread(policy: RetryPolicy, failed: number, asked: number, dice: number): Wait {
  const own = backoffMs(policy, failed, dice)
  return { asked, least: asked + own, total: asked + Math.max(own, (dice * asked) / 2) }
}

/** How long to wait; undefined when there is not so much time left. */
export function waitWithin({ least, total }: Wait, remainingMs: number): number | undefined {
  if (total < remainingMs) return total
  return least < remainingMs ? least : undefined
}

/**
 * Full jitter between the policy's back-off and its doubling for each failure, so that callers that failed together do not
 * come back together. Never below the policy's own figure (Gateway API: backoff is a minimum).
 */
export function backoffMs(policy: RetryPolicy, failed: number, dice: number): number {
  const { backoffMs: least } = policy
  return least + dice * (Math.min(least * 2 ** failed, Math.max(BACKOFF_MS_MAX, least)) - least)
}

/** RFC 9110 10.2.3: seconds, or a date. What cannot be read, or is over, asks for nothing. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000
  const atMs = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header) ? Date.parse(header) : 0
  return Math.max(0, atMs - nowMs)
}

/**
 * Status conditions look only at what an upstream really answered. A try that got no answer, for want of a connection or of
 * time, meets the classes that speak of it (Envoy: reset is part of 5xx). The answer of an inner hop of the mesh meets a class
 * only when trying elsewhere can help; a number or a header asks for exactly that answer and always counts.
 */
function meets(condition: RetryCondition, outcome: Outcome): boolean {
  if ("refusal" in outcome) return isUnanswered(condition, outcome.refusal)
  if (typeof condition === "number") return condition === outcome.status
  // The first look at a response's headers makes an object for them: most responses are not worth that.
  if (typeof condition === "object") {
    const value = outcome.headers.get(condition.header)
    return value !== null && (condition.value === undefined || condition.value === value)
  }
  return isOfClass(condition, outcome.status) && !isFinal(outcome.headers.get(REFUSAL_HEADER))
}

function isUnanswered(condition: RetryCondition, refusal: RefusalName): boolean {
  if (typeof condition !== "string" || condition === "retriable-4xx") return false
  if (refusal === "upstream_unreachable") return condition !== "attempt-timeout"
  return refusal === "upstream_timeout" && condition !== "connect-failure"
}

function isOfClass(condition: Extract<RetryCondition, string>, status: number): boolean {
  switch (condition) {
    case "5xx":
      return status >= 500 && status <= 599
    case "gateway-error":
      return status >= 502 && status <= 504
    case "retriable-4xx":
      return status === 409
    case "reset":
    case "connect-failure":
    case "attempt-timeout":
      return false
  }
}

function isFinal(refusal: string | null): boolean {
  return refusal !== null && Object.hasOwn(REFUSALS, refusal) && REFUSALS[refusal as RefusalName].retry !== "elsewhere"
}
