/** One rate limit over many isolates, under an even load: what it lets through. */
import { LIMITS } from "#shared/model/limits.ts"
import type { RateLimit } from "#shared/model/rate-limit.ts"
import { startIsolates } from "./isolates.ts"

export interface LimitRun {
  readonly isolates: number
  readonly limit: Pick<RateLimit, "requests" | "burst" | "scope">
  readonly limiter: "LimiterObject" | "DeadLimiter" | "SilentLimiter"
  readonly seconds: number
  /** Requests a second, over all isolates. */
  readonly offered: number
}

export interface LimitResult {
  readonly sent: number
  readonly admitted: number
  /** What one bucket would have let through. */
  readonly allowed: number
  /** What the limit documents for a mesh whose limiter is gone: each isolate by itself. */
  readonly allowedAlone: number
  /** Isolates have found the limiter too slow, and went on alone: then it is the limit of each that holds. */
  readonly wentAlone: boolean
  /** Requests that took as long as one waits for a limiter: each of them may have been let through without its word. */
  readonly late: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Sends at an even rate, each request to another isolate; whether an answer is late does not hold up the next. */
export async function runLimit({ isolates, limit, limiter, seconds, offered }: LimitRun): Promise<LimitResult> {
  const mesh = await startIsolates({ count: isolates, limiter, rateLimit: limit })
  const pending: Promise<void>[] = []
  const tookMs: number[] = []
  let admitted = 0
  const send = async (index: number) => {
    const startedAtMs = performance.now()
    const status = await mesh.request(index % isolates)
    tookMs.push(performance.now() - startedAtMs)
    if (status === 200) admitted += 1
    else if (status !== 429) throw new Error(`the proxy answered ${status}`)
  }
  const startedAtMs = performance.now()
  const elapsedMs = () => performance.now() - startedAtMs
  let allowed = 0
  try {
    for (let sent = 0; elapsedMs() < seconds * 1000; ) {
      for (const due = (elapsedMs() * offered) / 1000; sent < due; sent++) pending.push(send(sent))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await Promise.all(pending)
    allowed = limit.burst + (elapsedMs() * limit.requests) / 1000
  } finally {
    await mesh.stop()
  }
  tookMs.sort((left, right) => left - right)
  const at = (share: number) => tookMs[Math.floor(share * (tookMs.length - 1))] as number
  return {
    ...{ sent: pending.length, admitted, allowed, allowedAlone: allowed * isolates, wentAlone: mesh.gaveUp > 0 },
    late: tookMs.filter((ms) => ms >= LIMITS.limitWaitMs).length,
    ...{ p50Ms: at(0.5), p99Ms: at(0.99) },
  }
}
