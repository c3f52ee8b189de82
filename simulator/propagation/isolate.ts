/** An isolate of the proxy, as `Snapshots` holds its lease: it asks its relay, or the root past it, and serves requests. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Asking, Lease } from "#shared/propagation/lease.ts"
import type { Pull, PullReply } from "#shared/protocol/route-table.ts"
import type { Machine } from "#simulator/network.ts"
import type { RelayMachine } from "./relay.ts"
import type { Root } from "./root.ts"
import { digestOf, NEWS_SLACK_MS, type World } from "./world.ts"

/** What stands beside the objects. */
export interface LastKnown {
  readonly revision: number
  readonly text: string
}

const LEASE_MS = LIMITS.snapshotLeaseMs
const SLEEP_MS = LEASE_MS * LIMITS.snapshotSleepLeases

interface Waiting {
  readonly wanted: number
  readonly go: () => void
}

export class IsolateMachine {
  readonly machine: Machine
  readonly #world: World
  readonly #root: Root
  readonly #relay: RelayMachine
  readonly #lastKnown: () => LastKnown | undefined
  #lease: Lease
  #text = ""
  #waiting: Waiting[] = []
  /** Questions under way, whoever waits for them. */
  #pulling = 0

  constructor(world: World, name: string, root: Root, relay: RelayMachine, lastKnown: () => LastKnown | undefined) {
    this.#world = world
    this.#root = root
    this.#relay = relay
    this.#lastKnown = lastKnown
    this.machine = world.network.add(name, () => this.#start())
    this.#lease = world.cores.freshLease()
  }

  get serving(): number {
    return this.#lease.serving
  }

  /** A request that was promised this revision; 0 for none. */
  request(floor: number): void {
    const { cores, network, engine } = this.#world
    const startedAtMs = engine.nowMs
    const nowMs = this.#clock()
    const done = this.#world.done
    const serve = () => this.#serve(floor, startedAtMs, done)
    if (cores.isOver(this.#lease, nowMs) || this.#lease.serving < floor) this.#ask(floor)
    const waitMs = cores.patienceMs(this.#lease, floor, LEASE_MS, nowMs)
    const isEnough = !cores.isOver(this.#lease, nowMs) && this.#lease.serving >= floor
    if (isEnough || waitMs <= 0 || this.#pulling === 0) {
      serve()
      return
    }
    const { serving } = this.#lease
    const waiting: Waiting = { wanted: Math.max(serving < floor ? floor : serving + 1, 1), go: serve }
    this.#waiting.push(waiting)
    network.later(this.machine, waitMs, () => {
      if (!this.#waiting.includes(waiting)) return
      this.#lease = cores.inVain(this.#lease)
      this.#waiting = this.#waiting.filter((one) => one !== waiting)
      serve()
    })
  }

  #start(): void {
    this.#lease = this.#world.cores.freshLease()
    this.#text = ""
    this.#waiting = []
    this.#pulling = 0
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }

  #serve(floor: number, startedAtMs: number, done: number): void {
    const { cores, engine, network } = this.#world
    const { serving } = this.#lease
    if (serving === 0) return
    let counted = false
    if (serving < floor) {
      const after = cores.missed(this.#lease, floor, LEASE_MS, this.#clock())
      counted = after !== this.#lease
      this.#lease = after
    }
    this.#world.served += 1
    const name = this.machine.name
    this.#world.holds(serving >= floor || counted, "causal", () => `${name} served ${serving}, promised ${floor}`)
    const text = this.#world.texts.get(serving)
    this.#world.holds(
      text === this.#text,
      "torn",
      () => `${name} serves ${this.#text} as revision ${serving}, which is ${text}`,
    )
    this.#world.holds(!this.#world.bad.has(this.#text), "bad-served", () => `${name} serves ${this.#text}`)
    const isExcused = done <= serving || this.#reachesNobody() || network.faults.has("clock-jump")
    this.#world.holds(
      isExcused,
      "done-is-a-fact",
      () =>
        `${name} served ${serving} to a request of ${startedAtMs.toFixed(0)} ms; ${done} was said to be served everywhere`,
    )
    if (engine.trace && floor > 0) engine.say(() => `${name} serves ${serving} to one who was promised ${floor}`)
  }

  /** It has asked, in time, and has no answer, or none that it could serve; or it has never had one, and began with what was last known. */
  #reachesNobody(): boolean {
    const { asking, unanswered, vain, sinceMs, refused } = this.#lease
    if (unanswered > 0 || refused || sinceMs === Number.NEGATIVE_INFINITY) return true
    if (asking === undefined) return false
    const hasWaited = vain === asking.id || this.#clock() - asking.sinceMs >= LIMITS.floorWaitMs
    return hasWaited || asking.sinceMs - sinceMs <= SLEEP_MS
  }

  #ask(floor: number): void {
    const { cores, network } = this.#world
    const asked = cores.ask(this.#lease, floor, this.#clock())
    if (!asked) return
    this.#lease = cores.forgiving(asked.lease, this.#clock())
    this.#pulling += 1
    const isCold = this.#lease.serving === 0
    if (isCold) network.later(this.machine, LIMITS.lastKnownAfterMs, () => this.#fallBack())
    this.#askRelay(asked.asking)
  }

  #askRelay(asking: Asking): void {
    const { cores } = this.#world
    const relay = this.#relay
    this.#exchange(
      LIMITS.relayPatienceMs,
      (reply) => relay.pull(this.#question(asking), reply),
      relay.machine,
      (near) => {
        if (near && !cores.isCutOff(near)) {
          this.#lease = cores.relayIsBack(this.#lease)
          this.#heard(asking, near, "relay")
        } else this.#askRoot(asking, near)
      },
    )
  }

  /** Past a relay that is silent, or that has not heard of the root for long. */
  #askRoot(asking: Asking, near: PullReply | undefined): void {
    const { cores, engine } = this.#world
    const inVain = () => (near ? this.#heard(asking, near, "cut-off relay") : this.#unanswered(asking))
    const next = cores.detour(this.#lease, this.#clock(), engine.dice.next())
    if (!next) {
      inVain()
      return
    }
    this.#lease = next
    this.#exchange(
      LIMITS.rootPatienceMs,
      (answer) => this.#root.pull(this.#question(asking), answer),
      this.#root.machine,
      (far) => (far ? this.#heard(asking, far, "root") : inVain()),
    )
  }

  #question({ floor }: Asking): Pull {
    const { serving, refused } = this.#lease
    return {
      ...{ isolate: `${this.machine.name}.${this.machine.life}`, serving, digest: digestOf(this.#text) },
      ...(floor > 0 && { atLeast: floor }),
      ...(refused && { refused }),
    }
  }

  /** Undefined: nobody answered, or not in time. */
  #exchange(
    patienceMs: number,
    put: (reply: (reply: PullReply) => void) => void,
    to: Machine,
    done: (reply: PullReply | undefined) => void,
  ): void {
    const { network } = this.#world
    let settled = false
    const once = (reply: PullReply | undefined) => {
      if (settled) return
      settled = true
      done(reply)
    }
    network.call<PullReply>(this.machine, to, put, once)
    network.later(this.machine, patienceMs, () => once(undefined))
  }

  #unanswered(asking: Asking): void {
    const { cores, engine } = this.#world
    this.#lease = cores.unanswered(this.#lease, asking, LEASE_MS, this.#clock(), engine.dice.next())
    this.#ended()
  }

  #heard(asking: Asking, reply: PullReply, from: "relay" | "cut-off relay" | "root"): void {
    const { cores, engine } = this.#world
    const dice = engine.dice.next()
    this.#lease =
      from === "cut-off relay"
        ? cores.unanswered(this.#lease, asking, LEASE_MS, this.#clock(), dice)
        : cores.answered(this.#lease, asking, LEASE_MS, dice)
    if (!reply.unheard) this.#hearNews(reply, asking.sinceMs)
    const { newer } = reply
    if (newer && cores.isWanted(this.#lease, newer.revision)) {
      this.#take(newer.revision, newer.digest, newer.text ?? this.#text)
      this.#confirm(from)
    }
    this.#ended()
  }

  /** What is heard must not be older than is said of it. */
  #hearNews({ verdicts, ageMs = 0 }: PullReply, sinceMs: number): void {
    const { network, newsOverAtMs } = this.#world
    if (network.faults.has("clock-jump") || !verdicts) return
    const asOfMs = sinceMs - ageMs - network.clock(this.machine) + this.#world.engine.nowMs
    const overAtMs = newsOverAtMs.get(verdicts[0]!.generation) ?? Number.POSITIVE_INFINITY
    this.#world.holds(
      overAtMs >= asOfMs - NEWS_SLACK_MS,
      "news-age",
      () => `${this.machine.name} heard at ${asOfMs.toFixed(0)} ms what was over at ${overAtMs.toFixed(0)} ms`,
    )
  }

  #take(revision: number, digest: string, text: string): void {
    const { cores } = this.#world
    const isWhole = this.#world.isWhole(text, digest)
    if (!isWhole || this.#world.bad.has(text)) {
      const refused = { revision, reason: "cannot be served", ...(!isWhole && { damaged: true as const }) }
      this.#lease = cores.refuses(this.#lease, refused, this.#clock())
      return
    }
    this.#adopt(revision, text)
  }

  #adopt(revision: number, text: string): void {
    const { cores, engine } = this.#world
    const before = this.#lease.serving
    this.#world.holds(revision > before, "monotonic", () => `${this.machine.name} went from ${before} to ${revision}`)
    this.#text = text
    this.#lease = cores.takenUp(this.#lease, revision, this.#clock())
    engine.say(() => `${this.machine.name} serves revision ${revision}`)
    this.#release()
  }

  #confirm(from: "relay" | "cut-off relay" | "root"): void {
    if (from === "root") return
    const { serving, refused } = this.#lease
    const isolate = `${this.machine.name}.${this.machine.life}`
    const relay = this.#relay
    this.#world.network.call<void>(
      this.machine,
      relay.machine,
      () => relay.confirm({ isolate, serving, ...(refused && { refused }) }),
      () => {},
    )
  }

  #fallBack(): void {
    if (this.#lease.serving > 0) return
    const found = this.#lastKnown()
    if (found && !this.#world.bad.has(found.text)) this.#adopt(found.revision, found.text)
  }

  #ended(): void {
    this.#pulling -= 1
    if (this.#pulling === 0 && this.#lease.serving === 0) this.#fallBack()
    this.#release()
  }

  /** Those go on whose revision has come, and all when no question is under way any more. */
  #release(): void {
    const ready = this.#waiting.filter(({ wanted }) => this.#pulling === 0 || this.#lease.serving >= wanted)
    if (ready.length === 0) return
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one))
    for (const { go } of ready) go()
  }
}
