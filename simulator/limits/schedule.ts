/**
 * One schedule: isolates spend one limit of the mesh by shares that they lease ahead; the limiter keeps the bucket on a disk, behind a
 * network that loses, delays and doubles. Nothing is spent that is not leased, what is leased and what is in the bucket never exceed
 * what they may be together, and all that is let through stays within the documented bound, over any time, to the token.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"
import type { Share } from "#shared/resilience/lease.ts"
import { type Bucket, fullBucket, holds, refill, take } from "#shared/resilience/limit.ts"
import { fullPool, leased, type Pool, settled } from "#shared/resilience/pool.ts"
import { type Engine, Violation } from "#simulator/engine.ts"
import { type Fault, type Machine, Network } from "#simulator/network.ts"
import { LIMIT_CORES, type LimitCores } from "./cores.ts"

export interface LimitSizes {
  readonly isolates: number
  readonly faultyMs: number
}

/** Too slow to be kept in memory only. */
const RATE: Rate = { requests: 64, perMs: 11_000, burst: 64 }
/** As long as it takes to fill the bucket; and then all come at once. */
const QUIET_MS = 12_000
const TAIL_MS = 1_500
/** How often an isolate looks whether there is something to give back. */
const RETURN_MS = LIMITS.limitLeaseMs
/** Of the burst: what an isolate may spend before it has asked. */
const CREDIT = Math.max(1, Math.floor(RATE.burst / 32))
const PER_MS = RATE.requests / RATE.perMs
/** What the bucket and all leases may be together. */
const ROOM = RATE.burst + PER_MS * LIMITS.limitLeaseMs
/** What sums of fractions lose. */
const EPSILON = 1e-3

class World {
  readonly engine: Engine
  readonly network: Network
  readonly cores: LimitCores
  readonly isolates: ShareMachine[] = []
  readonly limiter: LimiterMachine
  /** By leases and on credit. Isolates that are alone go by their own buckets. */
  admitted = 0
  /** Lives of isolates: each begins with credit. */
  lives = 0
  quiet = false
  /** Of all moments so far, the least of what the bound gives and has to cover: over any time since then it must be enough. */
  #least = Number.POSITIVE_INFINITY

  constructor(engine: Engine, faults: ReadonlySet<Fault>, changed: Partial<LimitCores>) {
    this.engine = engine
    this.network = new Network(engine, faults)
    this.cores = { ...LIMIT_CORES, ...changed }
    this.limiter = new LimiterMachine(this)
    this.network.hub = this.limiter.machine
  }

  admit(): void {
    this.#least = Math.min(this.#least, this.#beyond())
    this.admitted += 1
    const most = ROOM + this.isolates.length * CREDIT
    const over = this.#beyond() - this.#least - most
    if (over > EPSILON) throw new Violation("admitted", `${over.toFixed(2)} tokens more than the bound`)
  }

  /** What was admitted beyond the rate and the credit of those who came. */
  #beyond(): number {
    return this.admitted - PER_MS * this.engine.nowMs - this.lives * CREDIT
  }
}

export function runLimits(
  engine: Engine,
  faults: ReadonlySet<Fault>,
  sizes: LimitSizes,
  changed: Partial<LimitCores> = {},
): void {
  const world = new World(engine, faults, changed)
  const { network } = world
  const { isolates } = world
  for (let index = 0; index < sizes.isolates; index++) isolates.push(new ShareMachine(world, `isolate-${index}`))
  // Too little, so that isolates hold what they do not spend; a few at once and then nothing, so that they hold much; or too much.
  const load = engine.dice.pick(["gentle", "spiky", "flood"] as const)
  const gapMs = () => {
    if (network.healed) return engine.dice.whole(5, 30)
    if (load === "gentle") return engine.dice.whole(500, 3_000)
    if (load === "spiky") return engine.dice.chance(0.08) ? engine.dice.whole(1_000, 8_000) : engine.dice.whole(5, 20)
    return engine.dice.chance(0.04) ? engine.dice.whole(1_000, 5_000) : engine.dice.whole(5, 90)
  }
  for (const isolate of isolates) {
    engine.every(gapMs, () => isolate.machine.up && !world.quiet && isolate.request())
    engine.every(
      () => RETURN_MS,
      () => isolate.machine.up && isolate.settle(),
    )
  }
  network.begin()
  engine.runUntil(sizes.faultyMs)
  if (engine.dice.chance(load === "flood" ? 0.1 : 0.5)) {
    world.quiet = true
    engine.runUntil(engine.nowMs + QUIET_MS)
    world.quiet = false
  }
  network.heal()
  engine.runUntil(engine.nowMs + TAIL_MS)
}

