/**
 * Hours of everything at once: a self-hosted mesh under steady load whose routes change again and again, with senders who go away in the
 * midst, streams, and WebSockets that stay open. Whoever leaks a place, cuts a stream or grows is found by the length of it.
 */
import { readFile } from "node:fs/promises"
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { apply } from "#cli/local/seed.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import { eventually } from "./eventually.ts"
import { ROOT, type SelfHosted, startSelfHosted, TOKEN } from "./self-hosted.ts"
import { type LoadCount, SteadyLoad } from "./steady-load.ts"

export interface SoakRun {
  /** Plain requests, without the special ones. */
  readonly perSecond: number
  /** Senders who go away, and streams: of each kind. */
  readonly specialPerSecond: number
  readonly webSockets: number
  readonly changeEveryMs: number
  readonly ms: number
}

export interface SoakResult {
  /** Plain requests by quarters of the time. */
  readonly quarters: readonly LoadCount[]
  readonly special: LoadCount
  readonly changes: number
  /** Messages that came back by WebSockets, and sockets that were closed before the end. */
  readonly echoes: number
  readonly cut: number
  /** Memory of the process, from the middle to the end: what a straight line through it gains in an hour, in MiB. */
  readonly growthMibPerHour: number
  readonly rssMib: number
  /** What became of as many requests at once as there are places, after all. */
  readonly places: Readonly<Record<string, number>>
  /** What the runtime wrote: bugs of the mesh, and whatever nobody caught. */
  readonly said: string
}

/** More than the two loads ever have under way: no request is refused for want of a place, unless places leak. */
const PLACES = 250
/** So many at once find out in the end whether all places are free. */
const LINGER_MS = 1_500
const SAMPLES_A_RUN = 200

export async function runSoak(run: SoakRun): Promise<SoakResult> {
  const projects = ["v1", "v2"].map((version) => join(ROOT, `test/workers/proxy/workers/echo/wrangler.${version}.toml`))
  const mesh = await startSelfHosted({ projects })
  const agent = new Agent({ keepAlive: true })
  try {
    await change(mesh, 1)
    await eventually(async () => (await plain(mesh.ingressUrl, agent)) === 200)
    return await soak(mesh, agent, run)
  } finally {
    agent.destroy()
    await mesh.stop()
  }
}

async function soak(mesh: SelfHosted, agent: Agent, run: SoakRun): Promise<SoakResult> {
  const sockets = Array.from({ length: run.webSockets }, () => new Talk(mesh.ingressUrl))
  const special = [leaving, streaming].map((send) => () => send(mesh.ingressUrl, agent))
  const plainLoad = new SteadyLoad(() => plain(mesh.ingressUrl, agent), [0], run.perSecond)
  const specialLoad = new SteadyLoad((kind) => special[kind]!(), [0, 1], run.specialPerSecond * 2)
  plainLoad.start()
  specialLoad.start()
  const end = new AbortController()
  const changing = changeAgainAndAgain(mesh, run.changeEveryMs, end.signal)
  const memory = sampleMemory(mesh.runtime.child.pid!, run.ms / SAMPLES_A_RUN, end.signal)
  const quarters: LoadCount[] = []
  for (let quarter = 0; quarter < 4; quarter++) {
    await sleep(run.ms / 4)
    quarters.push(plainLoad.take())
  }
  end.abort()
  const [changes, samples] = await Promise.all([changing, memory])
  await Promise.all([plainLoad.stop(), specialLoad.stop()])
  const cut = sockets.filter(({ isOpen }) => !isOpen).length
  for (const socket of sockets) socket.close()
  return {
    ...{ quarters, special: specialLoad.take(), changes, cut },
    echoes: sockets.reduce((sum, { echoes }) => sum + echoes, 0),
    growthMibPerHour: slope(samples.slice(samples.length / 2)) * 3_600_000,
    rssMib: samples.at(-1)?.mib ?? 0,
    places: await fillPlaces(mesh.ingressUrl, agent),
    said: mesh.runtime.said(),
  }
}

/** Each revision sends to another version and says so in a header; everything that could leak is armed. */
function documentOf(revision: number): MeshDocument {
  const weights = revision % 2 === 0 ? [10, 90] : [90, 10]
  return {
    services: {
      echo: {
        binding: "ECHO_V1",
        subsets: { v1: {}, v2: {} },
        breaker: {},
        concurrency: { max: PLACES },
      },
    },
    routes: {
      web: {
        hosts: ["*"],
        rules: [
          {
            timeout: "60s",
            retry: { attempts: 1, on: ["5xx"] },
            rateLimits: [{ name: "all", requests: 1_000_000, per: "1s" }],
            filters: [{ responseHeaders: { set: { "x-revision": String(revision) } } }],
            backends: weights.map((weight, index) => ({ service: "echo", subset: `v${index + 1}`, weight })),
          },
        ],
      },
    },
  }
}

