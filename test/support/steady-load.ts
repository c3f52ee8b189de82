/** Requests at an even rate, to one target after the other, whether those before were answered or not. */
import { type Summary, summary } from "./latencies.ts"

/** The status, or in a word why there was no answer; undefined when nobody knows. */
export type Send = (target: number) => Promise<number | string | undefined>

export interface LoadCount extends Summary {
  readonly failed: number
  /** How they failed, and how often. */
  readonly failures: Readonly<Record<string, number>>
}

const TICK_MS = 5
/** A machine that cannot keep up is not buried: what is due meanwhile is not sent. */
const PENDING_MAX = 100

export class SteadyLoad {
  sent = 0
  readonly #send: Send
  readonly #perSecond: number
  readonly #pending = new Set<Promise<void>>()
  #targets: readonly number[]
  #timesMs: number[] = []
  #failures: Record<string, number> = {}
  #due = 0
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(send: Send, targets: readonly number[], perSecond: number) {
    this.#send = send
    this.#targets = targets
    this.#perSecond = perSecond
  }

  start(): void {
    const startedAtMs = performance.now()
    this.#timer = setInterval(() => {
      const due = ((performance.now() - startedAtMs) * this.#perSecond) / 1000
      for (; this.#due < due; this.#due++) {
        if (this.#pending.size >= PENDING_MAX) continue
        const target = this.#targets[this.sent++ % this.#targets.length]!
        const one = this.once(target)
        this.#pending.add(one)
        void one.finally(() => this.#pending.delete(one))
      }
    }, TICK_MS)
  }

  /** From here on these get requests; the others have no more under way when it is done. */
  async turnTo(targets: readonly number[]): Promise<void> {
    this.#targets = targets
    await Promise.all([...this.#pending])
  }

  async once(target: number): Promise<void> {
    const startedAtMs = performance.now()
    const status = await this.#send(target)
    if (status !== 200) this.#failures[`${status}`] = (this.#failures[`${status}`] ?? 0) + 1
    this.#timesMs.push(performance.now() - startedAtMs)
  }

  /** What came of the requests that ended since the last time this was asked. */
  take(): LoadCount {
    const failures = this.#failures
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0)
    const count = { ...summary(this.#timesMs), failed, failures }
    this.#timesMs = []
    this.#failures = {}
    return count
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#pending])
  }
}
