/** What the machines of one schedule share, and what they say to each other. */
import type { BreakerPolicy } from "#shared/model/policy.ts"
import type { Tally } from "#shared/resilience/tally.ts"
import type { Engine } from "#simulator/engine.ts"
import { type Fault, Network } from "#simulator/network.ts"
import { BREAKER_CORES, type BreakerCores } from "./cores.ts"

export type Found = "ok" | "failed" | "unknown"

export interface Report {
  readonly generation: number
  readonly tally: Tally
  readonly probes: readonly { readonly lease: number; readonly found: Found }[]
  readonly ask: boolean
}

export interface Reply {
  readonly generation: number
  readonly phase: "closed" | "open" | "probing"
  readonly restMs: number
  readonly lease: number | undefined
}

export const POLICY = {
  ...{ windowMs: 4_000, volumeMin: 4, failureRatio: 0.5, successes: 1, coolDownMs: 600, coolDownMsMax: 1_500 },
}

export class World {
  readonly engine: Engine
  readonly network: Network
  readonly cores: BreakerCores
  readonly policy: BreakerPolicy
  upstream: "well" | "slow" | "failing" | "hanging" = "well"
  probing = 0

  constructor(engine: Engine, faults: ReadonlySet<Fault>, probes: number, changed: Partial<BreakerCores>) {
    this.engine = engine
    this.network = new Network(engine, faults)
    this.cores = { ...BREAKER_CORES, ...changed }
    this.policy = { ...POLICY, probes }
  }
}
