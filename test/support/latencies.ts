/** Times of many requests, and what is said of them. */
export interface Summary {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export function summary(timesMs: readonly number[]): Summary {
  const sorted = timesMs.toSorted((a, b) => a - b)
  return {
    count: sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? 0,
  }
}

/** The least that is not below this share of them. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

export function described({ count, p50Ms, p99Ms, maxMs }: Summary): string {
  const [p50, p99, max] = [p50Ms, p99Ms, maxMs].map((ms) => `${ms.toFixed(ms < 100 ? 1 : 0)} ms`)
  return `${count} requests, p50 ${p50}, p99 ${p99}, max ${max}`
}
