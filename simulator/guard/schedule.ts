/**
 * One schedule: a candidate goes out under guard while requests come, some of them by it. It is bad or harmless, telemetry is late or
 * silent, the guard dies and comes back. However that goes: no more chains see it than the stage allows, a bad one that can be seen goes no
 * further, a harmless one is not undone for being worse, and it ends.
 */
import type { Group, RolloutPolicy } from "#shared/model/rollout.ts"
import type { Look, Rollout } from "#shared/rollout/rollout.ts"
import { type Engine, Violation } from "#simulator/engine.ts"
import { type Fault, type Machine, Network } from "#simulator/network.ts"
import { GUARD_CORES, type GuardCores } from "./cores.ts"

export interface GuardSizes {
  readonly faultyMs: number
  /** Between two requests, on average. */
  readonly gapMs: number
  /** Of the candidate's answers, in percent; the stable revision's are `STABLE_BAD`. */
  readonly badPercent: number
}

const REVISION = 7
const LOOK_MS = 300
const CALL_MS = 250
/** Isolates report in batches, and hear of a share later than it is decided. */
const REPORT_MS = 400
const TOLD_MS = 800
const BASELINE_MS = 3_000
const STABLE_BAD = 1
/** A candidate that fails so often is bad. */
const BAD = 90
const POLICIES: readonly RolloutPolicy[] = [
  [10, 100],
  [20, 100],
  [10, 40, 100],
].map((stages) => ({
  ...{ stages, holdMs: 1_000, requestsMin: 20, patienceMs: 2_000, blindMs: 1_200, tooFew: "undo" as const },
}))

const COMPARABLE = 60

type Side = "candidate" | "stable"

class World {
  readonly engine: Engine
  readonly network: Network
  readonly cores: GuardCores
  readonly policy: RolloutPolicy
  readonly sizes: GuardSizes
  /** As isolates have been told. */
  share = 0
  requests = 0
  readonly answers: { readonly seenAtMs: number; readonly atMs: number; readonly side: Side; readonly bad: boolean }[] =
    []

  constructor(engine: Engine, faults: ReadonlySet<Fault>, sizes: GuardSizes, changed: Partial<GuardCores>) {
    this.engine = engine
    this.network = new Network(engine, faults)
    this.cores = { ...GUARD_CORES, ...changed }
    this.policy = engine.dice.pick(POLICIES)
    this.sizes = sizes
  }

  holds(condition: boolean, invariant: string, detail: () => string): void {
    if (!condition) throw new Violation(invariant, detail())
  }
}

export function runGuard(
  engine: Engine,
  faults: ReadonlySet<Fault>,
  sizes: GuardSizes,
  changed: Partial<GuardCores> = {},
): void {
  const world = new World(engine, faults, sizes, changed)
  const { network, policy, cores } = world
  let over = false
  engine.every(
    () => (over ? undefined : engine.dice.next() * 2 * sizes.gapMs),
    () => request(world),
  )
  engine.runUntil(BASELINE_MS)
  const guard = new Guard(world)
  network.hub = guard.machine
  network.begin()
  engine.runUntil(BASELINE_MS + sizes.faultyMs)
  network.heal()
  engine.say(() => "all heals")
  engine.runUntil(engine.nowMs + policy.stages.length * cores.stageMsMax(policy, LOOK_MS + CALL_MS) + TOLD_MS)
  over = true
  const { phase, stage } = guard.rollout
  world.holds(phase !== "running", "ends", () => `stage ${stage} runs still`)
}

/** One chain of two hops. */
function request(world: World): void {
  const { engine, cores, share, sizes, answers, policy } = world
  const traceId = `${engine.dice.next()}`
  const chosen = cores.isChosen(REVISION, share, traceId)
  const isSame = chosen === cores.isChosen(REVISION, share, traceId)
  const next = policy.stages.find((one) => one > share) ?? 100
  const stays = share === 0 || !chosen || cores.isChosen(REVISION, next, traceId)
  world.holds(isSame && stays, "one-side", () => `a chain is on both sides at ${share} %`)
  const side: Side = chosen ? "candidate" : "stable"
  const bad = engine.dice.chance((chosen ? sizes.badPercent : STABLE_BAD) / 100)
  const { nowMs } = engine
  answers.push({ atMs: nowMs, seenAtMs: nowMs + engine.dice.next() * REPORT_MS, side, bad })
}

/** As `RolloutObject` holds it. */
class Guard {
  readonly machine: Machine
  readonly #world: World
  readonly #telemetry: Machine
  #disk: Rollout
  #diskAtMs = 0
  rollout: Rollout
  #stageMax = 0
  /** In a row; the time of the first. */
  #blindSinceMs: number | undefined

