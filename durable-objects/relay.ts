/**
 * The relay of a region, or of a share of its isolates: has the newest revision and the feed near them, so that their questions do not
 * all go to one place on earth. It is told by the root, and made anew from it; nothing is lost with it.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import {
  acknowledge,
  acknowledgement,
  answer,
  askedInVain,
  askInMs,
  emptyRelay,
  type Relay,
  restoredRelay,
  take,
} from "#shared/propagation/relay.ts"
import { countPull, freshRate, spreadFor } from "#shared/propagation/spread.ts"
import type { ApiKeyNews, ApiKeyUse } from "#shared/protocol/api-keys.ts"
import { type News, NO_NEWS } from "#shared/protocol/feed.ts"
import type { Acknowledgement, Bulletin, Confirmation, Head, RelayRpc, RelayView } from "#shared/protocol/relay.ts"
import { MESH, type Pull, type PullReply, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import { hash32 } from "#shared/std/hash.ts"
import { inTime } from "./in-time.ts"
import { Isolates } from "./isolates.ts"
import { migrate } from "./migrations.ts"
import { RelayedKeys } from "./relayed-keys.ts"
import { readText, TEXTS_SCHEMA, writeText } from "./texts.ts"

interface Env {
  readonly ROUTE_TABLE: DurableObjectNamespace
}

const MIGRATIONS = [TEXTS_SCHEMA]

export class RelayObject extends DurableObject<Env> implements RelayRpc {
  readonly #storage = this.ctx.storage
  readonly #name = this.ctx.id.name ?? ""
  readonly #isolates: Isolates
  readonly #keys = new RelayedKeys()
  #relay: Relay = emptyRelay(Date.now())
  #sinceMs = Date.now()
  #rate = freshRate(Date.now())
  #candidate: { readonly digest: string; readonly text: Promise<string | undefined> } | undefined
  #asking: { readonly done: Promise<void>; readonly sinceMs: number } | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    migrate(this.#storage, MIGRATIONS)
    this.#isolates = new Isolates(ctx.storage.kv, Date.now(), this.#name)
    void ctx.blockConcurrencyWhile(() => this.#restore())
  }

  async pull(pull: Pull): Promise<PullReply> {
    const nowMs = Date.now()
    this.#note(pull, nowMs)
    const inMs = askInMs(this.#relay, pull.atLeast ?? 0, nowMs)
    if (inMs !== undefined) await this.#askIn(inMs, pull.atLeast ?? 0)
    const spread = spreadFor(this.#rate, pull.spread ?? 1)
    const reply = answer(this.#relay, pull, Date.now())
    return spread === (pull.spread ?? 1) ? reply : { ...reply, spread }
  }

  async confirm(confirmation: Confirmation): Promise<void> {
    this.#isolates.confirm(confirmation, Date.now())
  }

  async text(digest: string): Promise<string | undefined> {
    return digest === this.#relay.head.digest ? this.#relay.text : this.#candidateText(digest)
  }

  /** The snapshot of a guarded apply's candidate, for which all isolates ask at the same time. */
  #candidateText(wanted: string): Promise<string | undefined> | undefined {
    if (this.#relay.news.feed.candidate?.digest !== wanted) return undefined
    if (this.#candidate?.digest !== wanted) {
      const text = (this.env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc).text(wanted)
      const candidate = { digest: wanted, text }
      this.#candidate = candidate
      // What failed is asked for again.
      text
        .catch(() => {})
        .then((found) => {
          if (found === undefined && this.#candidate === candidate) this.#candidate = undefined
        })
    }
    return this.#candidate!.text
  }

  async keysSince(known: number): Promise<ApiKeyNews | undefined> {
    const root = () => this.env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
    return this.#keys.since(known, this.#relay.news.feed.apiKeys ?? 0, (own) => root().keysSince(own), Date.now())
  }

  async push(bulletin: Bulletin): Promise<Acknowledgement> {
    await this.#take(bulletin, Date.now(), "pushed")
    const { relay, said } = acknowledge(this.#relay, Date.now())
    this.#relay = relay
    return said
  }

  async view(): Promise<RelayView> {
    const nowMs = Date.now()
    return { ...this.#relay.head, atMs: nowMs, sinceMs: this.#sinceMs, ...this.#isolates.view(nowMs) }
  }

  async #restore(): Promise<void> {
    const { kv, sql } = this.#storage
    const head = kv.get<Head>("head")
    if (!head) return
    const text = readText(sql, head.revision, "snapshot")
    const news = kv.get<News>("news") ?? NO_NEWS
    // What the disk has spoilt is asked for anew.
    const isWhole = kv.get("seal") === sealOf(head, news) && (await digest(text)) === head.digest
    if (isWhole) this.#relay = restoredRelay(head, text, news, Date.now())
    else console.warn(`weft: the relay ${this.#name} found revision ${head.revision} spoilt`)
  }

  #note(pull: Pull, nowMs: number): void {
    this.#rate = countPull(this.#rate, pull.spread ?? 1, nowMs)
    this.#relay = { ...this.#relay, askedAtMs: nowMs }
    this.#isolates.note(pull, nowMs)
    const uses = this.#keys.gather(pull.keyUses ?? [], nowMs)
    if (uses) this.ctx.waitUntil(this.#tellUses(uses))
  }

  /** Best effort: the next use will be told. */
  async #tellUses(uses: readonly ApiKeyUse[]): Promise<void> {
    try {
      await (this.env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc).noteKeyUses(uses)
    } catch (error) {
      console.warn(`weft: the root was not told of ${uses.length} uses of API keys: ${error}`)
    }
  }

  /** What is wanted may come by itself meanwhile. */
  async #askIn(ms: number, atLeast: number): Promise<void> {
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    if (ms === 0 || this.#relay.head.revision < atLeast) await this.#ask()
  }

  /** Asks the root once for all who wait for it, and waits no longer than the answer is worth. */
  async #ask(): Promise<void> {
    const nowMs = Date.now()
    // A question that hangs is left to itself after a while.
    const isUnderWay = this.#asking && Math.abs(nowMs - this.#asking.sinceMs) < LIMITS.relayLeaseMs
    const asking = isUnderWay ? this.#asking! : { done: this.#follow(), sinceMs: nowMs }
    this.#asking = asking
    const done = asking.done.then(() => {
      if (this.#asking === asking) this.#asking = undefined
    })
    await inTime(done, LIMITS.relayAskMs, () => {
      this.#relay = askedInVain(this.#relay, Date.now())
    })
  }

  /** Never rejects. */
  async #follow(): Promise<void> {
    const askedAtMs = Date.now()
    try {
      const root = this.env.ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
      const bulletin = await root.follow(this.#name, acknowledgement(this.#relay))
      if (!(await this.#take(bulletin, askedAtMs, "asked"))) throw new Error("what it says is damaged")
    } catch (error) {
      if (this.#relay.pausedUntilMs < askedAtMs) console.warn(`weft: the root does not answer its relays: ${error}`)
      this.#relay = askedInVain(this.#relay, Date.now())
    }
  }

  /** Whether it could be taken at all. */
  async #take(bulletin: Bulletin, asOfMs: number, how: "pushed" | "asked"): Promise<boolean> {
    const { text, head } = bulletin
    if (text !== undefined && (await digest(text)) !== head.digest) {
      console.warn(`weft: revision ${head.revision} was damaged on its way to the relay ${this.#name}`)
      return false
    }
    const before = this.#relay
    this.#relay = take(before, bulletin, asOfMs, how)
    if (this.#relay.head !== before.head) this.#sinceMs = Date.now()
    if (this.#relay.head !== before.head || this.#relay.news !== before.news) this.#store(before)
    return true
  }

  #store(before: Relay): void {
    const { head, text, news } = this.#relay
    this.#storage.transactionSync(() => {
      if (head !== before.head) {
        this.#storage.sql.exec("DELETE FROM texts")
        writeText(this.#storage.sql, head.revision, "snapshot", text)
        this.#storage.kv.put("head", head)
      }
      this.#storage.kv.put("news", news)
      this.#storage.kv.put("seal", sealOf(head, news))
    })
  }
}

/** A relay that took a wrong number for its revision's would hear of none below it. */
function sealOf(head: Head, news: News): number {
  return hash32(JSON.stringify([head, news]))
}
