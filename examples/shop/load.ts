/**
 * Sends requests to the shop and counts what came back: statuses, versions of orders, latency. Bounded in every way, and
 * only to this machine: it is for watching a mesh work, not for hurting one.
 *
 *   npx node examples/shop/load.ts --requests 1000 --concurrency 20 --url http://localhost:8787
 */
import { parseArgs } from "node:util"

export interface LoadOptions {
  readonly url: string
  readonly requests: number
  readonly concurrency: number
}

export interface LoadReport {
  /** How often each status was answered; `failed` for requests without an answer. */
  readonly statuses: Readonly<Record<string, number>>
  /** How often each version of orders answered. */
  readonly versions: Readonly<Record<string, number>>
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number }
  readonly tookMs: number
}

const REQUESTS_MAX = 100_000
const CONCURRENCY_MAX = 100
const TIMEOUT_MS = 30_000
const PATH = "/shop.json"

/** Throws when asked for too much, or for another machine. */
export async function load({ url, requests, concurrency }: LoadOptions): Promise<LoadReport> {
  const target = new URL(PATH, url)
  if (!/^(localhost|127(\.\d+){3}|\[::1\])$/.test(target.hostname))
    throw new Error(`${target.hostname} is not this machine`)
  if (!within(requests, REQUESTS_MAX)) throw new Error(`--requests is 1 to ${REQUESTS_MAX}`)
  if (!within(concurrency, CONCURRENCY_MAX)) throw new Error(`--concurrency is 1 to ${CONCURRENCY_MAX}`)

  const statuses = new Map<string, number>()
  const versions = new Map<string, number>()
  const latencies: number[] = []
  const startedAtMs = performance.now()
  let sent = 0
  const lane = async () => {
    while (sent < requests) {
      sent++
      const sentAtMs = performance.now()
      const { status, version } = await send(target)
      latencies.push(performance.now() - sentAtMs)
      count(statuses, status)
      if (version) count(versions, version)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  latencies.sort((a, b) => a - b)
  return {
    statuses: Object.fromEntries(statuses),
    versions: Object.fromEntries(versions),
    latencyMs: { p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95), p99: quantile(latencies, 0.99) },
    tookMs: performance.now() - startedAtMs,
  }
}

async function send(url: URL): Promise<{ status: string; version: string | null }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    await response.arrayBuffer()
    return { status: String(response.status), version: response.headers.get("x-orders-version") }
  } catch {
    return { status: "failed", version: null }
  }
}

function within(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** The smallest value that at least `share` of all values do not exceed. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

function render({ statuses, versions, latencyMs, tookMs }: LoadReport): string {
  const total = Object.values(statuses).reduce((sum, n) => sum + n, 0)
  const shares = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, n]) => `${key} ${n} (${((100 * n) / total).toFixed(1)} %)`)
      .join("   ")
  const { p50, p95, p99 } = latencyMs
  return [
    `requests   ${total} in ${(tookMs / 1000).toFixed(1)} s, ${Math.round((1000 * total) / tookMs)}/s`,
    `status     ${shares(statuses)}`,
    `orders     ${shares(versions) || "no answer"}`,
    `latency    p50 ${p50.toFixed(1)} ms   p95 ${p95.toFixed(1)} ms   p99 ${p99.toFixed(1)} ms`,
  ].join("\n")
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://localhost:8787" },
      requests: { type: "string", default: "1000" },
      concurrency: { type: "string", default: "20" },
    },
  })
  try {
    const { url, requests, concurrency } = values
    console.log(render(await load({ url, requests: Number(requests), concurrency: Number(concurrency) })))
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 2
  }
}
