/** A relay, as `RelayObject` holds it. */
import { Isolates } from "#durable-objects/isolates.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { emptyRelay, type Relay, restoredRelay } from "#shared/propagation/relay.ts"
import type { Acknowledgement, Bulletin, Confirmation, RelayView } from "#shared/protocol/relay.ts"
import type { Pull, PullReply } from "#shared/protocol/route-table.ts"
import type { Machine } from "#simulator/network.ts"
import type { Root } from "./root.ts"
import type { World } from "./world.ts"

export class RelayMachine {
  readonly machine: Machine
  readonly #world: World
  #root: Root | undefined
  #relay: Relay
  #disk: Relay
  readonly #kept = new Map<string, unknown>()
  #isolates: Isolates
  /** Who waits for the root's word, and since when it is asked. */
  #asking: { readonly sinceMs: number; readonly waiting: (() => void)[] } | undefined

  constructor(world: World, name: string) {
    this.#world = world
    this.machine = world.network.add(name, () => this.#start())
    this.#relay = emptyRelay(this.#clock())
    this.#disk = this.#relay
    this.#isolates = this.#freshIsolates()
  }

  /** The root is made after its relays. */
  belongTo(root: Root): void {
    this.#root = root
  }

  get revision(): number {
    return this.#relay.head.revision
  }

  pull(pull: Pull, reply: (reply: PullReply) => void): void {
    const nowMs = this.#clock()
    this.#isolates.note(pull, nowMs)
    this.#relay = { ...this.#relay, askedAtMs: nowMs }
    const answer = () => {
      const told = this.#world.cores.answer(this.#relay, pull, this.#clock())
      const { newer } = told
      reply(newer?.text === undefined ? told : { ...told, newer: { ...newer, text: this.#world.carried(newer.text) } })
    }
    const { atLeast = 0 } = pull
    const inMs = this.#world.cores.askInMs(this.#relay, atLeast, nowMs)
    if (inMs === undefined) answer()
    else if (inMs === 0) this.#ask(answer)
    else {
      const askOrAnswer = () => (this.revision < atLeast ? this.#ask(answer) : answer())
      this.#world.network.later(this.machine, inMs, askOrAnswer)
    }
  }

  confirm(confirmation: Confirmation): void {
    this.#isolates.confirm(confirmation, this.#clock())
  }

  push(bulletin: Bulletin, reply: (said: Acknowledgement) => void): void {
    this.#take(bulletin, this.#clock(), "pushed")
    const { relay, said } = this.#world.cores.acknowledge(this.#relay, this.#clock())
    this.#relay = relay
    reply(said)
  }

  view(): RelayView {
    return { ...this.#relay.head, atMs: this.#clock(), sinceMs: 0, ...this.#isolates.view(this.#clock()) }
  }

  #start(): void {
    const { head, text, news } = this.#disk
    this.#relay = head.revision > 0 ? restoredRelay(head, text, news, this.#clock()) : emptyRelay(this.#clock())
    this.#isolates = this.#freshIsolates()
    this.#asking = undefined
  }

  /** The list of isolates is written down now and then, and no promise may rest on it: here it never is. The root's always is. */
  #freshIsolates(): Isolates {
    const kv = {
      get: (key: string) => this.#kept.get(key) as never,
      put: (key: string, value: unknown) => void (key === "isolates" || this.#kept.set(key, value)),
    }
    return new Isolates(kv, this.#clock(), this.machine.name)
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }

  #ask(answer: () => void): void {
    const { network, cores } = this.#world
    let answered = false
    const once = () => {
      if (answered) return
      answered = true
      answer()
    }
    const isUnderWay = this.#asking && Math.abs(this.#clock() - this.#asking.sinceMs) < LIMITS.relayLeaseMs
    const asking = isUnderWay ? this.#asking! : { sinceMs: this.#clock(), waiting: [] }
    asking.waiting.push(once)
    network.later(this.machine, LIMITS.relayAskMs, () => {
      if (answered) return
      this.#relay = cores.askedInVain(this.#relay, this.#clock())
      once()
    })
    if (isUnderWay) return
    this.#asking = asking
    const root = this.#root!
    const has = cores.acknowledgement(this.#relay)
    network.call<Bulletin>(
      this.machine,
      root.machine,
      (reply) => root.follow(this.machine.name, has, reply),
      (bulletin) => {
        if (bulletin) this.#take(bulletin, asking.sinceMs, "asked")
        else this.#relay = cores.askedInVain(this.#relay, this.#clock())
        if (this.#asking === asking) this.#asking = undefined
        for (const waiting of asking.waiting) waiting()
      },
    )
  }

  #take(bulletin: Bulletin, asOfMs: number, how: "pushed" | "asked"): void {
    const { text, head } = bulletin
    if (text !== undefined && !this.#world.isWhole(text, head.digest)) return
    const before = this.#relay
    this.#relay = this.#world.cores.take(before, bulletin, asOfMs, how)
    if (this.#relay.head !== before.head)
      this.#world.engine.say(() => `${this.machine.name} has revision ${this.#relay.head.revision}`)
    this.#disk = this.#relay
  }
}
