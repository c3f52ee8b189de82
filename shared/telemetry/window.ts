/** The last minutes of a mesh: slots merged into the steps of a window, and only those labels kept that somebody wants told apart. */
import { LIMITS } from "#shared/model/limits.ts"
import type { StatsBy, WindowQuery } from "#shared/model/telemetry.ts"
import { addSample, keyOf, type Labels, newSample, type Series } from "./series.ts"

export interface TimedSeries {
  readonly startMs: number
  readonly series: readonly Series[]
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

/** For each step what was counted in it. */
export function cut(slots: Iterable<TimedSeries>, { starts, by, from, to }: WindowQuery): Series[][] {
  const steps = starts.map(() => new Map<string, Series & { readonly buckets: Float64Array }>())
  for (const { startMs, series } of slots) {
    const step = steps[starts.findLastIndex((start) => start <= startMs)]
    if (!step) continue
    for (const one of series) {
      if ((from !== undefined && one.labels.from !== from) || (to !== undefined && one.labels.to !== to)) continue
      const labels = keep(one.labels, by)
      const key = keyOf(labels)
      const sum = step.get(key) ?? { labels, ...newSample() }
      addSample(sum, one)
      step.set(key, sum)
    }
  }
  return steps.map((step) => [...step.values()])
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
      // A service without routes is called by no rule: then the service stands for it.
      return { ...rest, rule, method, to: rule === "" ? to : "" }
  }
}

function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs
}