function change(mesh: SelfHosted, revision: number): Promise<unknown> {
  return apply(mesh.controlUrl, TOKEN, { documents: [{ source: "soak", content: documentOf(revision) }] })
}

async function changeAgainAndAgain(mesh: SelfHosted, everyMs: number, end: AbortSignal): Promise<number> {
  for (let changes = 0; ; changes++) {
    if (!(await passes(everyMs, end))) return changes
    await change(mesh, changes + 2)
  }
}

interface MemorySample {
  readonly atMs: number
  readonly mib: number
}

async function sampleMemory(process: number, everyMs: number, end: AbortSignal): Promise<MemorySample[]> {
  const samples: MemorySample[] = []
  do {
    const status = await readFile(`/proc/${process}/status`, "utf8").catch(() => "")
    const kib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    samples.push({ atMs: performance.now(), mib: kib / 1024 })
  } while (await passes(everyMs, end))
  return samples
}

/** False when the end came first. */
function passes(ms: number, end: AbortSignal): Promise<boolean> {
  return sleep(ms, undefined, { signal: end }).then(
    () => true,
    () => false,
  )
}

/** Least squares. */
function slope(samples: readonly MemorySample[]): number {
  const mean = (of: (sample: MemorySample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length
  const [atMs, mib] = [mean((one) => one.atMs), mean((one) => one.mib)]
  const across = mean((one) => (one.atMs - atMs) * (one.mib - mib))
  return across / mean((one) => (one.atMs - atMs) ** 2)
}

/** A sender that went away kept none: as many as there are find theirs. */
async function fillPlaces(url: string, agent: Agent): Promise<Record<string, number>> {
  const all = Array.from({ length: PLACES }, () => plain(url, agent, `/x?delayMs=${LINGER_MS}`))
  const became: Record<string, number> = {}
  for (const answer of await Promise.all(all)) became[answer] = (became[answer] ?? 0) + 1
  return became
}

function plain(url: string, agent: Agent, path = "/x"): Promise<number | string> {
  return answerOf(url + path, { agent }).then(
    ({ status, refusal }) => (refusal === undefined ? status : `${status} ${refusal}`),
    failure,
  )
}

/** The rest of a chunked answer comes as it was sent, whatever changed meanwhile. */
function streaming(url: string, agent: Agent): Promise<number | string> {
  return answerOf(`${url}/stream`, { agent }).then(
    ({ status, text }) => (text === "chunk 0\nchunk 1\nchunk 2\n" ? status : `broken stream ${text}`),
    failure,
  )
}

/** Goes away before the answer, at any moment of it. The runtime itself does not notice that on its own socket. */
function leaving(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const leave = request(`${url}/x?delayMs=20`, { agent, method: "GET" }, (answer) => answer.resume())
    leave.on("error", () => {}).end()
    void sleep(Math.random() * 30).then(() => {
      leave.destroy()
      resolve(200)
    })
  })
}

interface Answer {
  readonly status: number
  readonly refusal: string | undefined
  readonly text: string
}

function answerOf(url: string, options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, options, (answer: IncomingMessage) => {
      let text = ""
      answer
        .setEncoding("utf8")
        .on("data", (chunk: string) => (text += chunk))
        .on("end", () =>
          resolve({ status: answer.statusCode!, refusal: answer.headers["weft-refusal"] as string | undefined, text }),
        )
        .on("error", reject)
    })
    asked.on("error", reject).end()
  })
}

function failure(error: unknown): string {
  return String((error as { code?: string }).code ?? error)
}

/** A WebSocket on which a word goes out whenever the last one came back. */
class Talk {
  echoes = 0
  isOpen = true
  readonly #socket: WebSocket

  constructor(url: string) {
    this.#socket = new WebSocket(url.replace(/^http/, "ws"))
    this.#socket.onopen = () => this.#socket.send("word")
    this.#socket.onclose = () => (this.isOpen = false)
    this.#socket.onmessage = ({ data }) => {
      if (data !== "echo word") return this.#socket.close()
      this.echoes++
      void sleep(100).then(() => this.isOpen && this.#socket.send("word"))
    }
  }

  close(): void {
    this.#socket.close()
  }
}
