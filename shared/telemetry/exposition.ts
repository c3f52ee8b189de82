/**
 * What shards counted, as Prometheus reads it: its text format 0.0.4, or OpenMetrics 1.0, which has units, exemplars and when counters
 * began as well. Every series carries its shard: shards count for themselves, so that one that does not answer leaves a gap
 * in its own series and no other's sum ever goes back.
 */
import { SEVERITIES, type Severity } from "#shared/model/alerting.ts"
import { TALLIES, type TallyName } from "#shared/model/telemetry.ts"
import { CLASSIC_SECONDS, classicCounts, classicPlace } from "./histogram.ts"
import { METRICS, type Metric, TALLY_METRICS } from "./metrics.ts"
import { addSample, type Exemplar, FIELD, type Field, newSample, type Series } from "./series.ts"

export type Format = "openmetrics" | "text"

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  text: "text/plain; version=0.0.4; charset=utf-8",
}

export interface ShardTotals {
  readonly shard: string
  /** Undefined: it did not answer. */
  readonly totals:
    | {
        readonly series: readonly CreatedSeries[]
        readonly tallies: readonly (readonly [name: TallyName, label: string, count: number, createdMs: number])[]
        readonly isolates: number
        readonly snapshotAgeMs: number
      }
    | undefined
}

export interface CreatedSeries extends Series {
  readonly createdMs: number
  readonly exemplars: readonly Exemplar[]
}

/** What the route table says of the mesh; undefined: it did not answer. */
export interface MeshFacts {
  readonly revision: number
  readonly serving: Readonly<Record<"current" | "behind" | "refusing", number>>
  readonly breakers: readonly { readonly cluster: string; readonly isOpen: boolean }[]
  readonly objectives: readonly ObjectiveFacts[]
  readonly receivers: readonly { readonly id: string; readonly waiting: number }[]
}

/** Of an objective, as control judged it last. */
export interface ObjectiveFacts {
  readonly slo: string
  readonly budgetLeft: number
  readonly burn: readonly { readonly window: string; readonly rate: number }[]
  readonly firing: Readonly<Record<Severity, boolean>>
}

type LabelPairs = Readonly<Record<string, string>>

/** By the Accept header (RFC 9110): what is asked for with the highest weight; nothing that is known: text. */
export function formatFor(accept: string | null): Format {
  let best: { format: Format; weight: number } = { format: "text", weight: 0 }
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase())
    const value = (name: string) => parameters.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1)
    const weight = Number(value("q") ?? 1)
    const version = value("version")
    const format =
      type === "application/openmetrics-text" && (version === undefined || version === "1.0.0")
        ? "openmetrics"
        : type === "text/plain" || type === "text/*" || type === "*/*"
          ? "text"
          : undefined
    if (format && weight > best.weight) best = { format, weight }
  }
  return best.format
}

/** In pieces of one metric of one series each, so that whoever writes them need not hold them all. */
export function* expose(
  shards: readonly ShardTotals[],
  mesh: MeshFacts | undefined,
  format: Format,
): Generator<string> {
  const live = shards.flatMap(({ shard, totals }) => (totals && isUsed(totals) ? [{ shard, totals }] : []))
  yield head(METRICS.requests, format)
  for (const { shard, totals } of live) for (const one of totals.series) yield requestLines(shard, one, format)
  yield head(METRICS.duration, format)
  for (const { shard, totals } of live) for (const one of totals.series) yield durationLines(shard, one, format)
  yield* edgeCounters(live, format)
  for (const name of TALLIES) {
    yield head(TALLY_METRICS[name], format)
    for (const { shard, totals } of live) yield tallyLines(shard, totals, name, format)
  }
  yield head(METRICS.isolates, format)
  for (const { shard, totals } of live) yield gauge(METRICS.isolates, { shard }, totals.isolates)
  yield head(METRICS.snapshotAge, format)
  for (const { shard, totals } of live) yield gauge(METRICS.snapshotAge, { shard }, totals.snapshotAgeMs / 1000)
  yield head(METRICS.series, format)
  for (const { shard, totals } of live) yield gauge(METRICS.series, { shard }, totals.series.length)
  yield head(METRICS.shardUp, format)
  for (const { shard } of live) yield gauge(METRICS.shardUp, { shard }, 1)
  for (const { shard, totals } of shards) if (!totals) yield gauge(METRICS.shardUp, { shard }, 0)
  if (mesh) yield* meshGauges(mesh, format)
  if (format === "openmetrics") yield "# EOF\n"
}

/** A shard that nobody ever reported to need not be told of. */
function isUsed({ series, tallies }: NonNullable<ShardTotals["totals"]>): boolean {
  return series.length > 0 || tallies.length > 0
}

type Live = { readonly shard: string; readonly totals: NonNullable<ShardTotals["totals"]> }

function requestLines(shard: string, { labels, numbers, createdMs }: CreatedSeries, format: Format): string {
  return counter(METRICS.requests, { shard, ...labels }, numbers[FIELD.requests]!, createdMs, format)
}

