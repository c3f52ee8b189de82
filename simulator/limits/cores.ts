/** What decides about a rate limit of the mesh, in one record, and bugs to be planted in it. */
import * as lease from "#shared/resilience/lease.ts"
import { take } from "#shared/resilience/limit.ts"

export const LIMIT_CORES = {
  ...lease,
  /** Slow buckets are on disk before a grant leaves. */
  storesBuckets: true,
}

export type LimitCores = typeof LIMIT_CORES

interface Plant {
  readonly breaks: string
  readonly cores: Partial<LimitCores>
}

export const LIMIT_PLANTS: Readonly<Record<string, Plant>> = {
  "grant-not-booked": {
    breaks: "granted",
    cores: { grant: (bucket, rate, ask, nowMs) => ({ ...lease.grant(bucket, rate, ask, nowMs), bucket }) },
  },
  "buckets-in-memory": { breaks: "granted", cores: { storesBuckets: false } },
  "given-back-and-kept": {
    breaks: "spent-once",
    cores: {
      answer: (share, asked, grant, nowMs, dice) => {
        const kept = Math.max(0, share.held)
        const after = lease.answer(share, asked, grant, nowMs, dice)
        return grant.granted >= asked.want ? { ...after, held: after.held + kept } : after
      },
    },
  },
  "credit-without-end": {
    breaks: "admitted",
    cores: { affords: () => true, ask: (share, rate, cost, nowMs) => withoutDebt(lease.ask(share, rate, cost, nowMs)) },
  },
  "bucket-fills-on-ask": {
    breaks: "granted",
    cores: {
      grant: (bucket, rate, ask, nowMs) => lease.grant(take(bucket, rate, -ask.want), rate, ask, nowMs),
    },
  },
}

function withoutDebt(asked: ReturnType<typeof lease.ask>): ReturnType<typeof lease.ask> {
  return asked && { ...asked, ask: { ...asked.ask, debt: 0 } }
}
