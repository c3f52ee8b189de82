/** What crosses the boundary between proxies, the `Breaker` objects, control and the feed. All times are durations: clocks differ. */
import type { BreakerPolicy } from "#shared/model/policy.ts"

/** A service, or one of its subsets: `default/orders`, `default/orders/v2`. Its breaker is `env.BREAKER.getByName(cluster)`. */
export type Cluster = string

export function clusterOf({ service, subset }: { readonly service: string; readonly subset?: string }): Cluster {
  return subset === undefined ? service : `${service}/${subset}`
}

/** Attempts that an isolate saw in a row since it last told. */
export interface ReportedTally {
  readonly total: number
  readonly failed: number
  readonly slow: number
  readonly trailing: number
}

export interface BreakerReport {
  readonly cluster: Cluster
  /** As the isolate's snapshot has it; the newest revision's holds for all. */
  readonly policy: BreakerPolicy
  readonly revision: number
  /** Of the last verdict that the isolate heard; 0 for none. The tally belongs to it. */
  readonly generation: number
  /** Of the same verdict. An object that knows of no such generation has lost its storage, and goes on from there. */
  readonly phase?: Verdict["phase"]
  readonly tally: ReportedTally
  /** What probes found out. */
  readonly probes: readonly { readonly lease: number; readonly found: "ok" | "failed" | "unknown" }[]
  /** The isolate wants to send a probe. */
  readonly ask: boolean
}

export interface BreakerReply {
  readonly verdict: Verdict
  /** Runs out after `forMs` from when the report was sent, or later. */
  readonly lease?: { readonly id: number; readonly forMs: number }
  /**
   * More is reported than the object is meant to carry: the isolate should do so this often only, on average, but for trips and what
   * probes found.
   */
  readonly everyMs?: number
}

/** What holds for a cluster in the whole mesh. */
export interface Verdict {
  readonly cluster: Cluster
  /** A higher one is newer. */
  readonly generation: number
  readonly phase: "closed" | "open" | "probing"
  /** Until a probe may be asked for. */
  readonly restMs: number
  readonly cause?: "failures" | "consecutive" | "slow" | "probe" | "forced"
}

/** A verdict as people look at it. */
export interface BreakerStatus extends Verdict {
  readonly sinceMs: number
  /** Who forced it, until when. */
  readonly forced?: { readonly by: string; readonly phase: "open" | "closed"; readonly untilMs: number }
}

export interface BreakerForce {
  readonly cluster: Cluster
  readonly policy: BreakerPolicy
  readonly revision: number
  readonly phase: "open" | "closed"
  readonly forMs: number
  readonly by: string
}

export interface BreakerRpc {
  report(report: BreakerReport): Promise<BreakerReply>
  force(force: BreakerForce): Promise<BreakerStatus>
}