  constructor(world: World) {
    this.#world = world
    const { network, cores } = world
    this.machine = network.add("guard", () => this.#start())
    this.#telemetry = network.add("telemetry")
    this.rollout = cores.begin(this.#clock())
    this.#disk = this.rollout
    this.#tell(this.rollout)
    this.#lookLater()
  }

  #start(): void {
    this.rollout = this.#disk
    this.#diskAtMs = this.#world.engine.nowMs
    this.#lookLater()
  }

  /** An alarm, which survives its object. */
  #lookLater(): void {
    this.#world.network.later(this.machine, LOOK_MS, () => {
      this.#look()
      this.#lookLater()
    })
  }

  #look(): void {
    const { network, cores, policy, engine } = this.#world
    if (this.rollout.phase !== "running") return
    const since = cores.comparedSinceMs(this.rollout, policy, BASELINE_MS)
    const real = (ms: number) => ms - this.#clock() + engine.nowMs
    const [sinceMs, besideSinceMs] = [real(since.sinceMs), since.besideSinceMs && real(since.besideSinceMs)]
    const look = () => ({
      groups: counted(this.#world, sinceMs),
      ...(besideSinceMs !== undefined && { beside: counted(this.#world, besideSinceMs) }),
    })
    let settled = false
    const settle = (look: Look) => {
      if (!settled) this.#decide(look)
      settled = true
    }
    network.call<Look>(this.machine, this.#telemetry, (reply) => reply(look()), settle)
    network.later(this.machine, CALL_MS, () => settle(undefined))
  }

  #decide(look: Look): void {
    const { cores, policy, engine, network, sizes } = this.#world
    const before = this.rollout
    const next = cores.step(before, policy, look, this.#clock())
    this.#checkBlind(look, next)
    if (sizes.badPercent >= BAD) {
      const isFurther = next.stage > before.stage || next.phase === "promoted"
      const says = () => `stage ${next.stage}, ${next.phase}: ${JSON.stringify(look?.groups)}`
      this.#world.holds(!isFurther || !isClear(look, policy), "bad-goes-on", says)
    }
    const isWorse = next.phase === "undone" && next.reason.startsWith("more requests")
    this.#world.holds(!isWorse || sizes.badPercent > STABLE_BAD, "harmless-undone", () => next.reason)
    if (next.stage !== before.stage || next.phase !== before.phase)
      engine.say(() => `stage ${next.stage}, ${next.phase} ${next.reason}`)
    this.rollout = next
    this.#diskAtMs = Math.max(this.#diskAtMs, engine.nowMs + network.diskMs(this.machine))
    network.later(this.machine, cores.storesState ? this.#diskAtMs - engine.nowMs : 0, () => {
      if (cores.storesState) this.#disk = next
      this.#tell(next)
    })
  }

  /** Nobody goes on for longer than is allowed without seeing anything. */
  #checkBlind(look: Look, next: Rollout): void {
    const { policy, engine } = this.#world
    this.#blindSinceMs = look ? undefined : (this.#blindSinceMs ?? engine.nowMs)
    const blindMs = this.#blindSinceMs === undefined ? 0 : engine.nowMs - this.#blindSinceMs
    const isOver = next.phase !== "running" || blindMs <= policy.blindMs + LOOK_MS + CALL_MS
    this.#world.holds(isOver || this.#world.network.faults.has("restart"), "blind-goes-on", () => `for ${blindMs} ms`)
  }

  /** Isolates hear of it, some sooner than others; who was told of less before is not told of it again. */
  #tell(rollout: Rollout): void {
    const { cores, policy, engine } = this.#world
    this.#world.holds(rollout.stage >= this.#stageMax, "stage-back", () => `from ${this.#stageMax} to ${rollout.stage}`)
    this.#stageMax = rollout.stage
    const share = cores.shareOf(rollout, policy)
    const allowed = rollout.phase === "running" ? policy.stages[rollout.stage]! : 100
    this.#world.holds(share <= allowed, "exposed", () => `${share} % instead of ${allowed} % at stage ${rollout.stage}`)
    engine.after(engine.dice.next() * TOLD_MS, () => {
      this.#world.share = share
    })
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }
}

/**
 * Enough was seen of it, and of the stable revision enough to compare it with, of which hardly any happened to fail. Where both have
 * about as many requests, and few, not even twenty failures of twenty are beyond chance.
 */
function isClear(look: Look, { requestsMin }: RolloutPolicy): boolean {
  const [group] = look?.groups ?? []
  if (!group || group.candidate.requests < requestsMin) return false
  const { requests, failed } = group.stable
  return requests >= COMPARABLE && failed * 20 <= requests
}

function counted({ answers, engine }: World, sinceMs: number): Group[] {
  const counts = {
    candidate: { requests: 0, failed: 0, refused: 0, rejected: 0, slow: 0 },
    stable: { requests: 0, failed: 0, refused: 0, rejected: 0, slow: 0 },
  }
  for (let index = answers.length - 1; index >= 0 && answers[index]!.atMs >= sinceMs; index--) {
    const { side, bad, seenAtMs } = answers[index]!
    if (seenAtMs > engine.nowMs) continue
    counts[side].requests += 1
    if (bad) counts[side].failed += 1
  }
  return [{ id: "default/web/0", ...counts }]
}
