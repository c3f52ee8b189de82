/** What decides about a rate limit of the mesh, in one record, and bugs to be planted in it. */
import { LIMITS } from "#shared/model/limits.ts"
import * as lease from "#shared/resilience/lease.ts"
import { take } from "#shared/resilience/limit.ts"
import { grant, restoredPool } from "#shared/resilience/pool.ts"

export const LIMIT_CORES = {
  ...lease,
  ...{ grant, restoredPool },
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
    breaks: "leased",
    cores: { grant: (before, rate, ask, nowMs) => ({ ...grant(before, rate, ask, nowMs), pool: before }) },
  },
  "buckets-in-memory": { breaks: "pooled", cores: { storesBuckets: false } },
  /** Once all isolates could spend at once what had come back to a bucket that time had filled again. */
  "fills-beside-leases": {
    breaks: "pooled",
    cores: {
      grant: (before, rate, ask, nowMs) => {
        const [own, others] = [new Map(before.accounts), new Map(before.accounts)]
        for (const id of before.accounts.keys()) (id === ask.account?.id ? others : own).delete(id)
        const granted = grant({ ...before, accounts: own }, rate, ask, nowMs)
        return { ...granted, pool: { ...granted.pool, accounts: new Map([...others, ...granted.pool.accounts]) } }
      },
    },
  },
  "leases-forgotten-on-start": {
    breaks: "leased",
    cores: { restoredPool: (bucket) => ({ bucket, accounts: new Map() }) },
  },
  "leases-forgotten-early": {
    breaks: "leased",
    cores: {
      grant: (before, rate, ask, nowMs) => {
        const aheadMs = LIMITS.limiterAccountMs - LIMITS.limitLeaseMs / 2
        const accounts = [...before.accounts].filter(([, { untilMs }]) => nowMs + aheadMs < untilMs)
        return grant({ ...before, accounts: new Map(accounts) }, rate, ask, nowMs)
      },
    },
  },
  "asks-heard-twice": {
    breaks: "leased",
    cores: {
      grant: (before, rate, ask, nowMs) => {
        const accounts = [...before.accounts].map(([id, account]) => [id, { ...account, number: 0 }] as const)
        return grant({ ...before, accounts: new Map(accounts) }, rate, ask, nowMs)
      },
    },
  },
  "given-back-and-kept": {
    breaks: "leased",
    cores: {
      giveBack: (share, nowMs) => {
        const given = lease.giveBack(share, nowMs)
        return given && { ...given, share: { ...share, heldUntilMs: nowMs + LIMITS.limitLeaseMs } }
      },
    },
  },
  "leases-without-end": {
    breaks: "leased",
    cores: {
      answer: (...all) => ({ ...lease.answer(...all), heldUntilMs: Number.POSITIVE_INFINITY }),
    },
  },
  "credit-without-end": {
    breaks: "admitted",
    cores: { affords: () => true, ask: (share, rate, cost, nowMs) => withoutDebt(lease.ask(share, rate, cost, nowMs)) },
  },
  "bucket-fills-on-ask": {
    breaks: "admitted",
    cores: {
      grant: (before, rate, ask, nowMs) =>
        grant({ ...before, bucket: take(before.bucket, rate, -ask.want) }, rate, ask, nowMs),
    },
  },
}

function withoutDebt(asked: ReturnType<typeof lease.ask>): ReturnType<typeof lease.ask> {
  return asked && { ...asked, ask: { ...asked.ask, debt: 0 } }
}
