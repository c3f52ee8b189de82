/**
 * How often isolates should report to one object, by how much comes in: a mesh of thousands must not overrun what decides for it. Each
 * isolate adds up what it saw until then, so that nothing is lost but time.
 */
import { LIMITS } from "#shared/model/limits.ts"

const SECOND_MS = 1_000

/**
 * How an isolate keeps to a pace: the time between two reports, before jitter, and the chance that one of them is made at all. What an
 * isolate saw is of use only while it is fresh: where it would have to wait for too long, a few speak for all.
 */
export function turnOf(paceMs: number): { readonly everyMs: number; readonly chance: number } {
  const everyMs = Math.min(paceMs, LIMITS.breakerReportMsMax)
  return { everyMs, chance: everyMs / paceMs }
}

/** How much of what was known of the rate is still known a second later. */
const REMEMBERED = 0.7

export class Pace {
  #second = 0
  #count = 0
  /** Reports in a second, as many as there would be if all reported as often as they usually do. */
  #rate = 0
  #everyMs: number = LIMITS.breakerReportMs

  /** Counts one report, and says how long its isolate should wait before the next. */
  everyMs(nowMs: number): number {
    const second = Math.floor(nowMs / SECOND_MS)
    if (second !== this.#second) this.#turn(second)
    this.#count += 1
    return this.#everyMs
  }

  #turn(second: number): void {
    const silent = Math.min(Math.max(0, second - this.#second - 1), 60)
    const usual = this.#count * (this.#everyMs / LIMITS.breakerReportMs)
    this.#rate = (this.#rate * REMEMBERED + usual * (1 - REMEMBERED)) * REMEMBERED ** silent
    const times = Math.ceil(this.#rate / LIMITS.breakerReportsPerSecond)
    this.#everyMs = Math.min(LIMITS.breakerPaceMsMax, Math.max(1, times) * LIMITS.breakerReportMs)
    this.#second = second
    this.#count = 0
  }
}
