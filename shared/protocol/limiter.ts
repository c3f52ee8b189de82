/** What crosses the boundary between the proxies and a `Limiter` object, which keeps some of the buckets of one limit. */
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"
import { hash32 } from "#shared/std/hash.ts"

export interface LeaseCall {
  /** As the isolate's snapshot has it: what a bucket holds is cut to a smaller burst at once. */
  readonly rate: Rate
  /** At most `LIMITS.limitAsksMax`. */
  readonly asks: readonly KeyedAsk[]
}

export interface KeyedAsk extends Ask {
  /** A hash of the values that make up the key: the values themselves never leave the isolate. */
  readonly key: string
}

export interface LimiterRpc {
  /** One grant an ask, in their order. */
  lease(call: LeaseCall): Promise<readonly Grant[]>
}

/** The name of the object that keeps this key's bucket. */
export function limiterName(limit: string, key: string, shards: number): string {
  return `${limit}#${shards === 1 ? 0 : hash32(key) % shards}`
}
