/**
 * One schedule: isolates spend one limit of the mesh by shares that they lease ahead; the limiter keeps the bucket on a disk, behind a
 * network that loses, delays and doubles. No token is spent twice, and all together stay within the documented bound.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ask, Grant, Rate } from "#shared/model/rate-limit.ts"
import type { Share } from "#shared/resilience/lease.ts"
import { type Bucket, fullBucket, holds, refill, take } from "#shared/resilience/limit.ts"
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
/** From when a token leaves the bucket until it is worth nothing: its way to the isolate, and the lease. */
const LIVES_MS = LIMITS.limitCallMs + LIMITS.limitLeaseMs
const SAMPLE_MS = 500
const SAMPLES = 8
/** The share of all that debts which come too late may add. */
const LATE = 0.1
/** Of the burst: what an isolate may spend before it has asked. */
const CREDIT = 1 / 32

class World {
  readonly engine: Engine
  readonly network: Network
  readonly cores: LimitCores
  /** Tokens that left the bucket less those that came back; what a doubled message gives back twice is counted as left again. */
  granted = 0
  doubledBack = 0
  admitted = 0
  /** Each time an isolate lost sight of its share, or began anew: it has credit once more, and what it owed is forgotten. */
  credits = 0
  /** Admitted while alone, by isolates' own buckets. */
  alone = 0
  quiet = false
  asks = 0
  readonly samples: { readonly atMs: number; readonly counted: number; readonly credits: number }[] = []

  constructor(engine: Engine, faults: ReadonlySet<Fault>, changed: Partial<LimitCores>) {
    this.engine = engine
    this.network = new Network(engine, faults)
    this.cores = { ...LIMIT_CORES, ...changed }
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
  const limiter = new LimiterMachine(world)
  network.hub = limiter.machine
  const isolates = Array.from(
    { length: sizes.isolates },
    (_each, index) => new ShareMachine(world, limiter, `isolate-${index}`),
  )
  // Too little, so that isolates hold what they do not spend, or too much.
  const gentle = engine.dice.chance(0.5)
  const gapMs = () => {
    if (network.healed) return engine.dice.whole(5, 30)
    if (gentle) return engine.dice.whole(500, 3_000)
    return engine.dice.chance(0.04) ? engine.dice.whole(1_000, 5_000) : engine.dice.whole(5, 90)
  }
  for (const isolate of isolates) engine.every(gapMs, () => isolate.machine.up && !world.quiet && isolate.request())
  network.begin()
  engine.every(
    () => SAMPLE_MS,
    () => checkBounds(world, limiter, sizes.isolates),
  )
  engine.runUntil(sizes.faultyMs)
  if (engine.dice.chance(gentle ? 0.7 : 0.1)) {
    world.quiet = true
    engine.runUntil(engine.nowMs + QUIET_MS)
    world.quiet = false
  }
  network.heal()
  engine.runUntil(engine.nowMs + TAIL_MS)
}

function checkBounds(world: World, limiter: LimiterMachine, isolates: number): void {
  const { granted, doubledBack, admitted, alone, credits, engine, samples } = world
  const perMs = RATE.requests / RATE.perMs
  const allowed = RATE.burst + perMs * engine.nowMs
  if (granted - doubledBack > allowed + limiter.forgivenDebt + 1) {
    throw new Violation("granted", `${granted.toFixed(1)} tokens of ${allowed.toFixed(1)} were granted`)
  }
  const credit = Math.max(1, Math.floor(RATE.burst * CREDIT))
  const bound = allowed + perMs * LIVES_MS + doubledBack + credits * credit + alone
  if (admitted > bound + 1) throw new Violation("admitted", `${admitted} of at most ${bound.toFixed(1)}`)
  // The same over any stretch of time. Into it may fall what all isolates spend on credit, at its end the bucket may owe them as
  // much, and what was told so late that both sides forgot it is a few tokens more.
  const counted = admitted - alone - doubledBack
  for (const before of samples) {
    const forMs = engine.nowMs - before.atMs + LIVES_MS
    const most = RATE.burst + perMs * forMs + (credits - before.credits + 2 * isolates) * credit
    if (counted - before.counted > most * (1 + LATE) + 1) {
      throw new Violation(
        "admitted",
        `${counted - before.counted} since ${before.atMs} ms, of at most ${most.toFixed(1)}`,
      )
    }
  }
  samples.push({ atMs: engine.nowMs, counted, credits })
  if (samples.length > SAMPLES) samples.shift()
}

/** As `LimiterObject` holds a slow bucket. */
class LimiterMachine {
  readonly machine: Machine
  readonly #world: World
  #bucket: Bucket
  #disk: Bucket
  #diskAtMs = 0
  #backsSeen = new Set<number>()
  /** A bucket is never owed more than it holds: what is beyond is forgiven. */
  forgivenDebt = 0

