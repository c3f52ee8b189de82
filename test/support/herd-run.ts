/** Many isolates that get their first requests at the same moment, as after a restart of everything: what their objects are asked. */
import { COLOS, startFleet } from "./fleet.ts"
import { type Summary, summary } from "./latencies.ts"

export interface HerdRun {
  readonly isolates: number
  /** That each isolate gets at once. */
  readonly requestsEach: number
  /** Objects answer so much later than they would. */
  readonly lateMs: number
  /** Told what it is at. */
  readonly say?: (what: string) => void
}

export interface HerdResult extends Summary {
  readonly failed: number
  /** How often which method of which class was called. */
  readonly calls: Readonly<Record<string, number>>
}

export async function runHerd({ isolates, requestsEach, lateMs, say }: HerdRun): Promise<HerdResult> {
  say?.(`starting ${isolates} isolates`)
  const names = Array.from({ length: isolates }, (_each, index) => `proxy-${index}`)
  const fleet = await startFleet({
    proxies: Object.fromEntries(names.map((name) => [name, {}])),
    services: { upstream: { entry: "bench/workers/upstream.ts" } },
    control: "bench/workers/tampered.ts",
  })
  try {
    await fleet.apply({
      services: { upstream: {} },
      routes: { web: { hosts: ["*"], rules: [{ backends: [{ service: "upstream" }] }] } },
    })
    await fleet.past("control", "/trouble", { lateMs })
    const timesMs: number[] = []
    let failed = 0
    const request = async (name: string, colo: string) => {
      const startedAtMs = performance.now()
      const response = await fleet.request(name, "/", {}, colo).catch(() => undefined)
      await response?.arrayBuffer()
      timesMs.push(performance.now() - startedAtMs)
      if (response?.status !== 200) failed += 1
    }
    say?.(`${isolates * requestsEach} requests at once`)
    const all = names.flatMap((name, index) =>
      Array.from({ length: requestsEach }, () => request(name, COLOS[index % COLOS.length]!)),
    )
    await Promise.all(all)
    const calls = (await (await fleet.past("control", "/calls")).json()) as Record<string, number>
    return { ...summary(timesMs), failed, calls }
  } finally {
    await fleet.stop()
  }
}
