/** What decides about a guarded apply, in one record, and bugs to be planted in it. */
import { isChosen } from "#shared/rollout/chosen.ts"
import * as rollout from "#shared/rollout/rollout.ts"
import { unitHash } from "#shared/std/hash.ts"

export const GUARD_CORES = {
  ...rollout,
  isChosen,
  /** What was decided is on disk before anybody hears of it. */
  storesState: true,
}

export type GuardCores = typeof GUARD_CORES

interface Plant {
  readonly breaks: string
  readonly cores: Partial<GuardCores>
}

let throws = 0

export const GUARD_PLANTS: Readonly<Record<string, Plant>> = {
  "failures-not-compared": {
    breaks: "bad-goes-on",
    cores: {
      step: (one, policy, look, nowMs) => {
        const groups = look?.groups.map((group) => ({ ...group, candidate: { ...group.candidate, failed: 0 } }))
        return rollout.step(one, policy, groups && { ...look, groups }, nowMs)
      },
    },
  },
  "one-failure-is-enough": {
    breaks: "harmless-undone",
    cores: {
      step: (one, policy, look, nowMs) =>
        look?.groups.some(({ candidate }) => candidate.failed > 0)
          ? rollout.ended(one, "undone", "more requests fail (5xx)")
          : rollout.step(one, policy, look, nowMs),
    },
  },
  "blind-for-ever": {
    breaks: "blind-goes-on",
    cores: { step: (one, policy, look, nowMs) => (look ? rollout.step(one, policy, look, nowMs) : one) },
  },
  "waits-for-ever": {
    breaks: "ends",
    cores: {
      step: (one, policy, look, nowMs) =>
        rollout.step(one, { ...policy, patienceMs: Number.POSITIVE_INFINITY, requestsMin: 1_000_000 }, look, nowMs),
    },
  },
  "all-at-once": { breaks: "exposed", cores: { shareOf: ({ phase }) => (phase === "undone" ? 0 : 100) } },
  "dice-at-each-hop": {
    breaks: "one-side",
    cores: { isChosen: (_revision, share, traceId) => unitHash(`${traceId} ${throws++}`) * 100 < share },
  },
  "decided-in-memory": { breaks: "stage-back", cores: { storesState: false } },
}
