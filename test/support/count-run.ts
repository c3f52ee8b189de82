/**
 * Whether the mesh counts right: requests through several isolates, one of them killed while it holds counts that it has not reported,
 * and if need be the control process as well; then what Prometheus is told against what the load generator saw.
 */
import { Agent, get } from "node:http"
import { parseExposition } from "./exposition-parser.ts"
import { type Processes, startProcesses, TOKEN } from "./metered-processes.ts"

export interface CountRun {
  readonly isolates: number
  readonly requests: number
  readonly concurrency: number
  /** Kill one isolate, some time after it reported. */
  readonly killsIsolate: boolean
  /** Kill the control process, with its objects, in the midst of the load, and start it again. */
  readonly killsControl: boolean
  /** Told what it is at. */
  readonly say?: (what: string) => void
}

export interface CountResult {
  /** By class of status, as the load generator saw them; and those that the killed isolate left without an answer. */
  readonly answered: Readonly<Record<string, number>>
  readonly unanswered: number
  /** As /metrics says. */
  readonly counted: Readonly<Record<string, number>>
  /** Answered and not counted. */
  readonly lost: number
  /** What may be lost: what the killed isolate answered since all was reported. */
  readonly bound: number
  readonly repeatedReports: number
  readonly tookMs: number
}

const DOCUMENT = {
  services: { upstream: { binding: "UPSTREAM" } },
  routes: {
    bench: {
      hosts: ["*"],
      rules: [
        { match: { path: "/broken" }, filters: [{ respond: { status: 503 } }] },
        { match: { path: "/gone" }, filters: [{ respond: { status: 410 } }] },
        { match: { path: "/up" }, backends: [{ service: "upstream" }] },
      ],
    },
  },
}
/** Of ten requests: six served, two without a route, one refused by a rule, one failed. */
const PATHS = ["/up", "/up", "/up", "/nowhere", "/up", "/up", "/up", "/gone", "/nowhere", "/broken"]
const PATIENCE_MS = 100_000

export async function runCount(run: CountRun): Promise<CountResult> {
  run.say?.(`starting ${run.isolates} isolates`)
  const mesh = await startProcesses(run.isolates, DOCUMENT)
  try {
    return await count(mesh, run)
  } finally {
    await mesh.stop()
  }
}

async function count(mesh: Processes, run: CountRun): Promise<CountResult> {
  const startedAtMs = performance.now()
  const victim = run.isolates - 1
  const load = new Load(mesh, run.concurrency)
  const first = Math.floor(run.requests * 0.6)
  run.say?.(`sending ${run.requests} requests`)
  await load.send(first / 2, run.isolates)
  const restart = run.killsControl ? mesh.killControl().then(mesh.startControl) : undefined
  await load.send(first / 2, run.isolates)
  await restart
  run.say?.("waiting until all are counted")
  const before = await settled(mesh.controlUrl, load.total)
  if (sumOf(before.byClass) !== load.total)
    throw new Error(`counted ${sumOf(before.byClass)} of ${load.total} before the kill`)

  // All is reported. What the isolate answers from here on it takes along.
  run.say?.("sending the rest, with a kill")
  const held = load.byIsolate[victim]!
  await load.send(run.requests * 0.02, run.isolates)
  if (run.killsIsolate) await mesh.killProxy(victim)
  const bound = run.killsIsolate ? load.byIsolate[victim]! - held : 0
  await load.send(run.requests * 0.38, run.killsIsolate ? victim : run.isolates)
  load.end()
  run.say?.("waiting until all are counted")
  const { byClass, repeatedReports } = await settled(mesh.controlUrl, load.total - bound)
  const lost = load.total - sumOf(byClass)
  const { answered, unanswered } = load
  return {
    answered,
    unanswered,
    counted: byClass,
    lost,
    bound,
    repeatedReports,
    tookMs: performance.now() - startedAtMs,
  }
}

/** Sends requests and counts what came of them. */
class Load {
  readonly answered: Record<string, number> = {}
  readonly byIsolate: number[] = []
  unanswered = 0
  readonly #urls: readonly string[]
  readonly #concurrency: number
  readonly #agent: Agent

  constructor({ proxyUrls }: Processes, concurrency: number) {
    this.#urls = proxyUrls
    this.#concurrency = concurrency
    this.#agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  }

  get total(): number {
    return sumOf(this.answered)
  }

  /** Over the first `isolates`, in turn. */
  async send(requests: number, isolates: number): Promise<void> {
    let sent = 0
    const lane = async () => {
      while (sent < Math.floor(requests)) {
        const index = sent++
        await this.#one(index % isolates, PATHS[index % PATHS.length]!)
      }
    }
    await Promise.all(Array.from({ length: this.#concurrency }, lane))
  }

  async #one(isolate: number, path: string): Promise<void> {
    const status = await statusOf(this.#agent, this.#urls[isolate]! + path)
    if (status === undefined) {
      this.unanswered += 1
      return
    }
    const kind = `${String(status)[0]}xx`
    this.answered[kind] = (this.answered[kind] ?? 0) + 1
    this.byIsolate[isolate] = (this.byIsolate[isolate] ?? 0) + 1
  }

  end(): void {
    this.#agent.destroy()
  }
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** What is counted once all is, or once it does not grow any more. */
async function settled(controlUrl: string, total: number) {
  const untilMs = performance.now() + PATIENCE_MS
  let last = { byClass: {} as Record<string, number>, repeatedReports: 0 }
  let stable = 0
  while (performance.now() < untilMs && stable < 40) {
    const next = await read(controlUrl)
    const sum = sumOf(next.byClass)
    stable = JSON.stringify(next) === JSON.stringify(last) && sum > 0 ? stable + 1 : 0
    last = next
    if (sum === total) break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  return last
}

async function read(controlUrl: string) {
  const response = await fetch(`${controlUrl}/metrics`, {
    headers: { authorization: `Bearer ${TOKEN}`, accept: "application/openmetrics-text" },
  })
  if (!response.ok) throw new Error(await response.text())
  const families = parseExposition(await response.text(), "openmetrics")
  const byClass: Record<string, number> = {}
  for (const { name, labels, value } of families.get("weft_requests")!.samples) {
    if (name.endsWith("_total")) byClass[labels.class!] = (byClass[labels.class!] ?? 0) + value
  }
  const repeated = families
    .get("weft_telemetry_repeated_reports")!
    .samples.filter(({ name }) => name.endsWith("_total"))
  return { byClass, repeatedReports: repeated.reduce((sum, { value }) => sum + value, 0) }
}

/** Undefined without an answer. */
function statusOf(agent: Agent, url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 100_000 }, (response) => {
      response.resume()
      response.on("end", () => resolve(response.statusCode))
      response.on("error", () => resolve(undefined))
    })
    request.on("error", () => resolve(undefined))
    request.on("timeout", () => request.destroy())
  })
}
