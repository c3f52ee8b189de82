/** Whether a failed attempt is tried again, and after how long. */

import type { RetryCondition, RetryPolicy } from "#shared/model/policy.ts"
import type { RefusalName } from "#shared/model/refusal.ts"

/** What came of one attempt: a status the upstream answered, or the mesh's word for why it did not. */
export type Outcome = { readonly status: number } | { readonly refusal: RefusalName }

/** RFC 9110 9.2.2: these may be sent twice without acting twice. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])

/** No wait grows beyond this. */
const BACKOFF_MS_MAX = 10_000

/** Whether a request may be sent again at all: idempotent by method, by its own key, or by the route's word. */
export function mayRepeat(policy: RetryPolicy, method: string, hasIdempotencyKey: boolean): boolean {
  return policy.unsafe || hasIdempotencyKey || IDEMPOTENT.has(method)
}

/** Whether this outcome is one the policy retries. */
export function isRetried(policy: RetryPolicy, outcome: Outcome): boolean {
  return policy.on.some((condition) => meets(condition, outcome))
}

/**
 * Wait before the attempt after `failed` failures: the policy's back-off doubled for each failure before, and up to half as
 * much again by the dice, so that callers that failed together do not come back together. Never below the policy's
 * own figure (Gateway API: backoff is a minimum).
 */
export function backoffMs(policy: RetryPolicy, failed: number, dice: number): number {
  const least = policy.backoffMs * 2 ** (failed - 1)
  return Math.min(least * (1 + dice / 2), Math.max(BACKOFF_MS_MAX, policy.backoffMs))
}

/**
 * Status conditions look only at what an upstream really answered. A try that got no answer, for want of a connection or of
 * time, meets `connect-failure`, `gateway-error` and `5xx` (Envoy: reset is part of 5xx).
 */
function meets(condition: RetryCondition, outcome: Outcome): boolean {
  if ("refusal" in outcome) {
    const unanswered = outcome.refusal === "upstream_unreachable" || outcome.refusal === "upstream_timeout"
    return unanswered && typeof condition === "string"
  }
  const { status } = outcome
  if (condition === "5xx") return status >= 500 && status <= 599
  if (condition === "gateway-error") return status >= 502 && status <= 504
  return condition === status
}
