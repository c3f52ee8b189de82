/** The root: a compare-and-set of revisions on a disk, the feed, and the outbox to its relays; as `RouteTableObject` holds it. */

import { Isolates } from "#durable-objects/isolates.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Newest, Peer } from "#shared/propagation/outbox.ts"
import {
  type Acknowledgement,
  type Bulletin,
  type Head,
  NO_HEAD,
  type RelayStatus,
  type RelayView,
} from "#shared/protocol/relay.ts"
import type { Pull, PullReply } from "#shared/protocol/route-table.ts"
import type { Machine } from "#simulator/network.ts"
import type { RelayMachine } from "./relay.ts"
import { digestOf, type World } from "./world.ts"

interface Stored {
  readonly revisions: readonly { readonly revision: number; readonly text: string; readonly key: string }[]
  readonly news: number
  readonly peers: ReadonlyMap<string, Peer>
  readonly alarmAtMs: number | undefined
}

export type CommitReply =
  | { readonly outcome: "committed" | "repeated"; readonly revision: number }
  | { readonly outcome: "stale"; readonly head: number }

const SAFETY_MS = 1_000

export class Root {
  readonly machine: Machine
  readonly #world: World
  readonly #relays: ReadonlyMap<string, RelayMachine>
  #disk: Stored = { revisions: [], news: 0, peers: new Map(), alarmAtMs: undefined }
  #now: Stored = this.#disk
  /** When the last write is on disk, and what waits for it. */
  #diskAtMs = 0
  #pushing = new Set<string>()
  readonly #kept = new Map<string, unknown>()
  #isolates: Isolates

