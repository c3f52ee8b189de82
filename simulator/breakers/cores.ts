/** What decides about a breaker, in one record, and bugs to be planted in it. */
import * as breaker from "#shared/resilience/breaker.ts"
import * as seat from "#shared/resilience/seat.ts"

export const BREAKER_CORES = {
  ...breaker,
  ...seat,
  /** Leases are on disk before anybody hears of them. */
  storesLeases: true,
}

export type BreakerCores = typeof BREAKER_CORES

interface Plant {
  readonly breaks: string
  readonly cores: Partial<BreakerCores>
}

export const BREAKER_PLANTS: Readonly<Record<string, Plant>> = {
  "every-ask-is-a-probe": {
    breaks: "probes",
    cores: {
      askLease: (one, policy, leaseMs, nowMs) => breaker.askLease({ ...one, leases: [] }, policy, leaseMs, nowMs),
    },
  },
  "leases-in-memory": { breaks: "probes", cores: { storesLeases: false } },
  "lease-used-twice": {
    breaks: "probes",
    cores: {
      admission: (one, policy, times, nowMs) => {
        const asked = seat.admission(one, policy, times, nowMs)
        const isProbe = asked.admission.admit === "probe" && asked.admission.scope === "mesh"
        return isProbe ? { ...asked, seat: { ...asked.seat, lease: one.lease } } : asked
      },
    },
  },
  "late-result-counts": {
    breaks: "generation",
    cores: {
      settleLease: (one, id, found, policy, nowMs, dice) => {
        const leases = one.leases.map((lease) => ({ ...lease, generation: one.generation }))
        return breaker.settleLease({ ...one, leases }, id, found, policy, nowMs, dice)
      },
    },
  },
  "lease-for-ever": {
    breaks: "recovers",
    cores: {
      askLease: (one, policy, _leaseMs, nowMs) => breaker.askLease(one, policy, Number.MAX_SAFE_INTEGER, nowMs),
    },
  },
  "verdict-for-ever": {
    breaks: "recovers",
    cores: {
      hear: (one, verdict, policy, _freshMs, nowMs) => {
        const heard = seat.hear(one, verdict, policy, Number.MAX_SAFE_INTEGER, nowMs)
        // And it is heard once only: what comes after is not believed.
        return one.heard && one.heard.phase !== "closed" ? one : heard
      },
    },
  },
}
