/**
 * The attempts that are under way, each with what was taken for it and has to be given back. When a caller goes away the runtime may
 * end an attempt without a word, so that nothing is held for longer than its ticket says.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Ticket } from "./guard.ts"

export class Passages<T> {
  #lookedAtMs = 0
  #sweptAtMs = 0
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

  /** What to give back for attempts that were never heard of again. Looked for once in a while, because it looks at each. */
  expired(nowMs: number): readonly T[] {
    const elapsedMs = nowMs - this.#sweptAtMs
    if (this.#under.size === 0 || (elapsedMs >= 0 && elapsedMs < LIMITS.attemptBeatMs)) return NOTHING
    this.#sweptAtMs = nowMs
    return this.#take(({ endsAtMs }, atMs) => nowMs >= Math.min(endsAtMs, atMs + LIMITS.attemptMsMax))
  }

  /** What to give back for attempts whose callers have gone away, when places run short: looked for more often. */
  gone(nowMs: number): readonly T[] {
    const elapsedMs = nowMs - this.#lookedAtMs
    if (elapsedMs >= 0 && elapsedMs < LIMITS.goneLookMs) return NOTHING
    this.#lookedAtMs = nowMs
    return this.#take((ticket) => nowMs >= ticket.endsAtMs || hasGone(ticket))
  }

  clear(): void {
    this.#under.clear()
  }

  #take(isOver: (ticket: Ticket, atMs: number) => boolean): readonly T[] {
    const over = [...this.#under].filter(([ticket, { atMs }]) => isOver(ticket, atMs))
    for (const [ticket] of over) this.#under.delete(ticket)
    return over.map(([, { taken }]) => taken)
  }
}

const NOTHING: readonly never[] = []

/** Should the runtime ever keep a request from looking at another one's signal, the attempt counts until it is lost. */
function hasGone({ request }: Ticket): boolean {
  try {
    return request?.signal.aborted === true
  } catch {
    return false
  }
}
