/** Time that passes only when a story says so, and then wakes whoever sleeps, one after the other. */
export class StoryTime {
  nowMs: number
  #sleepers: { readonly untilMs: number; readonly wake: () => void }[] = []

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  readonly sleep = (ms: number): Promise<void> =>
    new Promise((wake) => void this.#sleepers.push({ untilMs: this.nowMs + ms, wake }))

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    for (;;) {
      await settled()
      const next = this.#sleepers.filter(({ untilMs }) => untilMs <= endMs).sort((a, b) => a.untilMs - b.untilMs)[0]
      if (!next) break
      this.#sleepers.splice(this.#sleepers.indexOf(next), 1)
      this.nowMs = Math.max(this.nowMs, next.untilMs)
      next.wake()
    }
    this.nowMs = endMs
    await settled()
  }

  /** Who sleeps is never woken: what a request left behind was ended. */
  endSleepers(): void {
    this.#sleepers = []
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
