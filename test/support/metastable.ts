/**
 * Whether an upstream that was short of capacity for a while comes back by itself when the cause is gone, or is kept down by the
 * retries of those who wait for it. Load is open: it comes by the clock, whatever becomes of it.
 */
import { build } from "esbuild"
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from "miniflare"
import type { ServicePolicy } from "#shared/model/policy.ts"

export interface MetastableRun {
  readonly policy: ServicePolicy
  /** How many requests wait at the upstream before it answers 503. */
  readonly queueMax: number
  /** Whether the upstream turns down what it cannot answer within `weft-deadline-ms`. */
  readonly heeds?: boolean
  readonly beforeSeconds: number
  readonly triggerSeconds: number
  readonly afterSeconds: number
}

export interface MetastableResult {
  /** Of the requests of each second, the share that was answered with 200 before the rule's timeout. */
  readonly goodShares: readonly number[]
  /** What was answered well in each second of the trigger but its first, when the queue fills, of what the upstream could do. */
  readonly floor: number
  readonly mean: number
  /** From the end of the trigger until no second falls short of `RECOVERED` any more; undefined when the last one does. */
  readonly recoverySeconds: number | undefined
  /** Attempts that reached the upstream for each request after the trigger. */
  readonly attemptsAfter: number
}

export const CAPACITY = 100
export const LOAD = 80
export const CAPACITY_IN_TRIGGER = 40
export const RECOVERED = 0.95

const SERVICE_MS = 100
/** What the rule says, and how long the upstream takes. */
export const POLICY = {
  serviceMs: SERVICE_MS,
  timeouts: { requestMs: 1_000, attemptMs: 400 },
  retry: { attempts: 3, on: ["5xx"], backoffMs: 25, unsafe: true, nested: false },
} as const
const COMPATIBILITY = { compatibilityDate: "2026-10-20", compatibilityFlags: ["enable_request_signal"] }

export const WITHOUT_BUDGET: ServicePolicy = { retryBudget: { ratio: 4, perSecondMin: 1_000 } }

/** The defaults of `breaker: {}` and `throttle: {}`. */
export const ARMED: ServicePolicy = {
  breaker: {
    ...{ windowMs: 10_000, volumeMin: 20, failureRatio: 0.5, probes: 1, successes: 1 },
    ...{ coolDownMs: 5_000, coolDownMsMax: 60_000 },
  },
  throttle: { ratio: 2, windowMs: 5_000, refusedPercentMax: 90 },
}
export const THROTTLED: ServicePolicy = { throttle: ARMED.throttle! }
/** `concurrency: { max: 100, adaptive: { slow: 200ms } }`. */
export const ADAPTIVE: ServicePolicy = {
  concurrency: {
    ...{ max: 100, reservePercent: 0 },
    adaptive: { min: 1, initial: 20, samples: 20, overloadPercent: 10, slowMs: 2 * SERVICE_MS },
  },
}

