/** Where a caller stands, as `RateLimit` and `RateLimit-Policy` fields (draft-ietf-httpapi-ratelimit-headers). */
import type { RateLimit } from "#shared/model/rate-limit.ts"

export interface Standing {
  readonly limit: RateLimit
  /** Tokens left, as far as this isolate knows. */
  readonly left: number
}

/** `"per-caller";q=100;w=60`: the quota and its window in seconds. */
export function policyField({ limit: { name, requests, perMs } }: Standing): string {
  return `"${name}";q=${requests};w=${Math.ceil(perMs / 1000)}`
}

/** `"per-caller";r=12;t=53`: what is left, and the seconds until all of it is there again. */
export function standingField({ limit: { name, requests, perMs, burst }, left }: Standing): string {
  const whole = Math.max(0, Math.floor(left))
  const fullInMs = ((burst - whole) * perMs) / requests
  return `"${name}";r=${whole};t=${Math.ceil(fullInMs / 1000)}`
}
