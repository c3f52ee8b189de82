/**
 * One schedule: isolates send to an upstream that fails for a while, each with its seat of the breaker; the object decides for all, on a
 * disk, behind a network that loses, delays and doubles. Never more probes than there may be; and when all is well, all pass again.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { type Engine, Violation } from "#simulator/engine.ts"
import type { Fault } from "#simulator/network.ts"
import type { BreakerCores } from "./cores.ts"
import { BreakerMachine } from "./object.ts"
import { SeatMachine } from "./seat.ts"
import { POLICY, World } from "./world.ts"

export interface BreakerSizes {
  readonly isolates: number
  readonly probes: number
  readonly faultyMs: number
}

/** A lease that was lost, the longest rest, and what isolates say and hear in between. */
const RECOVERS_MS =
  LIMITS.breakerLeaseMs + POLICY.coolDownMsMax * 1.25 * 2 + LIMITS.breakerVerdictMs + LIMITS.breakerReportMs * 4

export function runBreakers(
  engine: Engine,
  faults: ReadonlySet<Fault>,
  sizes: BreakerSizes,
  changed: Partial<BreakerCores> = {},
): void {
  const world = new World(engine, faults, sizes.probes, changed)
  const { network } = world
  const object = new BreakerMachine(world)
  network.hub = object.machine
  const isolates = Array.from(
    { length: sizes.isolates },
    (_each, index) => new SeatMachine(world, object, `isolate-${index}`),
  )
  for (const isolate of isolates) {
    engine.every(
      () => (network.healed ? engine.dice.whole(200, 900) : engine.dice.whole(40, 300)),
      () => isolate.machine.up && isolate.request(),
    )
  }
  engine.every(
    () => (network.healed ? undefined : engine.dice.whole(800, 4_000)),
    () => {
      if (network.healed) return
      world.upstream = engine.dice.pick(["well", "slow", "slow", "failing", "failing", "hanging"] as const)
      engine.say(() => `the upstream is ${world.upstream}`)
    },
  )
  network.begin()
  engine.runUntil(sizes.faultyMs)
  network.heal()
  world.upstream = "well"
  engine.say(() => "all heals")
  engine.runUntil(sizes.faultyMs + RECOVERS_MS)
  for (const isolate of isolates) {
    if (!isolate.passes()) throw new Violation("recovers", `${isolate.machine.name} lets nothing pass`)
  }
}