  constructor(world: World, relays: ReadonlyMap<string, RelayMachine>) {
    this.#world = world
    this.#relays = relays
    this.machine = world.network.add("root", () => this.#start())
    this.#isolates = this.#freshIsolates()
  }

  get head(): number {
    return this.#now.revisions.at(-1)?.revision ?? 0
  }

  /** What is on disk. */
  get history(): Stored["revisions"] {
    return this.#disk.revisions
  }

  commit(expected: number, key: string, text: string, reply: (reply: CommitReply) => void): void {
    const earlier = this.#now.revisions.find((one) => one.key === key)?.revision
    const decided = this.#world.cores.decideCommit(this.head, expected, earlier)
    if (decided.outcome === "commit") this.#commit(decided.revision, expected, key, text, reply)
    else this.#gated(() => reply(decided))
  }

  #commit(revision: number, expected: number, key: string, text: string, reply: (reply: CommitReply) => void): void {
    const before = this.head
    this.#world.holds(
      expected === before,
      "compare-and-set",
      () => `${revision} was made from ${expected}, over ${before}`,
    )
    this.#write({ ...this.#now, revisions: [...this.#now.revisions, { revision, text, key }] }, () => {
      this.#world.stored(revision, text)
      this.#world.engine.say(() => `root has revision ${revision}`)
    })
    this.#announce()
    this.#gated(() => reply({ outcome: "committed", revision }))
    this.#run()
  }

  /** A breaker says something. */
  hear(): void {
    const over = this.#now.news
    this.#write({ ...this.#now, news: over + 1 }, () => this.#world.newsOverAtMs.set(over, this.#world.engine.nowMs))
    this.#announce()
    this.#run()
  }

  pull(pull: Pull, reply: (reply: PullReply) => void): void {
    this.#isolates.note(pull, this.#clock())
    const { head, text } = this.#newest()
    const newer = this.#world.cores.newerFor(head, text, pull)
    this.#gated(() => reply({ newer, ...feedOf(this.#now.news) }))
  }

  follow(relay: string, has: Acknowledgement, reply: (bulletin: Bulletin) => void): void {
    const bulletin = this.#bulletin(has)
    const told = { ...bulletin.head, news: bulletin.news.version, idle: false }
    this.#keep(relay, this.#world.cores.asked(relay, told, this.#clock()))
    this.#gated(() => reply(bulletin))
  }

  readHead(reply: (head: number) => void): void {
    const { head } = this
    this.#gated(() => reply(head))
  }

  /** What control asks for. */
  account(reply: (told: { head: number; relays: readonly RelayStatus[]; view: RelayView }) => void): void {
    const told = { head: this.head, relays: this.#relaysNow(), view: this.#view() }
    this.#gated(() => reply(told))
  }

  #relaysNow(): RelayStatus[] {
    return [...this.#now.peers.values()].map(({ name, revision, saidAtMs, failures }) => ({
      ...{ name, acknowledged: revision, acknowledgedAtMs: saidAtMs, failures },
    }))
  }

  #view(): RelayView {
    const { head } = this.#newest()
    return { ...head, atMs: this.#clock(), sinceMs: 0, ...this.#isolates.view(this.#clock()) }
  }

  #start(): void {
    this.#now = this.#disk
    this.#diskAtMs = this.#world.engine.nowMs
    this.#pushing = new Set()
    this.#isolates = this.#freshIsolates()
    const { alarmAtMs } = this.#disk
    if (alarmAtMs !== undefined)
      this.#world.network.later(this.machine, alarmAtMs - this.#clock(), () => this.#ring(alarmAtMs))
  }

  #freshIsolates(): Isolates {
    const kv = {
      get: (key: string) => this.#kept.get(key) as never,
      put: (key: string, value: unknown) => void this.#kept.set(key, value),
    }
    return new Isolates(kv, this.#clock())
  }

  #clock(): number {
    return this.#world.network.clock(this.machine)
  }

  #newest(): { readonly head: Head; readonly text: string } {
    const newest = this.#now.revisions.at(-1)
    if (!newest) return { head: NO_HEAD, text: "" }
    return { head: { revision: newest.revision, digest: digestOf(newest.text) }, text: newest.text }
  }

  #bulletin(has: { readonly digest: string }): Bulletin {
    const { head, text } = this.#newest()
    const news = { version: this.#now.news, feed: feedOf(this.#now.news) }
    return { head, ...(head.digest !== has.digest && { text: this.#world.carried(text) }), news }
  }

  #announce(): void {
    if (this.#now.peers.size > 0) this.#wakeAt(this.#clock() + SAFETY_MS)
  }

  #wakeAt(atMs: number): void {
    const { alarmAtMs } = this.#now
    if (alarmAtMs !== undefined && alarmAtMs <= atMs) return
    this.#write({ ...this.#now, alarmAtMs: atMs })
    this.#world.network.later(this.machine, atMs - this.#clock(), () => this.#ring(atMs))
  }

  #ring(atMs: number): void {
    if (this.#now.alarmAtMs !== atMs) return
    this.#write({ ...this.#now, alarmAtMs: undefined })
    this.#run()
  }

  #run(): void {
    const { cores } = this.#world
    const newest: Newest = { revision: this.head, news: this.#now.news }
    const nowMs = this.#clock()
    for (const peer of this.#now.peers.values()) {
      if (!cores.lacks(peer, newest) || peer.dueAtMs > nowMs || this.#pushing.has(peer.name)) continue
      this.#pushing.add(peer.name)
      this.#push(peer.name, newest)
    }
    const idle = [...this.#now.peers.values()].filter(({ name }) => !this.#pushing.has(name))
    const dueMs = cores.nextDueMs(idle, newest)
    if (dueMs !== undefined) this.#wakeAt(Math.max(dueMs, nowMs + 1))
    else if (this.#pushing.size > 0) this.#wakeAt(nowMs + LIMITS.pushMs + SAFETY_MS)
  }

  #push(name: string, pushed: Newest): void {
    const { network, cores, engine } = this.#world
    const relay = this.#relays.get(name)!
    const bulletin = this.#bulletin(this.#now.peers.get(name) ?? { digest: "" })
    let settled = false
    const settle = (said: Acknowledgement | undefined) => {
      if (settled) return
      settled = true
      const peer = this.#now.peers.get(name)
      const nowMs = this.#clock()
      const dice = engine.dice.next()
      const next =
        peer && (said ? cores.acknowledged(peer, said, pushed, nowMs, dice) : cores.unacknowledged(peer, nowMs, dice))
      this.#keep(name, next)
      network.later(this.machine, next?.failures === 0 ? LIMITS.pushGapMs : 0, () => {
        this.#pushing.delete(name)
        this.#run()
      })
    }
    const send = () =>
      network.call<Acknowledgement>(this.machine, relay.machine, (reply) => relay.push(bulletin, reply), settle)
    this.#gated(send, true)
    network.later(this.machine, LIMITS.pushMs, () => settle(undefined))
  }

  #keep(name: string, peer: Peer | undefined): void {
    const peers = new Map(this.#now.peers)
    if (peer) peers.set(name, peer)
    else peers.delete(name)
    this.#write({ ...this.#now, peers })
  }

  /** What is written is seen at once, and survives once it is on disk. */
  #write(next: Stored, onDisk: () => void = () => {}): void {
    const { network, engine } = this.#world
    this.#now = next
    this.#diskAtMs = Math.max(this.#diskAtMs, engine.nowMs + network.diskMs(this.machine))
    network.later(this.machine, this.#diskAtMs - engine.nowMs, () => {
      this.#disk = next
      onDisk()
    })
  }

  /** What leaves the object waits for what it wrote before. */
  #gated(run: () => void, isPush = false): void {
    const { network, engine, cores } = this.#world
    const waitMs = this.#diskAtMs - engine.nowMs
    if (!(isPush ? cores.gatesPushes : cores.gatesAnswers) || waitMs <= 0) run()
    else network.later(this.machine, waitMs, run)
  }
}

/** The feed says which version it is of. */
function feedOf(version: number): {
  verdicts: [{ cluster: string; generation: number; phase: "open"; restMs: number }]
} {
  return { verdicts: [{ cluster: "c", generation: version, phase: "open", restMs: 0 }] }
}
