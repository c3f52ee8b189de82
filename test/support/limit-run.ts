/** One rate limit over many isolates, under an even load: what it lets through. */
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
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Sends at an even rate, each request to another isolate; whether an answer is late does not hold up the next. */
export async function runLimit({ isolates, limit, limiter, seconds, offered }: LimitRun): Promise<LimitResult> {
  const mesh = await startIsolates({ count: isolates, limiter, rateLimit: limit })
  try {
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
    for (let sent = 0; elapsedMs() < seconds * 1000; ) {
      for (const due = (elapsedMs() * offered) / 1000; sent < due; sent++) pending.push(send(sent))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await Promise.all(pending)
    const allowed = limit.burst + (elapsedMs() * limit.requests) / 1000
    tookMs.sort((left, right) => left - right)
    const at = (share: number) => tookMs[Math.floor(share * (tookMs.length - 1))] as number
    const allowedAlone = allowed * isolates
    return { sent: pending.length, admitted, allowed, allowedAlone, p50Ms: at(0.5), p99Ms: at(0.99) }
  } finally {
    await mesh.stop()
  }
}
