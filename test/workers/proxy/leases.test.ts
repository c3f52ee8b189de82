/** What an isolate remembers of its asks when somebody sends ever new keys. */
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { RateLimit } from "#shared/model/rate-limit.ts"
import type { LimiterRpc } from "#shared/protocol/limiter.ts"
import { freshShare } from "#shared/resilience/lease.ts"
import { fullBucket } from "#shared/resilience/limit.ts"
import { type Counted, Leases } from "#workers/proxy/leases.ts"

const LIMIT: RateLimit = {
  ...{ id: "default/api/0/each", name: "each", requests: 100, perMs: 10_000, burst: 100, scope: "mesh" },
  ...{ key: [{ by: "header", name: "x-key" }], cost: { kind: "fixed", tokens: 1 }, shadow: false },
  ...{ whenUnavailable: "allow", headers: false },
}
const NOW_MS = 1_000_000
const FLOOD = LIMITS.limitKeysMax + 2_000

/** Asks for a flood of keys, of which each stands for a request; the background runs when all have asked. */
async function flood(limiter: LimiterRpc) {
  const around = { nowMs: () => NOW_MS, roll: () => 0.5, log() {}, sleep: () => new Promise<void>(() => {}) }
  const leases = new Leases(() => limiter, around)
  const link = leases.link(LIMIT.id)
  const begun: Promise<unknown>[] = []
  for (let index = 0; index < FLOOD; index++) {
    const counted: Counted = {
      ...{ limit: LIMIT, key: `=${index}`, hash: `hash-${index}`, link },
      ...{ bucket: fullBucket(LIMIT, NOW_MS), share: freshShare(`${index}`, NOW_MS) },
    }
    leases.want(counted, 1, { waitUntil: (promise) => void begun.push(promise) })
    // The limiter answers in between.
    if (index % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return link
}

describe("a flood of keys", () => {
  it("that limiters answer too slowly waits in no endless line", async () => {
    const link = await flood({ lease: () => new Promise(() => {}) })
    expect(link.waiting.size).toBeLessThanOrEqual(LIMITS.limitKeysMax)
  })

  it("leaves no more leases to give back than keys are counted", async () => {
    const granted = { granted: 7, left: 50, emptyMs: 0 }
    const link = await flood({ lease: async ({ asks }) => asks.map(() => granted) })
    expect(link.holding.size).toBeGreaterThan(LIMITS.limitKeysMax / 2)
    expect(link.holding.size).toBeLessThanOrEqual(LIMITS.limitKeysMax)
  })
})