  constructor(world: World) {
    this.#world = world
    this.machine = world.network.add("limiter", () => this.#start())
    this.#bucket = fullBucket(RATE, this.#clock())
    this.#disk = this.#bucket
  }

  lease(ask: Ask, id: number, reply: (grant: Grant) => void): void {
    const { cores, engine, network } = this.#world
    const before = refill(this.#bucket, RATE, this.#clock())
    const { bucket, grant } = cores.grant(this.#bucket, RATE, ask, this.#clock())
    this.#bucket = bucket
    const back = Math.max(0, Math.min(ask.back, RATE.burst - before.tokens))
    const forgiven = Math.max(0, -RATE.burst - (Math.min(RATE.burst, before.tokens + ask.back) - ask.debt))
    this.#diskAtMs = Math.max(this.#diskAtMs, engine.nowMs + network.diskMs(this.machine))
    // What never leaves was never granted, and what came back with it is not there either.
    network.later(this.machine, this.#diskAtMs - engine.nowMs, () => {
      if (cores.storesBuckets) this.#disk = bucket
      if (this.#backsSeen.has(id)) this.#world.doubledBack += back
      this.#backsSeen.add(id)
      this.forgivenDebt += forgiven
      this.#world.granted += grant.granted - back
      reply(grant)
    })
  }

  #start(): void {
    this.#bucket = this.#disk
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
  readonly #limiter: LimiterMachine
  #share: Share
  #bucket: Bucket
  #calling = false
  #aloneUntilMs = Number.NEGATIVE_INFINITY
  /** Tokens that came by leases, and that were spent of them or given back. */
  #received = 0
  #spent = 0

  constructor(world: World, limiter: LimiterMachine, name: string) {
    this.#world = world
    this.#limiter = limiter
    this.machine = world.network.add(name, () => this.#start())
    this.#share = world.cores.freshShare(this.#clock())
    this.#bucket = fullBucket(RATE, this.#clock())
    world.credits += 1
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
      this.#world.admitted += 1
      this.#world.alone += 1
    } else if (cores.affords(this.#share, RATE, 1, nowMs)) this.#spend(nowMs)
    else this.#share = cores.missed(this.#share, 1, nowMs)
    if (!isAlone) this.#want()
  }

  #start(): void {
    this.#share = this.#world.cores.freshShare(this.#clock())
    this.#bucket = fullBucket(RATE, this.#clock())
    this.#calling = false
    this.#aloneUntilMs = Number.NEGATIVE_INFINITY
    this.#received = 0
    this.#spent = 0
    this.#world.credits += 1
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }

  #spend(nowMs: number): void {
    const held = this.#world.cores.spendable(this.#share, nowMs)
    this.#share = this.#world.cores.spend(this.#share, 1, nowMs)
    this.#bucket = take(this.#bucket, RATE, 1)
    this.#world.admitted += 1
    if (held > 0) this.#use(1)
  }

  #use(tokens: number): void {
    this.#spent += tokens
    if (this.#spent > this.#received + 1e-6) {
      throw new Violation(
        "spent-once",
        `${this.machine.name} used ${this.#spent} tokens of ${this.#received} that it leased`,
      )
    }
  }

  #want(): void {
    const { cores, network, engine } = this.#world
    const nowMs = this.#clock()
    const next = this.#calling ? undefined : cores.ask(this.#share, RATE, 1, nowMs)
    if (!next) return
    this.#share = next.share
    this.#use(next.ask.back)
    this.#calling = true
    const id = this.#world.asks++
    let settled = false
    const settle = (grant: Grant | undefined) => {
      if (settled) return
      settled = true
      this.#calling = false
      const atMs = this.#clock()
      if (grant) {
        this.#received += grant.granted
        this.#share = cores.answer(this.#share, next.ask, grant, atMs, engine.dice.next())
        return
      }
      // What was leased and owed is not known any more.
      this.#share = cores.freshShare(atMs)
      this.#received = this.#spent
      this.#aloneUntilMs = atMs + LIMITS.limitAloneMs * (0.75 + engine.dice.next() / 2)
      this.#world.credits += 1
    }
    const limiter = this.#limiter
    network.call<Grant>(this.machine, limiter.machine, (reply) => limiter.lease(next.ask, id, reply), settle)
    network.later(this.machine, LIMITS.limitCallMs, () => settle(undefined))
  }
}
