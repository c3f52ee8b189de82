/** API keys at a relay: the list, asked for when somebody needs it, and what isolates tell of uses. In memory only. */
import { LIMITS } from "#shared/model/limits.ts"
import { hear, type KeyList, newsSince } from "#shared/propagation/key-list.ts"
import { type ApiKeyNews, type ApiKeyUse, NO_API_KEYS } from "#shared/protocol/api-keys.ts"

type Ask = (known: number) => Promise<ApiKeyNews | undefined>

export class RelayedKeys {
  #list: KeyList | undefined
  #asking: { readonly done: Promise<void>; readonly sinceMs: number } | undefined
  readonly #uses = new Map<string, number>()
  #toldAtMs = Number.NEGATIVE_INFINITY

  /** What is new to an isolate. The root is asked, once for all who wait, when the list is older than the feed says it is. */
  async since(known: number, wanted: number, ask: Ask, nowMs: number): Promise<ApiKeyNews | undefined> {
    if ((this.#list?.version ?? NO_API_KEYS) < wanted) await this.#refresh(ask, nowMs)
    return this.#list && newsSince(this.#list, known)
  }

  /** What is to be told to the root now; undefined while it was told of others a moment ago. */
  gather(uses: readonly ApiKeyUse[], nowMs: number): readonly ApiKeyUse[] | undefined {
    for (const { id, atMs } of uses) {
      if (this.#uses.size < LIMITS.apiKeyUsesMax || this.#uses.has(id)) {
        this.#uses.set(id, Math.max(atMs, this.#uses.get(id) ?? 0))
      }
    }
    if (this.#uses.size === 0 || Math.abs(nowMs - this.#toldAtMs) < LIMITS.apiKeyUseReportMs) return undefined
    this.#toldAtMs = nowMs
    const told = [...this.#uses].map(([id, atMs]) => ({ id, atMs }))
    this.#uses.clear()
    return told
  }

  /** Never rejects. */
  #refresh(ask: Ask, nowMs: number): Promise<void> {
    // A question that hangs is left to itself after a while.
    const asking = this.#asking
    if (asking && Math.abs(nowMs - asking.sinceMs) < LIMITS.relayLeaseMs) return asking.done
    const done = this.#ask(ask).finally(() => {
      if (this.#asking?.done === done) this.#asking = undefined
    })
    this.#asking = { done, sinceMs: nowMs }
    return done
  }

  async #ask(ask: Ask): Promise<void> {
    try {
      const news = await ask(this.#list?.version ?? NO_API_KEYS)
      if (news) this.#list = hear(this.#list, news)
    } catch (error) {
      console.warn(`weft: the root does not tell of API keys: ${error}`)
    }
  }
}