function durationLines(shard: string, { labels, numbers, buckets, ...one }: CreatedSeries, format: Format): string {
  const { name } = METRICS.duration
  const pairs = { shard, ...labels }
  const common = labelText(pairs)
  const exemplars = new Map(one.exemplars.map((exemplar) => [classicPlace(exemplar.durationMs), exemplar]))
  const bounds = [...CLASSIC_SECONDS.map(floatText), "+Inf"]
  const requests = numbers[FIELD.requests]!
  const lines = [...classicCounts(buckets), requests].map((count, place) => {
    const exemplar = format === "openmetrics" ? exemplarText(exemplars.get(place)) : ""
    return `${name}_bucket{${common},le="${bounds[place]}"} ${count}${exemplar}\n`
  })
  lines.push(`${name}_sum{${common}} ${numbers[FIELD.durationMs]! / 1000}\n`, `${name}_count{${common}} ${requests}\n`)
  if (format === "openmetrics") lines.push(`${name}_created{${common}} ${one.createdMs / 1000}\n`)
  return lines.join("")
}

const EDGE_COUNTERS: readonly (readonly [Metric, Field])[] = [
  [METRICS.attempts, "attempts"],
  [METRICS.retries, "retries"],
  [METRICS.budgetExhausted, "budgetExhausted"],
  [METRICS.requestBytes, "requestBytes"],
  [METRICS.responseBytes, "responseBytes"],
]

/** What came of an exchange in the end says nothing of its attempts: these are without class and refusal. */
function* edgeCounters(live: readonly Live[], format: Format): Generator<string> {
  const edges = live.map(({ shard, totals }) => ({ shard, sums: edgesOf(totals.series) }))
  for (const [metric, field] of EDGE_COUNTERS) {
    yield head(metric, format)
    for (const { shard, sums } of edges) {
      for (const { pairs, sample, createdMs } of sums) {
        yield counter(metric, { shard, ...pairs }, sample.numbers[FIELD[field]]!, createdMs, format)
      }
    }
  }
}

function edgesOf(series: readonly CreatedSeries[]) {
  const sums = new Map<string, { pairs: LabelPairs; sample: ReturnType<typeof newSample>; createdMs: number }>()
  for (const one of series) {
    const { from, to, subset, rule, method } = one.labels
    const pairs = { from, to, subset, rule, method }
    const key = labelText(pairs)
    const sum = sums.get(key) ?? { pairs, sample: newSample(), createdMs: one.createdMs }
    addSample(sum.sample, one)
    sum.createdMs = Math.min(sum.createdMs, one.createdMs)
    sums.set(key, sum)
  }
  return [...sums.values()]
}

/** A tally without a label is told from the beginning: a counter that appears with its first event hides that event from `rate`. */
function tallyLines(shard: string, { tallies, series }: Live["totals"], name: TallyName, format: Format): string {
  const metric = TALLY_METRICS[name]
  const found = tallies.filter(([one]) => one === name)
  if (found.length === 0 && metric.label === undefined) {
    const createdMs = Math.min(...tallies.map(([, , , created]) => created), ...series.map((one) => one.createdMs))
    return counter(metric, { shard }, 0, createdMs, format)
  }
  return found
    .map(([, label, count, createdMs]) =>
      counter(metric, { shard, ...(metric.label && { [metric.label]: label }) }, count, createdMs, format),
    )
    .join("")
}

function* meshGauges({ revision, serving, breakers, ...alerting }: MeshFacts, format: Format): Generator<string> {
  yield head(METRICS.revision, format) + gauge(METRICS.revision, {}, revision)
  yield head(METRICS.serving, format)
  for (const [state, count] of Object.entries(serving)) yield gauge(METRICS.serving, { state }, count)
  yield head(METRICS.breakerOpen, format)
  for (const { cluster, isOpen } of breakers) yield gauge(METRICS.breakerOpen, { cluster }, isOpen ? 1 : 0)
  yield* alertGauges(alerting, format)
}

function* alertGauges(
  { objectives, receivers }: Pick<MeshFacts, "objectives" | "receivers">,
  format: Format,
): Generator<string> {
  yield head(METRICS.budgetRemaining, format)
  for (const { slo, budgetLeft } of objectives) yield gauge(METRICS.budgetRemaining, { slo }, budgetLeft)
  yield head(METRICS.burnRate, format)
  for (const { slo, burn } of objectives)
    for (const { window, rate } of burn) yield gauge(METRICS.burnRate, { slo, window }, rate)
  yield head(METRICS.alertFiring, format)
  for (const { slo, firing } of objectives)
    for (const severity of SEVERITIES) yield gauge(METRICS.alertFiring, { slo, severity }, firing[severity] ? 1 : 0)
  yield head(METRICS.notificationsWaiting, format)
  for (const { id, waiting } of receivers) yield gauge(METRICS.notificationsWaiting, { receiver: id }, waiting)
}

function head({ name, type, unit, help }: Metric, format: Format): string {
  const told = format === "text" && type === "counter" ? `${name}_total` : name
  const unitLine = format === "openmetrics" && unit ? `# UNIT ${told} ${unit}\n` : ""
  return `# HELP ${told} ${help}\n# TYPE ${told} ${type}\n${unitLine}`
}

function counter({ name }: Metric, pairs: LabelPairs, count: number, createdMs: number, format: Format): string {
  const labels = labelText(pairs)
  const created = format === "openmetrics" ? `${name}_created{${labels}} ${createdMs / 1000}\n` : ""
  return `${name}_total{${labels}} ${count}\n${created}`
}

function gauge({ name }: Metric, pairs: LabelPairs, value: number): string {
  const labels = labelText(pairs)
  return `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`
}

function labelText(pairs: LabelPairs): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",")
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`))
}

/** OpenMetrics wants a bound to look like a float, and a bound must look the same in both formats to be one series. */
function floatText(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (!exemplar) return ""
  const { traceId, durationMs, atMs } = exemplar
  return ` # {trace_id="${traceId}"} ${durationMs / 1000} ${atMs / 1000}`
}