/** What isolates hold is leased, and fits beside the bucket. */
function checkLeases({ isolates, limiter }: World): void {
  if (!limiter.machine.up) return
  const { bucket, leased: booked } = limiter.look()
  const held = isolates.reduce((sum, { machine, held }) => sum + (machine.up ? held : 0), 0)
  if (held + bucket > ROOM + EPSILON) {
    throw new Violation(
      "pooled",
      `${held} tokens are held and ${bucket.toFixed(2)} are left, of at most ${ROOM.toFixed(2)}`,
    )
  }
  if (held > booked + EPSILON) {
    throw new Violation("leased", `${held} tokens are held, of ${booked.toFixed(2)} that are leased`)
  }
}

/** As `LimiterObject` holds a slow bucket. */
class LimiterMachine {
  readonly machine: Machine
  readonly #world: World
  #pool: Pool
  #disk: Bucket
  #diskAtMs = 0

  constructor(world: World) {
    this.#world = world
    this.machine = world.network.add("limiter", () => this.#start())
    this.#pool = fullPool(RATE, this.#clock())
    this.#disk = this.#pool.bucket
  }

  lease(ask: Ask, reply: (grant: Grant) => void): void {
    const { cores, engine, network } = this.#world
    const { pool, grant, changed } = cores.grant(this.#pool, RATE, ask, this.#clock())
    this.#pool = pool
    this.#diskAtMs = Math.max(this.#diskAtMs, engine.nowMs + (changed ? network.diskMs(this.machine) : 0))
    network.later(this.machine, this.#diskAtMs - engine.nowMs, () => {
      if (changed && cores.storesBuckets) this.#disk = pool.bucket
      reply(grant)
    })
  }

  /** Tokens that were in the bucket after the last ask, and that are leased. */
  look(): { bucket: number; leased: number } {
    return { bucket: this.#pool.bucket.tokens, leased: leased(settled(this.#pool, RATE, this.#clock())) }
  }

  #start(): void {
    this.#pool = this.#world.cores.restoredPool(this.#disk, RATE)
    this.#diskAtMs = this.#world.engine.nowMs
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }
}

/** As `Limiter` and `Leases` hold one key. */
class ShareMachine {
  readonly machine: Machine
  readonly #world: World
  #share: Share
  #bucket: Bucket
  #calling = false
  #aloneUntilMs = Number.NEGATIVE_INFINITY

  constructor(world: World, name: string) {
    this.#world = world
    this.machine = world.network.add(name, () => this.#start())
    this.#share = this.#begin()
    this.#bucket = fullBucket(RATE, this.#clock())
  }

  /** Leased tokens that it would spend now. */
  get held(): number {
    return Math.max(0, this.#world.cores.spendable(this.#share, this.#clock()))
  }

  request(): void {
    const { cores } = this.#world
    const nowMs = this.#clock()
    this.#bucket = refill(this.#bucket, RATE, nowMs)
    const isAlone = nowMs < this.#aloneUntilMs
    if (!holds(this.#bucket, 1)) {
      if (!isAlone) this.#share = cores.missed(this.#share, 1, nowMs)
    } else if (isAlone) {
      this.#bucket = take(this.#bucket, RATE, 1)
    } else if (cores.affords(this.#share, RATE, 1, nowMs)) {
      this.#share = cores.spend(this.#share, 1, nowMs)
      this.#bucket = take(this.#bucket, RATE, 1)
      this.#world.admit()
    } else this.#share = cores.missed(this.#share, 1, nowMs)
    if (!isAlone && !this.#calling) this.#call(cores.ask(this.#share, RATE, 1, nowMs))
  }

  settle(): void {
    if (!this.#calling) this.#call(this.#world.cores.giveBack(this.#share, this.#clock()))
  }

  #start(): void {
    this.#share = this.#begin()
    this.#bucket = fullBucket(RATE, this.#clock())
    this.#calling = false
    this.#aloneUntilMs = Number.NEGATIVE_INFINITY
  }

  #begin(): Share {
    const life = this.#world.lives++
    return this.#world.cores.freshShare(`${life}`, this.#clock())
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }

  #call(next: ReturnType<LimitCores["ask"]>): void {
    if (!next) return
    const { cores, network, engine, limiter } = this.#world
    this.#share = next.share
    this.#calling = true
    let isSettled = false
    const settle = (grant: Grant | undefined) => {
      if (isSettled) return
      isSettled = true
      this.#calling = false
      const atMs = this.#clock()
      if (grant) this.#share = cores.answer(this.#share, next.ask, grant, atMs, engine.dice.next())
      else {
        this.#share = cores.unanswered(this.#share)
        this.#aloneUntilMs = atMs + LIMITS.limitAloneMs * (0.75 + engine.dice.next() / 2)
      }
      checkLeases(this.#world)
    }
    network.call<Grant>(this.machine, limiter.machine, (reply) => limiter.lease(next.ask, reply), settle)
    network.later(this.machine, LIMITS.limitCallMs, () => settle(undefined))
  }
}
