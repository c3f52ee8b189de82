/** Token buckets by key, at most so many: a full bucket is as good as none, and the longest unused goes first. */
import type { Rate } from "#shared/model/rate-limit.ts"
import { type Bucket, fullBucket, refill, take, waitMs } from "./limit.ts"

/** How many of the oldest are looked at with each take: more than one, so that the map shrinks again after a flood. */
const LOOKED_AT = 2

export class Buckets {
  readonly #keysMax: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Until the key's bucket holds so many tokens; 0 when it does. Takes none. */
  waitMs(key: string, rate: Rate, tokens: number, nowMs: number): number {
    const bucket = this.#buckets.get(key)
    return bucket === undefined ? 0 : waitMs(refill(bucket, rate, nowMs), rate, tokens)
  }

  /** Takes the tokens and says 0, or takes none and says how long until they are there. */
  take(key: string, rate: Rate, tokens: number, nowMs: number): number {
    const bucket = refill(this.#buckets.get(key) ?? fullBucket(rate, nowMs), rate, nowMs)
    const rest = waitMs(bucket, rate, tokens)
    if (rest > 0) return rest
    // Moved to the end: the longest unused stand first.
    this.#buckets.delete(key)
    this.#buckets.set(key, take(bucket, rate, tokens))
    this.#forget(rate, nowMs)
    return 0
  }

  #forget(rate: Rate, nowMs: number): void {
    let looked = 0
    for (const [key, bucket] of this.#buckets) {
      if (looked++ === LOOKED_AT) return
      const full = waitMs(refill(bucket, rate, nowMs), rate, rate.burst) === 0
      if (full || this.#buckets.size > this.#keysMax) this.#buckets.delete(key)
    }
  }
}
