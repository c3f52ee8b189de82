/**
 * What the root still has to tell, and to whom: relays, and the last known good copy. Written with the revision itself; an
 * alarm goes on where a killed object left off. Pushes to different relays do not wait for each other.
 */
import { LIMITS } from "#shared/model/limits.ts"
import {
  acknowledged,
  asked,
  lacks,
  type Newest,
  nextDueMs,
  type Peer,
  pushesAtOnce,
  unacknowledged,
} from "#shared/propagation/outbox.ts"
import type { Acknowledgement, Bulletin, RelayStatus } from "#shared/protocol/relay.ts"
import { inTime } from "./in-time.ts"

export const RELAYS_SCHEMA = `CREATE TABLE relays (
  name TEXT PRIMARY KEY, revision INTEGER NOT NULL, digest TEXT NOT NULL, news INTEGER NOT NULL,
  said_at_ms INTEGER NOT NULL, failures INTEGER NOT NULL, due_at_ms INTEGER NOT NULL
) WITHOUT ROWID`

type Row = {
  name: string
  revision: number
  digest: string
  news: number
  said_at_ms: number
  failures: number
  due_at_ms: number
}

export interface OutboxSurroundings {
  newest(): Newest
  /** Of the newest snapshot. */
  textBytes(): number
  /** All that there is to tell somebody who has this. */
  bulletin(has: { readonly digest: string }): Bulletin
  target(name: string): Target
  /** Something has to be told at this time, if it has not been by then. */
  wakeAt(atMs: number): void
  waitUntil(promise: Promise<unknown>): void
}

export interface Target {
  push(bulletin: Bulletin): Promise<Acknowledgement>
  /** A push that takes longer has failed. */
  readonly patienceMs: number
  /** Between two pushes. */
  readonly gapMs: number
}

/** Pushes are begun at once; the alarm is for those that this object does not live to finish. */
const SAFETY_MS = 1_000

export class Outbox {
  readonly #sql: SqlStorage
  readonly #around: OutboxSurroundings
  readonly #peers = new Map<string, Peer>()
  readonly #pushing = new Set<string>()

  constructor(sql: SqlStorage, around: OutboxSurroundings) {
    this.#sql = sql
    this.#around = around
    for (const row of sql.exec<Row>("SELECT * FROM relays ORDER BY name")) {
      const { said_at_ms: saidAtMs, due_at_ms: dueAtMs, ...same } = row
      this.#peers.set(row.name, { ...same, saidAtMs, dueAtMs })
    }
  }

  /** Somebody says what he has, and is told from now on. */
  follow(name: string, has: Acknowledgement, nowMs: number): void {
    if (!this.#peers.has(name) && this.#peers.size >= LIMITS.relaysMax) this.#forgetOne()
    this.#keep(asked(name, has, nowMs))
  }

  has(name: string): boolean {
    return this.#peers.has(name)
  }

  /** There is more to tell. Belongs into the transaction that makes it so. */
  announce(nowMs: number): void {
    if (this.#peers.size > 0) this.#around.wakeAt(nowMs + SAFETY_MS)
  }

  /** Begins the pushes that are due. */
  run(nowMs: number): void {
    const newest = this.#around.newest()
    const due = [...this.#peers.values()].filter(
      (peer) => lacks(peer, newest) && peer.dueAtMs <= nowMs && !this.#pushing.has(peer.name),
    )
    // Those that failed last wait for the others.
    due.sort((a, b) => a.failures - b.failures)
    for (const { name } of due) {
      if (this.#pushing.size >= this.#atOnce()) break
      this.#pushing.add(name)
      this.#around.waitUntil(this.#pushTo(name))
    }
    this.#wake(nowMs)
  }

  list(): RelayStatus[] {
    return [...this.#peers.values()].map(({ name, revision, saidAtMs, failures }) => ({
      ...{ name, acknowledged: revision, acknowledgedAtMs: saidAtMs, failures },
    }))
  }

  /** Never rejects. */
  async #pushTo(name: string): Promise<void> {
    const pushed = this.#around.newest()
    const target = this.#around.target(name)
    const said = await this.#push(name, target)
    const peer = this.#peers.get(name)
    if (peer) {
      const nowMs = Date.now()
      const dice = Math.random()
      const next = said
        ? acknowledged(peer, said, pushed, nowMs, dice, target.gapMs)
        : unacknowledged(peer, nowMs, dice)
      if (next) this.#keep(next)
      else this.#forget(name)
      // Holds its place meanwhile, so that a burst of changes needs no alarm.
      if (next?.failures === 0) await sleep(target.gapMs)
    }
    this.#pushing.delete(name)
    this.run(Date.now())
  }

  async #push(name: string, { push, patienceMs }: Target): Promise<Acknowledgement | undefined> {
    try {
      return await inTime(push(this.#around.bulletin(this.#peers.get(name)!)), patienceMs, () => undefined)
    } catch (error) {
      if (this.#peers.get(name)?.failures === 0) console.warn(`weft: ${name} does not take the news: ${error}`)
      return undefined
    }
  }

  #wake(nowMs: number): void {
    const idle = [...this.#peers.values()].filter(({ name }) => !this.#pushing.has(name))
    const dueMs = nextDueMs(idle, this.#around.newest())
    if (dueMs !== undefined) this.#around.wakeAt(Math.max(dueMs, nowMs + 1))
    else if (this.#pushing.size > 0) this.#around.wakeAt(nowMs + LIMITS.pushMs + SAFETY_MS)
  }

  #atOnce(): number {
    return pushesAtOnce(this.#around.textBytes())
  }

  #keep(peer: Peer): void {
    const before = this.#peers.get(peer.name)
    // That a relay has said the same again is worth no write.
    if (before && isSame(before, peer)) return
    this.#peers.set(peer.name, peer)
    const { name, revision, digest, news, saidAtMs, failures, dueAtMs } = peer
    this.#sql.exec(
      "INSERT OR REPLACE INTO relays VALUES (?, ?, ?, ?, ?, ?, ?)",
      ...[name, revision, digest, news, saidAtMs, failures, Math.round(dueAtMs)],
    )
  }

  #forget(name: string): void {
    this.#peers.delete(name)
    this.#sql.exec("DELETE FROM relays WHERE name = ?", name)
  }

  /** The one that was silent for longest; if it is still there it asks again. */
  #forgetOne(): void {
    const [oldest] = [...this.#peers.values()].sort((a, b) => a.saidAtMs - b.saidAtMs)
    if (oldest) this.#forget(oldest.name)
  }
}

function isSame(a: Peer, b: Peer): boolean {
  const said = a.revision === b.revision && a.digest === b.digest && a.news === b.news
  return said && a.failures === b.failures && a.dueAtMs === b.dueAtMs && b.saidAtMs - a.saidAtMs < LIMITS.relayIdleMs
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
