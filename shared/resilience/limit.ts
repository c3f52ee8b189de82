/**
 * A token bucket as a value: it holds at most `burst` tokens and gains `requests` of them in `perMs`, evenly. Over any stretch
 * of time t it gives no more than burst + rate * t.
 *
 * Clocks are not to be trusted: no time may pass between requests (the platform's clock moves only after I/O), and a small
 * step back changes nothing. After a large step back the bucket goes by the new time, else it would stay empty until the
 * old time comes round again.
 */
import type { Rate } from "#shared/model/rate-limit.ts"

export interface Bucket {
  /** Below zero after tokens were spent that were not there. */
  readonly tokens: number
  readonly atMs: number
}

const STEP_BACK_MS = 1_000
/** What sums of fractions lose: a token that is there up to this much is there. */
const EPSILON = 1e-6

export function fullBucket({ burst }: Rate, nowMs: number): Bucket {
  return { tokens: burst, atMs: nowMs }
}

/** The bucket with what it has gained until now. */
export function refill(bucket: Bucket, { requests, perMs, burst }: Rate, nowMs: number): Bucket {
  const elapsedMs = nowMs - bucket.atMs
  if (elapsedMs <= 0 && elapsedMs > -STEP_BACK_MS) {
    // A lower burst than before holds at once.
    return bucket.tokens <= burst ? bucket : { tokens: burst, atMs: bucket.atMs }
  }
  const gained = elapsedMs > 0 ? (elapsedMs * requests) / perMs : 0
  return { tokens: Math.min(burst, bucket.tokens + gained), atMs: nowMs }
}

/** Whether a bucket, refilled, holds so many tokens. */
export function holds(bucket: Bucket, tokens: number): boolean {
  return bucket.tokens + EPSILON >= tokens
}

/** Takes tokens, whether they are there or not; less than nothing gives them back. */
export function take(bucket: Bucket, { burst }: Rate, tokens: number): Bucket {
  return { tokens: Math.min(burst, bucket.tokens - tokens), atMs: bucket.atMs }
}

/** Until a bucket, refilled, will hold so many tokens. */
export function waitMs(bucket: Bucket, { requests, perMs }: Rate, tokens: number): number {
  return holds(bucket, tokens) ? 0 : Math.ceil(((tokens - bucket.tokens) * perMs) / requests)
}
