/**
 * How a change spreads: many isolates in all regions under a steady load, while one revision after the other is applied. Every answer says by
 * which revision it was made, twice over: by the rule, and by the rule's backend.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { eventually } from "./eventually.ts"
import { COLOS, type Fleet, startFleet } from "./fleet.ts"
import { SteadyLoad } from "./steady-load.ts"

export interface SpreadRun {
  readonly isolates: number
  readonly revisions: number
  /** Requests a second, over all isolates. */
  readonly perSecond: number
  /** Between two revisions. */
  readonly pauseMs: number
  /** After the last one. */
  readonly settleMs?: number
  /** Told what it is at. */
  readonly say?: (what: string) => void
}

export interface SpreadResult {
  readonly requests: number
  readonly failed: number
  /** Answers by an older revision than an answer of the same isolate that was there before the request was sent. */
  readonly backward: number
  /** Answers of which one part is of another revision than the other. */
  readonly torn: number
  /** For each revision: from its acknowledgement to the first answer by it, or by a newer one, of the last isolate. */
  readonly lagsMs: readonly number[]
  readonly tookMs: number
}

const SETTLE_MS = 6_000
const TRIES = 5

export async function runSpread(run: SpreadRun): Promise<SpreadResult> {
  const names = Array.from({ length: run.isolates }, (_each, index) => `proxy-${index}`)
  const fleet = await startFleet({
    proxies: Object.fromEntries(names.map((name) => [name, {}])),
    services: { upstream: { entry: "bench/workers/upstream.ts" } },
  })
  try {
    return await spread(fleet, names, run)
  } finally {
    await fleet.stop()
  }
}

/** Through these proxies of a fleet that has a service `upstream`. */
export function spread(fleet: Fleet, names: readonly string[], run: SpreadRun): Promise<SpreadResult> {
  return new Spread(fleet, names).run(run)
}

class Spread {
  readonly #fleet: Fleet
  readonly #names: readonly string[]
  /** When each isolate answered first by a revision, in the order of time. */
  readonly #firsts: { readonly atMs: number; readonly revision: number }[][]
  readonly #seen: number[]
  #requests = 0
  #failed = 0
  #backward = 0
  #torn = 0

  constructor(fleet: Fleet, names: readonly string[]) {
    this.#fleet = fleet
    this.#names = names
    this.#firsts = names.map(() => [])
    this.#seen = names.map(() => 0)
  }

  async run({ revisions, perSecond, pauseMs, settleMs = SETTLE_MS, say }: SpreadRun): Promise<SpreadResult> {
    const { revision: first } = await this.#fleet.apply(documentOf(1))
    if (first > 1) throw new Error("revisions say their number: the first of them is the mesh's first")
    await Promise.all(this.#names.map((_name, index) => this.#request(index)))
    const startedAtMs = performance.now()
    const load = new SteadyLoad((isolate) => this.#request(isolate), [...this.#names.keys()], perSecond)
    load.start()
    const acknowledged = new Map<number, number>()
    for (let revision = 2; revision <= revisions; revision++) {
      say?.(`revision ${revision} of ${revisions}`)
      const applied = await this.#apply(revision)
      if (applied !== revision) throw new Error(`made revision ${applied} instead of ${revision}`)
      acknowledged.set(revision, performance.now())
      await sleep(pauseMs)
    }
    say?.("waiting until the last is everywhere")
    await sleep(settleMs)
    // However long that takes on a busy machine: what never comes is seen in the lags.
    await eventually(() => this.#seen.every((seen) => seen >= revisions)).catch(() => {})
    await load.stop()
    return {
      ...{ requests: this.#requests, failed: this.#failed, backward: this.#backward, torn: this.#torn },
      lagsMs: [...acknowledged].map(([revision, atMs]) => this.#lastMs(revision) - atMs),
      tookMs: performance.now() - startedAtMs,
    }
  }

  /** On a busy machine control may have no time for it; what was made all the same is the head then, and not made again. */
  async #apply(revision: number): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#fleet.apply(documentOf(revision))).revision
      } catch (error) {
        if (attempt === TRIES) throw error
        await sleep(1_000)
      }
    }
  }

  /** When the last isolate answered by this revision, or by a newer one. */
  #lastMs(revision: number): number {
    const times = this.#firsts.map((firsts) => firsts.find((first) => first.revision >= revision)?.atMs)
    return Math.max(...times.map((atMs) => atMs ?? Number.POSITIVE_INFINITY))
  }

  async #request(isolate: number): Promise<number | undefined> {
    const before = this.#seen[isolate]!
    this.#requests += 1
    const colo = COLOS[isolate % COLOS.length]!
    const response = await this.#fleet.request(this.#names[isolate]!, "/", {}, colo).catch(() => undefined)
    const atMs = performance.now()
    await response?.arrayBuffer()
    if (response?.status !== 200) {
      this.#failed += 1
      return response?.status
    }
    const [rule, backend] = ["x-rule", "x-backend"].map((name) => Number(response.headers.get(name)))
    if (rule !== backend) this.#torn += 1
    const revision = rule as number
    if (revision < before) this.#backward += 1
    if (revision > this.#seen[isolate]!) {
      this.#seen[isolate] = revision
      this.#firsts[isolate]!.push({ atMs, revision })
    }
    return response.status
  }
}

/** Revision n says n, in two places. */
function documentOf(revision: number) {
  const says = (name: string) => ({ responseHeaders: { set: { [name]: String(revision) } } })
  const backends = [{ service: "upstream", filters: [says("x-backend")] }]
  return {
    services: { upstream: {} },
    routes: { web: { hosts: ["*"], rules: [{ filters: [says("x-rule")], backends }] } },
  }
}
