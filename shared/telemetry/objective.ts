/** Which of the counted requests an objective is about, and which of them went badly. */
import type { Indicator } from "#shared/model/alerting.ts"
import { BUCKETS, boundMs, bucketOf, LAST_BUCKET } from "./histogram.ts"
import { FIELD, type Series } from "./series.ts"

export interface Counts {
  readonly total: number
  readonly bad: number
}

export const NO_COUNTS: Counts = { total: 0, bad: 0 }

/** What is counted, as a text: objectives that count the same share what was counted, and one that counts another thing begins anew. */
export function indicatorKey({ of: { kind, id }, latencyMs }: Indicator): string {
  return latencyMs === undefined ? `${kind} ${id}` : `${kind} ${id} ${latencyMs}`
}

/** What was counted in a step, by the service or the routes that it is about: each objective looks at its own only. */
export type Counted = ReadonlyMap<string, readonly Series[]>

/** Of series that tell services apart (`by: "service"`). */
export function byService(series: readonly Series[]): Counted {
  return Map.groupBy(series, ({ labels }) => labels.to)
}

/** Of series that tell rules apart (`by: "rule"`). What is delegated counts for each route on its way. */
export function byRoute(series: readonly Series[]): Counted {
  const routes = new Map<string, Series[]>()
  for (const one of series) {
    for (const route of routesOf(one.labels.rule)) {
      const known = routes.get(route)
      if (known) known.push(one)
      else routes.set(route, [one])
    }
  }
  return routes
}

export function countsOf(counted: Counted, { of, latencyMs }: Indicator): Counts {
  const slowFrom = latencyMs === undefined ? undefined : lastFast(latencyMs) + 1
  let total = 0
  let bad = 0
  for (const { labels, numbers, buckets } of counted.get(of.id) ?? []) {
    const requests = numbers[FIELD.requests]!
    const failed = labels.class === "5xx"
    if (slowFrom === undefined) {
      total += requests
      if (failed) bad += requests
    } else if (!failed) {
      total += requests
      for (let bucket = slowFrom; bucket < BUCKETS; bucket++) bad += buckets[bucket]!
    }
  }
  return { total, bad }
}

/** The threshold that counts really go by, in whole milliseconds: at most 4.4 % off what was asked for, below 12 ms not at all. */
export function countedMs(latencyMs: number): number {
  return Math.floor(boundMs(lastFast(latencyMs)))
}

/** The last bucket that is fast enough: of those whose bounds are around the threshold the nearer one. */
function lastFast(latencyMs: number): number {
  const above = Math.min(bucketOf(latencyMs), LAST_BUCKET - 1)
  if (above === 0) return 0
  const [low, high] = [Math.floor(boundMs(above - 1)), Math.floor(boundMs(above))]
  return latencyMs / low < high / latencyMs ? above - 1 : above
}

/** Of a delegated rule the id names all routes on the way: `default/shop/0>default/cart/1`. */
function routesOf(rule: string): ReadonlySet<string> {
  return new Set(rule.split(">").map((one) => one.slice(0, Math.max(0, one.lastIndexOf("/")))))
}
