/** Virtual time: what is to happen, in its order, and a trace of what did. */
import { Dice } from "./dice.ts"

/** What must hold did not. */
export class Violation extends Error {
  readonly invariant: string

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`)
    this.name = "Violation"
    this.invariant = invariant
  }
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class Engine {
  nowMs = 0
  readonly dice: Dice
  /** Absent: nothing is written down. */
  readonly trace: string[] | undefined
  readonly #heap: Event[] = []
  #orders = 0

  constructor(seed: number, traced: boolean) {
    this.dice = new Dice(seed)
    this.trace = traced ? [] : undefined
  }

  after(delayMs: number, run: () => void): void {
    const event: Event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#orders++, run }
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  /** Again and again, each time as long after as `delayMs` says, until it says undefined. */
  every(delayMs: () => number | undefined, run: () => void): void {
    const next = () => {
      const wait = delayMs()
      if (wait === undefined) return
      this.after(wait, () => {
        run()
        next()
      })
    }
    next()
  }

  runUntil(endMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= endMs) {
      const { atMs, run } = this.#pop()
      this.nowMs = atMs
      run()
    }
    this.nowMs = endMs
  }

  say(what: () => string): void {
    this.trace?.push(`${this.nowMs.toFixed(0).padStart(6)} ms  ${what()}`)
  }

  #pop(): Event {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
