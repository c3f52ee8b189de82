/**
 * Whether objects that are slow, hang or are down cost a request anything: isolates under a steady load, with a limit and a breaker that
 * the mesh shares, through one kind of trouble after the other. In each of them one isolate has its first request.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { MeshDocument } from "#shared/model/document.ts"
import { COLOS, type Fleet, startFleet } from "./fleet.ts"
import { type LoadCount, SteadyLoad } from "./steady-load.ts"
import type { Trouble } from "./trouble.ts"

export interface TroubleRun {
  readonly isolates: number
  readonly perSecond: number
  /** Of each kind of trouble. */
  readonly phaseMs: number
  /** How long isolates go by what they have before they ask. */
  readonly leaseMs: number
  /** Told what it is at. */
  readonly say?: (what: string) => void
}

export interface Phase extends LoadCount {
  readonly name: string
  /** Of the isolate that was started in the midst of it. */
  readonly coldStatus: number | undefined
  readonly coldMs: number
  /** Questions that objects were asked meanwhile, by isolates and relays. */
  readonly calls: number
}

const HANGS_MS = 600_000
export const TROUBLES: readonly (readonly [string, Trouble])[] = [
  ["well", {}],
  ["5 s late", { lateMs: 5_000 }],
  ["hanging", { lateMs: HANGS_MS }],
  ["down", { down: true }],
  ["well again", {}],
]

const DOCUMENT: MeshDocument = {
  services: { upstream: { breaker: { failurePercent: 50 } } },
  routes: {
    web: {
      hosts: ["*"],
      rules: [{ rateLimits: [{ name: "all", requests: 1_000_000, per: "1s" }], backends: [{ service: "upstream" }] }],
    },
  },
}

export async function runTrouble(run: TroubleRun): Promise<readonly Phase[]> {
  run.say?.(`starting ${run.isolates} isolates`)
  const names = Array.from({ length: run.isolates }, (_each, index) => `proxy-${index}`)
  const cold = TROUBLES.map(([_name], index) => `cold-${index}`)
  const fleet = await startFleet({
    proxies: Object.fromEntries([...names, ...cold].map((name) => [name, { WEFT_LEASE_MS: String(run.leaseMs) }])),
    services: { upstream: { entry: "bench/workers/upstream.ts" } },
    control: "bench/workers/tampered.ts",
  })
  try {
    return await trouble(fleet, names, cold, run)
  } finally {
    await fleet.stop()
  }
}

/** Through these proxies of a fleet whose control can be tampered with; of the cold ones each gets its first request in one phase. */
export async function trouble(
  fleet: Fleet,
  names: readonly string[],
  cold: readonly string[],
  { perSecond, phaseMs, say }: Pick<TroubleRun, "perSecond" | "phaseMs" | "say">,
): Promise<readonly Phase[]> {
  const all = [...names, ...cold]
  const send = async (index: number) => {
    const response = await fleet.request(all[index]!, "/", {}, COLOS[index % COLOS.length]).catch(() => undefined)
    await response?.arrayBuffer()
    return response?.status
  }
  const asked = async () => {
    const calls = (await (await fleet.past("control", "/calls")).json()) as Record<string, number>
    return Object.values(calls).reduce((sum, count) => sum + count, 0)
  }
  await fleet.apply(DOCUMENT)
  const targets = names.map((_name, index) => index)
  await Promise.all(targets.map(send))
  const load = new SteadyLoad(send, targets, perSecond)
  load.start()
  await sleep(phaseMs / 4)
  load.take()
  const phases: Phase[] = []
  for (const [index, [name, wrong]] of TROUBLES.entries()) {
    say?.(`${name}, of ${phaseMs / 1000} s`)
    await fleet.past("control", "/trouble", wrong)
    const before = await asked()
    const [coldOne] = await Promise.all([timed(() => send(names.length + index)), sleep(phaseMs)])
    phases.push({ name, ...load.take(), ...coldOne, calls: (await asked()) - before })
  }
  await load.stop()
  return phases
}

async function timed(run: () => Promise<number | undefined>) {
  const startedAtMs = performance.now()
  const coldStatus = await run()
  return { coldStatus, coldMs: performance.now() - startedAtMs }
}
