/**
 * What was counted for objectives, for as long as their windows need it. Telemetry keeps an hour; this keeps minutes for six hours and half
 * hours for thirty days, so that sums of up to six hours are of whole minutes, and longer ones up to half an hour too long.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Counts } from "./objective.ts"

/** Steps of one length, as they stand in storage. */
export interface StoredStep {
  readonly widthMs: number
  readonly startMs: number
  /** By the key of an indicator: all requests, bad ones. */
  readonly counts: Readonly<Record<string, readonly [total: number, bad: number]>>
}

type Step = Map<string, { total: number; bad: number }>

/** Length of a step, and for how long they are kept. */
const LEVELS = [
  { widthMs: LIMITS.alertStepMs, keptMs: LIMITS.alertMinutesMs },
  { widthMs: LIMITS.alertCoarseMs, keptMs: LIMITS.alertPeriodMs },
] as const

export class CountHistory {
  readonly #levels = LEVELS.map((level) => ({ ...level, steps: new Map<number, Step>() }))
  readonly #dirty = new Set<string>()

  constructor(stored: Iterable<StoredStep> = []) {
    for (const { widthMs, startMs, counts } of stored) {
      const level = this.#levels.find((one) => one.widthMs === widthMs)
      for (const [key, [total, bad]] of Object.entries(counts)) {
        if (level) addTo(stepAt(level.steps, startMs), key, { total, bad })
      }
    }
  }

  /** Counts of the minute that begins at `startMs`. */
  add(startMs: number, key: string, counts: Counts): void {
    if (counts.total === 0) return
    for (const { widthMs, steps } of this.#levels) {
      const start = Math.floor(startMs / widthMs) * widthMs
      addTo(stepAt(steps, start), key, counts)
      this.#dirty.add(`${widthMs} ${start}`)
    }
  }

  /** For each span the sum of what was counted in it up to `endMs`, the end of a minute. */
  sums(key: string, spansMs: readonly number[], endMs: number): Counts[] {
    return spansMs.map((spanMs) => {
      const level = this.#levels.find(({ keptMs }) => spanMs <= keptMs) ?? this.#levels.at(-1)!
      const fromMs = Math.floor((endMs - spanMs) / level.widthMs) * level.widthMs
      let total = 0
      let bad = 0
      for (const [startMs, step] of level.steps) {
        const counts = startMs >= fromMs && startMs < endMs ? step.get(key) : undefined
        total += counts?.total ?? 0
        bad += counts?.bad ?? 0
      }
      return { total, bad }
    })
  }

  /** Steps that changed since they were last asked for, to be stored. */
  changed(): StoredStep[] {
    const changed = this.#levels.flatMap(({ widthMs, steps }) =>
      [...steps]
        .filter(([startMs]) => this.#dirty.has(`${widthMs} ${startMs}`))
        .map(([startMs, step]) => ({ widthMs, startMs, counts: plainOf(step) })),
    )
    this.#dirty.clear()
    return changed
  }

  /** Forgets what no window reaches any more; for each length of step what begins before is gone. */
  expire(nowMs: number): { readonly widthMs: number; readonly beforeMs: number }[] {
    return this.#levels.map(({ widthMs, keptMs, steps }) => {
      const beforeMs = Math.floor((nowMs - keptMs) / widthMs) * widthMs
      for (const startMs of steps.keys()) if (startMs < beforeMs) steps.delete(startMs)
      return { widthMs, beforeMs }
    })
  }
}

function stepAt(steps: Map<number, Step>, startMs: number): Step {
  const known = steps.get(startMs)
  if (known) return known
  const step: Step = new Map()
  steps.set(startMs, step)
  return step
}

function addTo(step: Step, key: string, { total, bad }: Counts): void {
  const known = step.get(key)
  if (known) {
    known.total += total
    known.bad += bad
  } else step.set(key, { total, bad })
}

function plainOf(step: Step): StoredStep["counts"] {
  return Object.fromEntries([...step].map(([key, { total, bad }]) => [key, [total, bad]]))
}
