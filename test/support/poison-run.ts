/**
 * Snapshots that nobody can serve, pushed past all checks, one after the other, while requests come. No request may fail, and of each it must
 * show in the status that it is refused. A proxy that gets its first request in the midst of it begins with the last that was good.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { eventually } from "./eventually.ts"
import { type Fleet, startFleet } from "./fleet.ts"
import { GOOD, type Poison } from "./poison.ts"
import { SteadyLoad } from "./steady-load.ts"

export interface PoisonRun {
  readonly proxies: number
  readonly perSecond: number
  readonly poisons: readonly Poison[]
  /** Of the proxies. */
  readonly leaseMs?: number
  /** Told what it is at. */
  readonly say?: (what: string) => void
}

export interface PoisonResult {
  readonly requests: number
  readonly failed: number
  /** From the push until all proxies are said to refuse it; of those that are to be refused. */
  readonly shownAfterMs: readonly number[]
  /** Those of which it did not show in time. */
  readonly unseen: readonly string[]
  /** The status of the first answer of a proxy that began in the midst of it. */
  readonly coldStatus: number
  /** Whether all proxies served the good revision at the end. */
  readonly recovered: boolean
}

const PATIENCE_MS = 40_000
const COLD = "cold"

export async function runPoison(run: PoisonRun): Promise<PoisonResult> {
  const names = Array.from({ length: run.proxies }, (_each, index) => `proxy-${index}`)
  const fleet = await startFleet({
    proxies: Object.fromEntries([...names, COLD].map((name) => [name, {}])),
    services: { upstream: { entry: "bench/workers/upstream.ts" } },
    control: "bench/workers/tampered.ts",
  })
  try {
    return await poison(fleet, names, COLD, run)
  } finally {
    await fleet.stop()
  }
}

/** Through these proxies of a fleet whose control can be tampered with; `cold` is one that has had no request. */
export async function poison(
  fleet: Fleet,
  names: readonly string[],
  cold: string,
  { poisons, perSecond, leaseMs = LIMITS.snapshotLeaseMs, say }: Omit<PoisonRun, "proxies">,
): Promise<PoisonResult> {
  const push = async (text: string, digest?: string) => {
    const response = await fleet.past("control", "/tamper", { text, ...(digest !== undefined && { digest }) })
    const { outcome, revision } = (await response.json()) as { outcome: string; revision: { revision: number } }
    if (outcome !== "committed") throw new Error(outcome)
    return revision.revision
  }
  await push(JSON.stringify(GOOD))
  const load = new SteadyLoad((index) => statusOf(fleet, names[index]!), [...names.keys()], perSecond)
  // Where proxies went by other routes before, they may do so for a while.
  for (const name of names) await eventually(async () => (await statusOf(fleet, name)) === 200)
  load.start()
  const shownAfterMs: number[] = []
  const unseen: string[] = []
  let coldStatus = 0
  for (const [index, { name, text, digest, isServed }] of poisons.entries()) {
    say?.(`poison ${index + 1} of ${poisons.length}: ${name}`)
    const revision = await push(text, digest)
    if (!isServed) {
      const tookMs = await refusedAfterMs(fleet, names.length, revision)
      if (tookMs === undefined) unseen.push(name)
      else shownAfterMs.push(tookMs)
    }
    if (index === Math.floor(poisons.length / 2)) coldStatus = (await statusOf(fleet, cold)) ?? 0
  }
  say?.("waiting until all serve a good revision")
  const last = await push(`${JSON.stringify(GOOD)} `)
  const recovered = await allServe(fleet, names.length, last, leaseMs)
  await load.stop()
  const { count: requests, failed } = load.take()
  return { requests, failed, shownAfterMs, unseen, coldStatus, recovered }
}

async function allServe(fleet: Fleet, proxies: number, revision: number, leaseMs: number): Promise<boolean> {
  for (const untilMs = performance.now() + leaseMs * 2 + PATIENCE_MS * 2; performance.now() < untilMs; ) {
    const { isolates } = await fleet.status()
    if (isolates.filter(({ serving }) => serving === revision).length >= proxies) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

async function refusedAfterMs(fleet: Fleet, proxies: number, revision: number): Promise<number | undefined> {
  const startedAtMs = performance.now()
  for (;;) {
    const { isolates, relays } = await fleet.status()
    const tookMs = performance.now() - startedAtMs
    if (isolates.filter(({ refused }) => refused?.revision === revision).length >= proxies) return tookMs
    // What is damaged no relay takes, so that no isolate hears of it.
    if (relays.length > 0 && relays.every((relay) => relay.revision < revision && relay.failures > 0)) return tookMs
    if (tookMs > PATIENCE_MS) return undefined
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Undefined for an answer that is not as it ought to be. */
async function statusOf(fleet: Fleet, name: string): Promise<number | undefined> {
  const response = await fleet.request(name, "/some/path").catch(() => undefined)
  await response?.arrayBuffer()
  return response?.headers.get("x-good") === "1" ? response.status : undefined
}
