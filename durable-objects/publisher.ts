/**
 * How the route table's newest revision and the feed get out: it tells relays, which tell isolates; it answers isolates that have no
 * relay to ask, or whose relay is down; and it knows who has said that he has what.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Published } from "#shared/model/snapshot.ts"
import { regionOfRelay } from "#shared/propagation/regions.ts"
import { newerFor } from "#shared/propagation/relay.ts"
import type { Feed } from "#shared/protocol/feed.ts"
import {
  type Acknowledgement,
  type Bulletin,
  type Confirmation,
  NO_HEAD,
  type RelayRpc,
  type RelayStatus,
  type RelayView,
} from "#shared/protocol/relay.ts"
import type { Pull, PullReply } from "#shared/protocol/route-table.ts"
import type { Alarm } from "./alarm.ts"
import { Isolates } from "./isolates.ts"
import { LAST_KNOWN, LAST_KNOWN_HAS_NONE, lastKnownTarget } from "./last-known.ts"
import { Outbox, type Target } from "./outbox.ts"

export interface PublisherEnv {
  /** Absent in a control Worker of before there were relays: then isolates ask the root. */
  readonly RELAY?: DurableObjectNamespace
  /** Holds the last known good snapshot, for isolates that start while no object can be reached. */
  readonly WEFT_KV?: KVNamespace
}

/** What there is to publish, read from storage each time. */
export interface Publications {
  head(): number
  newest(): Published | undefined
  feed(nowMs: number): Feed
}

/** Under which the version of the feed is kept. */
const NEWS = "news"

export class Publisher {
  readonly #kv: SyncKvStorage
  readonly #env: PublisherEnv
  readonly #publications: Publications
  readonly #isolates: Isolates
  readonly #outbox: Outbox
  #newsAtMs = 0

  constructor(ctx: DurableObjectState, env: PublisherEnv, alarm: Alarm, publications: Publications) {
    const { storage } = ctx
    this.#kv = storage.kv
    this.#env = env
    this.#publications = publications
    this.#isolates = new Isolates(storage.kv, Date.now())
    this.#outbox = new Outbox(storage.sql, {
      newest: () => ({ revision: publications.head(), news: this.#newsVersion() }),
      textBytes: () => publications.newest()?.text.length ?? 0,
      bulletin: (has) => this.#bulletin(has),
      target: (name) => this.#target(name),
      wakeAt: (atMs) => alarm.wakeAt(atMs),
      waitUntil: (promise) => ctx.waitUntil(promise),
    })
  }

  /** There is a new revision. Belongs into the transaction that writes it; `run` comes after. */
  announce(nowMs: number): void {
    if (this.#env.WEFT_KV && !this.#outbox.has(LAST_KNOWN)) this.#outbox.follow(LAST_KNOWN, LAST_KNOWN_HAS_NONE, nowMs)
    this.#outbox.announce(nowMs)
  }

  /** What the feed says holds for longer. Relays ask again by themselves, but news that are worth nothing soon must not wait for it. */
  renewNews(nowMs: number): void {
    if (Math.abs(nowMs - this.#newsAtMs) >= LIMITS.relayLeaseMs / 2) this.announceNews(nowMs)
  }

  /** The feed has changed. */
  announceNews(nowMs: number): void {
    this.#newsAtMs = nowMs
    this.#kv.put(NEWS, this.#newsVersion() + 1)
    this.#outbox.announce(nowMs)
    this.#outbox.run(nowMs)
  }

  /** Tells whoever is to be told. */
  run(nowMs: number): void {
    this.#outbox.run(nowMs)
  }

  pull(pull: Pull, nowMs: number): PullReply {
    this.#isolates.note(pull, nowMs)
    const newest = this.#publications.head() > pull.serving ? this.#publications.newest() : undefined
    return { newer: newest && newerFor(newest, newest.text, pull), ...this.#publications.feed(nowMs) }
  }

  confirm(confirmation: Confirmation, nowMs: number): void {
    this.#isolates.confirm(confirmation, nowMs)
  }

  text(digest: string): string | undefined {
    const newest = this.#publications.newest()
    return newest?.digest === digest ? newest.text : undefined
  }

  /** A relay asks. It has all that it is told now; should the answer get lost, it asks again. */
  follow(relay: string, has: Acknowledgement, nowMs: number): Bulletin {
    const bulletin = this.#bulletin(has)
    this.#outbox.follow(relay, { ...bulletin.head, news: bulletin.news.version, idle: false }, nowMs)
    return bulletin
  }

  relays(): readonly RelayStatus[] {
    return this.#outbox.list().filter(({ name }) => name !== LAST_KNOWN)
  }

  view(sinceMs: number, nowMs: number): RelayView {
    const { revision, digest } = this.#publications.newest() ?? NO_HEAD
    return { revision, digest, atMs: nowMs, sinceMs, ...this.#isolates.view(nowMs) }
  }

  #newsVersion(): number {
    return this.#kv.get<number>(NEWS) ?? 0
  }

  #bulletin(has: { readonly digest: string }): Bulletin {
    const newest = this.#publications.newest()
    const news = { version: this.#newsVersion(), feed: this.#publications.feed(Date.now()) }
    if (!newest) return { head: NO_HEAD, news }
    const { revision, digest, text } = newest
    return { head: { revision, digest }, ...(digest !== has.digest && { text }), news }
  }

  #target(name: string): Target {
    if (name === LAST_KNOWN) return lastKnownTarget(this.#env.WEFT_KV)
    const locationHint = regionOfRelay(name)
    const relay = this.#env.RELAY?.getByName(name, locationHint && { locationHint }) as unknown as RelayRpc | undefined
    return {
      push: (bulletin) => relay?.push(bulletin) ?? Promise.reject(new Error("control has no binding RELAY")),
      patienceMs: LIMITS.pushMs,
      gapMs: LIMITS.pushGapMs,
    }
  }
}
