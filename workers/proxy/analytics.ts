/**
 * An isolate's counts as points of the platform's Analytics Engine, for who keeps months of them there: one point a series and report,
 * not one a request, so that it costs requests nothing. The dataset is an optional binding, ANALYTICS.
 *
 *   index1   to
 *   blobs    from, to, subset, rule, method, class, refusal
 *   doubles  requests, mean duration in ms, p50, p95, p99, attempts, retries
 */
import { quantile } from "#shared/telemetry/histogram.ts"
import { FIELD, type Series } from "#shared/telemetry/series.ts"

/** The platform takes so many points from one invocation, and so many bytes of an index. */
const POINTS_MAX = 250
const INDEX_CHARS_MAX = 96

/** An `AnalyticsEngineDataset`. */
export interface Dataset {
  writeDataPoint(point: { readonly indexes: string[]; readonly blobs: string[]; readonly doubles: number[] }): void
}

/** The series with the most requests first: those that find no place are the rarest. */
export function analyse(dataset: Dataset, series: readonly Series[]): void {
  const requestsOf = ({ numbers }: Series) => numbers[FIELD.requests]!
  const chosen = series.length <= POINTS_MAX ? series : series.toSorted((a, b) => requestsOf(b) - requestsOf(a))
  for (const { labels, numbers, buckets } of chosen.slice(0, POINTS_MAX)) {
    const { from, to, subset, rule, method, class: kind, refusal } = labels
    const requests = numbers[FIELD.requests]!
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(buckets, share) ?? 0) as [number, number, number]
    const meanMs = numbers[FIELD.durationMs]! / requests
    dataset.writeDataPoint({
      indexes: [to.slice(0, INDEX_CHARS_MAX)],
      blobs: [from, to, subset, rule, method, kind, refusal],
      doubles: [requests, meanMs, p50, p95, p99, numbers[FIELD.attempts]!, numbers[FIELD.retries]!],
    })
  }
}
