/** From what was counted to what a candidate is judged by. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Counts, Group } from "#shared/model/rollout.ts"
import type { Comparison } from "#shared/protocol/telemetry.ts"
import { SLOW_SHARE, TYPICAL_MIN } from "#shared/rollout/judge.ts"
import { addBuckets, BUCKETS, bucketOf, quantile } from "#shared/telemetry/histogram.ts"
import { FIELD, type Series } from "#shared/telemetry/series.ts"
import { decode } from "#shared/telemetry/wire.ts"

/** A request is slow that takes this much longer than `SLOW_SHARE` of those by the stable revision; and what is no time is not. */
const SLOW_FACTOR = 1.5
const SLOW_MS_MIN = 10

interface Side {
  requests: number
  failed: number
  refused: number
  rejected: number
  readonly buckets: Float64Array
}

/** Of all shards' words. Only what the change touches is told apart; all the rest is one group. */
export function groupsOf(comparisons: readonly Comparison[], touches: readonly string[] | undefined): Group[] {
  const all = new Map<string, Side>()
  const candidate = new Map<string, Side>()
  for (const comparison of comparisons) {
    addTo(all, comparison.all, touches)
    addTo(candidate, comparison.candidate, touches)
  }
  for (const id of candidate.keys()) if (!all.has(id)) all.set(id, newSide())
  const groups = [...all].map(([id, side]) => groupOf(id, side, candidate.get(id) ?? newSide()))
  groups.sort((a, b) => b.candidate.requests - a.candidate.requests || b.stable.requests - a.stable.requests)
  return groups.slice(0, LIMITS.rolloutGroupsMax)
}

function addTo(sides: Map<string, Side>, encoded: Uint8Array, touches: readonly string[] | undefined): void {
  const series = decode(encoded, Number.MAX_SAFE_INTEGER)
  if ("reason" in series) throw new Error(`a shard's comparison cannot be read: ${series.reason}`)
  for (const one of series) {
    const id = groupIdOf(one.labels, touches)
    const side = sides.get(id) ?? newSide()
    sides.set(id, side)
    add(side, one)
  }
}

/** The rule, or the service where there was none; "" for what nothing took, `rest` for what the change does not touch. */
function groupIdOf({ rule, to }: Series["labels"], touches: readonly string[] | undefined): string {
  const id = rule === "" ? to : rule
  if (id === "" || !touches) return id
  const route = rule.slice(0, Math.max(0, rule.lastIndexOf("/")))
  return touches.includes(route) || touches.includes(to) ? id : REST
}

const REST = "rest"

function add(side: Side, { labels, numbers, buckets }: Series): void {
  const requests = numbers[FIELD.requests]!
  side.requests += requests
  if (labels.class === "5xx") side.failed += requests
  else if (labels.refusal !== "") side.refused += requests
  else if (labels.class === "4xx") side.rejected += requests
  addBuckets(side.buckets, buckets)
}

function newSide(): Side {
  return { requests: 0, failed: 0, refused: 0, rejected: 0, buckets: new Float64Array(BUCKETS) }
}

/** What did not go by the candidate went by the stable revision. */
function groupOf(id: string, all: Side, candidate: Side): Group {
  const buckets = all.buckets.map((count, bucket) => Math.max(0, count - candidate.buckets[bucket]!))
  const less = (field: "requests" | "failed" | "refused" | "rejected") => Math.max(0, all[field] - candidate[field])
  const stable = {
    requests: less("requests"),
    failed: less("failed"),
    refused: less("refused"),
    rejected: less("rejected"),
  }
  const typicalMs = stable.requests < TYPICAL_MIN ? undefined : quantile(buckets, SLOW_SHARE)
  const slow = (of: Float64Array) =>
    typicalMs === undefined ? 0 : above(of, Math.max(typicalMs * SLOW_FACTOR, SLOW_MS_MIN))
  const { requests, failed, refused, rejected } = candidate
  return {
    id,
    candidate: { ...{ requests, failed, refused, rejected }, slow: slow(candidate.buckets) } satisfies Counts,
    stable: { ...stable, slow: slow(buckets) },
  }
}

function above(buckets: Float64Array, ms: number): number {
  let count = 0
  for (let bucket = bucketOf(ms) + 1; bucket < BUCKETS; bucket++) count += buckets[bucket]!
  return count
}
