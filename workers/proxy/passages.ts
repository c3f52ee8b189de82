/**
 * The attempts that are under way, each with what was taken for it and has to be given back. When a caller goes away the runtime may
 * end an attempt without a word, so that nothing is held for longer than an attempt can last.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ticket } from "./guard.ts"

export class Passages<T> {
  #lookedAtMs = 0
  /** In the order in which they began. */
  readonly #under = new Map<Ticket, { readonly taken: T; readonly atMs: number }>()

  enter(ticket: Ticket, taken: T, nowMs: number): void {
    this.#under.set(ticket, { taken, atMs: nowMs })
  }

  /** What to give back; undefined when that has been done. */
  leave(ticket: Ticket): T | undefined {
    const found = this.#under.get(ticket)
    this.#under.delete(ticket)
    return found?.taken
  }

  /** What to give back for attempts that were never heard of again. */
  expired(nowMs: number): T[] {
    const expired: T[] = []
    for (const [ticket, { taken, atMs }] of this.#under) {
      if (nowMs - atMs < LIMITS.attemptMsMax) break
      this.#under.delete(ticket)
      expired.push(taken)
    }
    return expired
  }

  /** What to give back for attempts whose callers have gone away. Looked for now and then only, because it looks at each. */
  gone(nowMs: number): T[] {
    const elapsedMs = nowMs - this.#lookedAtMs
    if (elapsedMs >= 0 && elapsedMs < LIMITS.goneLookMs) return []
    this.#lookedAtMs = nowMs
    const gone = [...this.#under].filter(([ticket]) => hasGone(ticket))
    for (const [ticket] of gone) this.#under.delete(ticket)
    return gone.map(([, { taken }]) => taken)
  }

  clear(): void {
    this.#under.clear()
  }
}

/** Should the runtime ever keep a request from looking at another one's signal, the attempt counts until it is lost. */
function hasGone({ request }: Ticket): boolean {
  try {
    return request?.signal.aborted === true
  } catch {
    return false
  }
}
