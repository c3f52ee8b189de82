/** Hedging: when an attempt takes long, another one runs beside it, and the first good answer wins. */
import type { HedgePolicy, RetryPolicy } from "#shared/model/policy.ts"
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import { isRetried } from "#shared/resilience/retry.ts"
import type { Entry } from "./ledger.ts"
import type { Mesh } from "./mesh.ts"

type Answer = Response | Refusal

interface Ended {
  readonly run: AbortController
  readonly answer: Answer
}

/** Starts attempts until one has a good answer, or all have answered; then the last answer stands. */
export async function hedged(
  start: (abandoned: AbortSignal) => Promise<Answer> | Answer,
  retry: RetryPolicy,
  hedge: HedgePolicy,
  entry: Entry,
  mesh: Mesh,
): Promise<Answer> {
  const running = new Map<AbortController, Promise<Ended>>()
  const launch = () => {
    const run = new AbortController()
    running.set(run, ended(run, start))
  }
  launch()
  for (let left = hedge.max; ; ) {
    const late = left > 0 ? [mesh.sleep(hedge.afterMs)] : []
    const first = await Promise.race([...running.values(), ...late])
    if (!first) {
      // Another attempt costs the upstream as much as a retry does.
      left = entry.mayRetry(mesh.nowMs()) ? left - 1 : -1
      if (left >= 0) launch()
      continue
    }
    running.delete(first.run)
    // A refusal is no answer: what runs beside it may still have one, and a guard that had no place for two had one for it.
    const isGood = !isRefusal(first.answer) && !isRetried(retry, first.answer)
    if (running.size === 0 || isGood) {
      for (const [run, lost] of running) abandon(run, lost, mesh)
      return first.answer
    }
    if (!isRefusal(first.answer)) await first.answer.body?.cancel()
  }
}

async function ended(
  run: AbortController,
  start: (abandoned: AbortSignal) => Promise<Answer> | Answer,
): Promise<Ended> {
  return { run, answer: await start(run.signal) }
}

/** An answer that comes all the same is not left open. */
function abandon(run: AbortController, lost: Promise<Ended>, mesh: Mesh): void {
  run.abort()
  mesh.waitUntil(lost.then(({ answer }) => (isRefusal(answer) ? undefined : answer.body?.cancel())))
}