export async function runMetastable(run: MetastableRun): Promise<MetastableResult> {
  const miniflare = await start(run.policy)
  try {
    const [proxy, upstream] = await Promise.all([miniflare.getWorker("proxy"), miniflare.getWorker("upstream")])
    const turn = async (perSecond: number): Promise<number> => {
      const about = `perSecond=${perSecond}&serviceMs=${SERVICE_MS}&queueMax=${run.queueMax}&heeds=${run.heeds ?? false}`
      return ((await (await upstream.fetch(`http://upstream/turn?${about}`)).json()) as { arrived: number }).arrived
    }
    const endsMs = (run.beforeSeconds + run.triggerSeconds) * 1000
    await turn(CAPACITY)
    const pending: Promise<boolean>[] = []
    const startedAtMs = performance.now()
    const sendUntil = async (untilMs: number) => {
      for (let elapsedMs = 0; elapsedMs < untilMs; ) {
        elapsedMs = Math.min(untilMs, performance.now() - startedAtMs)
        while (pending.length < (elapsedMs * LOAD) / 1000) pending.push(isGood(proxy))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    await sendUntil(run.beforeSeconds * 1000)
    await turn(CAPACITY_IN_TRIGGER)
    await sendUntil(endsMs)
    await turn(CAPACITY)
    const sentBefore = pending.length
    await sendUntil(endsMs + run.afterSeconds * 1000)
    const good = await Promise.all(pending)
    return resultOf(run, good, (await turn(CAPACITY)) / (good.length - sentBefore))
  } finally {
    await miniflare.dispose()
  }
}

export function resultOf(run: MetastableRun, good: readonly boolean[], attemptsAfter: number): MetastableResult {
  const { beforeSeconds, triggerSeconds } = run
  const seconds = Math.floor(good.length / LOAD)
  const shareOf = (second: number) => good.slice(second * LOAD, (second + 1) * LOAD).filter(Boolean).length / LOAD
  const goodShares = Array.from({ length: seconds }, (_, second) => shareOf(second))
  const ofCapacity = goodShares
    .slice(beforeSeconds + 1, beforeSeconds + triggerSeconds)
    .map((share) => (share * LOAD) / CAPACITY_IN_TRIGGER)
  const after = goodShares.slice(beforeSeconds + triggerSeconds)
  const recoverySeconds = after.findLastIndex((share) => share < RECOVERED) + 1
  return {
    goodShares,
    floor: Math.min(...ofCapacity),
    mean: ofCapacity.reduce((sum, share) => sum + share, 0) / ofCapacity.length,
    recoverySeconds: recoverySeconds === after.length ? undefined : recoverySeconds,
    attemptsAfter,
  }
}

/** The proxy itself answers 504 when the rule's time is over, so that a 200 was in time. */
async function isGood(proxy: { fetch(url: string): Promise<unknown> }): Promise<boolean> {
  const response = (await proxy.fetch("http://shop.test/")) as Response
  await response.arrayBuffer()
  return response.status === 200
}

async function start(policy: ServicePolicy): Promise<Miniflare> {
  const [proxy, control, upstream] = await Promise.all(
    ["workers/proxy/index.ts", "bench/workers/breakers.ts", "bench/workers/queueing.ts"].map(bundle),
  )
  const objects = (scriptName?: string) => ({
    ROUTE_TABLE: { className: "RouteTableObject", useSQLite: true, ...(scriptName && { scriptName }) },
    BREAKER: { className: "MortalBreaker", useSQLite: true, ...(scriptName && { scriptName }) },
  })
  const worker = (name: string, script: string, more: object): V4WorkerOptions =>
    ({ ...COMPATIBILITY, name, modules: true, script, ...more }) as V4WorkerOptions
  const workers = [
    worker("control", control!, { durableObjects: objects() }),
    worker("proxy", proxy!, { durableObjects: objects("control"), serviceBindings: { UPSTREAM: "upstream" } }),
    worker("upstream", upstream!, {}),
  ]
  const options = { cf: false, telemetry: { enabled: false }, log: new NoOpLog(), handleStructuredLogs() {}, workers }
  const miniflare = new Miniflare(convertV4MiniflareOptions(options as never))
  await miniflare.ready
  const controller = await miniflare.getWorker("control")
  const committed = await controller.fetch("http://control/", {
    ...{ method: "POST", body: JSON.stringify(snapshot(policy)) },
  })
  if (!committed.ok) throw new Error(await committed.text())
  const proxied = await miniflare.getWorker("proxy")
  const first = await proxied.fetch("http://shop.test/")
  if (first.status !== 200) throw new Error(await first.text())
  return miniflare
}

function snapshot(policy: ServicePolicy): object {
  const rule = {
    ...{ id: "default/shop/0", filters: [], timeouts: POLICY.timeouts, retry: POLICY.retry },
    matches: [{ headers: [], query: [], cookies: [] }],
    backends: [{ service: "default/upstream", weight: 1, filters: [] }],
  }
  const endpoints = [{ kind: "binding", binding: "UPSTREAM" }]
  const attachments = [{ to: "gateway", gateway: "default/default", hostname: "*" }]
  return {
    ...{ format: 1, gateways: [] },
    services: [{ id: "default/upstream", subsets: {}, endpoints, policy }],
    routes: [{ id: "default/shop", order: "specific", since: 1, attachments, rules: [rule] }],
  }
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [entry], bundle: true, format: "esm", target: "es2024", write: false },
    external: ["cloudflare:workers"],
  })
  return outputFiles[0]!.text
}
