/** The last minutes of a mesh: slots merged into the steps of a window, and only those labels kept that somebody wants told apart. */
import { LIMITS } from "#shared/model/limits.ts"
import type { StatsBy, WindowQuery } from "#shared/model/telemetry.ts"
import { addSample, type Labels, newSample, type Series } from "./series.ts"
import { decodeInto } from "./wire.ts"

/** A slot, as it stands in storage or in memory. */
export interface TimedSeries {
  readonly startMs: number
  readonly series: Uint8Array | readonly Series[]
}

/**
 * When the steps of a window begin: at the borders of slots, the first no later than the window, the last of them under way. One
 * point is a step that is as long as the window; more are of equal lengths.
 */
export function stepsOf(windowMs: number, points: number, nowMs: number): readonly number[] {
  const slotMs = LIMITS.telemetrySlotMs
  const wantedMs = Math.min(Math.max(windowMs, slotMs), (LIMITS.telemetrySlots - 1) * slotMs)
  if (points <= 1) return [floorTo(nowMs - wantedMs, slotMs)]
  const stepMs = Math.ceil(wantedMs / points / slotMs) * slotMs
  const first = floorTo(nowMs - wantedMs, stepMs)
  return Array.from({ length: Math.floor((nowMs - first) / stepMs) + 1 }, (_, step) => first + step * stepMs)
}

/** For each step what was counted in it. What cannot be read is left out. */
export function cut(slots: Iterable<TimedSeries>, query: WindowQuery): Series[][] {
  const { starts } = query
  const steps = starts.map(() => new Step(query))
  for (const { startMs, series } of slots) {
    const step = steps[starts.findLastIndex((start) => start <= startMs)]
    if (!step) continue
    if (series instanceof Uint8Array) decodeInto(series, Number.MAX_SAFE_INTEGER, (labels) => step.placeOf(labels))
    else for (const one of series) step.add(one)
  }
  return steps.map(({ series }) => series)
}

/** An hour of a large mesh is some million series of slots: they are added up where they are read. */
class Step {
  readonly #query: WindowQuery
  readonly #sums = new Map<string, Series & { readonly buckets: Float64Array }>()

  constructor(query: WindowQuery) {
    this.#query = query
  }

  get series(): Series[] {
    return [...this.#sums.values()]
  }

  add(series: Series): void {
    const sum = this.placeOf(series.labels)
    if (sum) addSample(sum, series)
  }

  placeOf(labels: Labels): (Series & { readonly buckets: Float64Array }) | undefined {
    const { by, from, to } = this.#query
    if ((from !== undefined && labels.from !== from) || (to !== undefined && labels.to !== to)) return undefined
    const key = `${NAMES[by](labels)} ${labels.class} ${labels.refusal}`
    const known = this.#sums.get(key)
    if (known) return known
    const sum = { labels: keep(labels, by), ...newSample() }
    this.#sums.set(key, sum)
    return sum
  }
}

/** What tells rows apart. A service without routes is called by no rule: then the service stands for it. */
const NAMES: Readonly<Record<StatsBy, (labels: Labels) => string>> = {
  service: ({ to }) => to,
  subset: ({ to, subset }) => `${to} ${subset}`,
  edge: ({ from, to }) => `${from} ${to}`,
  rule: ({ rule, method, to }) => (rule === "" ? ` ${method} ${to}` : `${rule} ${method}`),
}

/** What rows do not tell apart is "". Class and refusal stay: rows are made of them. */
function keep({ from, to, subset, rule, method, class: kind, refusal }: Labels, by: StatsBy): Labels {
  const rest = { from: "", to: "", subset: "", rule: "", method: "", class: kind, refusal }
  switch (by) {
    case "service":
      return { ...rest, to }
    case "subset":
      return { ...rest, to, subset }
    case "edge":
      return { ...rest, from, to }
    case "rule":
      return { ...rest, rule, method, to: rule === "" ? to : "" }
  }
}

function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs
}
