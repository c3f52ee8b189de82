/** Series of a window as rows for people: rates, success, and quantiles of durations. */
import type { RowKey, StatsBy, StatsPoint, StatsRow } from "#shared/model/telemetry.ts"
import { quantile } from "./histogram.ts"
import { addSample, FIELD, type Labels, newSample, type Series } from "./series.ts"

/** The labels that tell rows apart. */
export const TELLS: Readonly<Record<StatsBy, readonly (keyof RowKey)[]>> = {
  service: ["to"],
  subset: ["to", "subset"],
  // A service without routes is called by no rule: then the service stands for it.
  rule: ["rule", "method", "to"],
  edge: ["from", "to"],
}

/** One step of a window, from one shard. */
export interface Step {
  readonly atMs: number
  readonly series: readonly Series[]
}

interface Sum {
  readonly key: RowKey
  readonly sample: ReturnType<typeof newSample>
  failed: number
  readonly refusals: Map<string, number>
  readonly points: Map<number, { readonly sample: ReturnType<typeof newSample>; failed: number }>
}

/**
 * Rows of all shards' steps, the most requests first; `tells` are the labels that tell rows apart, and `listed` those that are shown
 * without requests too.
 */
export function rowsOf(
  steps: readonly Step[],
  {
    tells,
    listed,
    starts,
    spanMs,
  }: {
    readonly tells: readonly (keyof RowKey)[]
    readonly listed: readonly RowKey[]
    readonly starts: readonly number[]
    readonly spanMs: number
  },
): StatsRow[] {
  const sums = new Map<string, Sum>()
  const sumFor = (key: RowKey) => {
    const text = tells.map((label) => key[label]).join(" ")
    const sum = sums.get(text) ?? { key, sample: newSample(), failed: 0, refusals: new Map(), points: new Map() }
    sums.set(text, sum)
    return sum
  }
  for (const { atMs, series } of steps) for (const one of series) add(sumFor(keyOf(one.labels, tells)), atMs, one)
  for (const key of listed) sumFor(key)
  return [...sums.values()]
    .map((sum) => rowOf(sum, starts, spanMs))
    .sort((a, b) => b.requests - a.requests || nameOf(a).localeCompare(nameOf(b)))
}

function keyOf(labels: Labels, tells: readonly (keyof RowKey)[]): RowKey {
  return Object.fromEntries(tells.map((label) => [label, labels[label]]))
}

function nameOf({ from = "", to = "", subset = "", rule = "", method = "" }: RowKey): string {
  return [to, subset, rule, method, from].join(" ")
}

function add(sum: Sum, atMs: number, series: Series): void {
  const requests = series.numbers[FIELD.requests]!
  const failed = series.labels.class === "5xx" ? requests : 0
  addSample(sum.sample, series)
  sum.failed += failed
  const { refusal } = series.labels
  if (refusal !== "") sum.refusals.set(refusal, (sum.refusals.get(refusal) ?? 0) + requests)
  const point = sum.points.get(atMs) ?? { sample: newSample(), failed: 0 }
  addSample(point.sample, series)
  point.failed += failed
  sum.points.set(atMs, point)
}

function rowOf({ key, sample, failed, refusals, points }: Sum, starts: readonly number[], spanMs: number): StatsRow {
  const { numbers, buckets } = sample
  const requests = numbers[FIELD.requests]!
  const at = (share: number) => quantile(buckets, share) ?? 0
  const refused = [...refusals.values()].reduce((all, count) => all + count, 0)
  return {
    ...key,
    requests,
    perSecond: (requests * 1000) / spanMs,
    ...(requests > 0 && { successRate: (requests - failed) / requests }),
    failed,
    refused,
    ...(refused > 0 && { refusals: Object.fromEntries(refusals) }),
    attempts: numbers[FIELD.attempts]!,
    retries: numbers[FIELD.retries]!,
    ...(requests > 0 && {
      latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), mean: numbers[FIELD.durationMs]! / requests },
    }),
    ...(starts.length > 1 && { points: starts.map((atMs) => pointOf(atMs, points.get(atMs))) }),
  }
}

function pointOf(
  atMs: number,
  point: { sample: ReturnType<typeof newSample>; failed: number } | undefined,
): StatsPoint {
  if (!point) return { atMs, requests: 0, failed: 0 }
  const p95Ms = quantile(point.sample.buckets, 0.95)
  return {
    atMs,
    requests: point.sample.numbers[FIELD.requests]!,
    failed: point.failed,
    ...(p95Ms !== undefined && { p95Ms }),
  }
}
