/**
 * Whether a mesh keeps what it acknowledged: writers and a reader at a control process that is killed, again and again, as the system
 * kills, and starts again on the same state. Who gets no answer asks again with the same idempotency key until there is one; what all
 * of them saw is checked against what the mesh has in the end, and as a history of one register.
 */

import { EventEmitter, once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import type { Applied, RevisionDetail, RevisionList } from "#shared/protocol/control-api.ts"
import type { RevisionSummary } from "#shared/protocol/route-table.ts"
import { HEAD, type Head, type HeadOp } from "./head-register.ts"
import { type Operation, type Violation, violationOf } from "./linearizable.ts"
import { configVariant, ROOT, type SelfHosted, startSelfHosted, TOKEN } from "./self-hosted.ts"

export interface KillRun {
  readonly kills: number
  readonly writers: number
  /** After so many acknowledgements since its start the process is killed: drawn up to this, none included. */
  readonly acknowledgementsMax: number
  readonly roll: () => number
  /** Told what it is at. */
  readonly say?: (what: string) => void
}

export interface KillResult {
  readonly kills: number
  readonly acknowledged: number
  /** Acknowledged, and not in the history of the mesh, or another there. */
  readonly lost: readonly string[]
  /** In the history more than once. */
  readonly repeated: readonly string[]
  /** In the history, and refused or never asked for. */
  readonly uncalledFor: readonly string[]
  /** Numbers are 1, 2, 3 and so on. */
  readonly isDense: boolean
  readonly revisions: number
  /** Refused because the head was another. */
  readonly refused: number
  /** Writes of which an attempt got no answer, and those of them that it had done all the same. */
  readonly unanswered: number
  readonly unansweredDone: number
  /** Writes that never got an answer. */
  readonly open: number
  readonly reads: number
  readonly violation: Violation<Head, HeadOp> | undefined
  readonly checkMs: number
  /** From a kill until it listens again, each. */
  readonly restartMs: readonly number[]
  readonly tookMs: number
}

export interface Write {
  readonly id: string
  readonly expected: number | undefined
  readonly calledAt: number
  returnedAt?: number
  outcome?: (HeadOp & { kind: "write" })["outcome"]
  digest?: string
  /** When an attempt got no answer, so that nobody knew what became of it: the last such moment. */
  unansweredAtMs?: number
}

/** Who waits longer than the mesh itself does learns nothing more. */
const PATIENCE_MS = 15_000
const STUCK_MS = 30_000
const PAUSE_MS = 20
const RETRY_MS = 100
/** About as long as a write takes: kills fall anywhere in it. */
const WITHIN_MS = 20
const ROUTE = "race"

export async function runKills(run: KillRun): Promise<KillResult> {
  const startedAtMs = performance.now()
  // One token writes as often as it can; what it may otherwise do in a minute is not the matter here.
  const control = configVariant(`${ROOT}/workers/control/wrangler.toml`, '[vars]\nWEFT_ADMIN_RATE = "off"\n')
  const mesh = await startSelfHosted({ control })
  try {
    const clients = new Clients(mesh)
    const working = [...Array(run.writers).keys()].map((number) => clients.write(number, run.roll))
    working.push(clients.read())
    const restartMs = await killAgainAndAgain(mesh, clients, run).finally(() => clients.end())
    await Promise.all(working)
    run.say?.("reading the history, and judging it")
    const history = await clients.history()
    return judged(clients, history, { kills: run.kills, restartMs, tookMs: performance.now() - startedAtMs })
  } finally {
    await mesh.stop()
  }
}

/** By what was done rather than by the clock: a busy machine sees the same number of writes between two kills, and one in flight. */
async function killAgainAndAgain(mesh: SelfHosted, clients: Clients, run: KillRun): Promise<number[]> {
  const restartMs: number[] = []
  for (let kill = 0; kill < run.kills; kill++) {
    run.say?.(`kill ${kill + 1} of ${run.kills}`)
    await clients.acknowledged(Math.floor(run.roll() * (run.acknowledgementsMax + 1)))
    await sleep(run.roll() * WITHIN_MS)
    const killedAtMs = performance.now()
    await mesh.kill()
    await mesh.start()
    restartMs.push(performance.now() - killedAtMs)
  }
  return restartMs
}

class Clients implements Seen {
  readonly writes: Write[] = []
  readonly reads: Operation<HeadOp>[] = []
  readonly #mesh: SelfHosted
  #ended = false
  /** Calls and returns in the order in which they happened, no two at once. */
  #moment = 0
  #acknowledged = new EventEmitter()

  constructor(mesh: SelfHosted) {
    this.#mesh = mesh
  }

  end(): void {
    this.#ended = true
  }

  /** Resolves when so many more writes were. */
  async acknowledged(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await once(this.#acknowledged, "one", { signal: AbortSignal.timeout(STUCK_MS) })
  }

  /** Half of its writes say by If-Match which head they mean: the one that there is, until another writer is faster. */
  async write(writer: number, roll: () => number): Promise<void> {
    for (let n = 0; !this.#ended; n++) {
      const expected = roll() < 0.5 ? await this.#revision() : undefined
      const write: Write = { id: `${writer}-${n}`, expected, calledAt: this.#moment++ }
      this.writes.push(write)
      // Others get in between: a write that was done and is asked for again finds another head.
      while ((await this.#attempt(write)) === undefined) await sleep(roll() * RETRY_MS)
      write.returnedAt = this.#moment++
      if (write.outcome?.is === "committed") this.#acknowledged.emit("one")
    }
  }

  async read(): Promise<void> {
    while (!this.#ended) {
      const calledAt = this.#moment++
      const saw = await this.#head().catch(() => undefined)
      if (saw) this.reads.push({ op: { kind: "read", saw }, calledAt, returnedAt: this.#moment++ })
      await sleep(PAUSE_MS)
    }
  }

  async #attempt(write: Write): Promise<Write["outcome"]> {
    const { id, expected } = write
    const rules = [{ filters: [{ redirect: { path: `/${id}` } }] }]
    const documents = [{ source: "kill", content: { routes: { [ROUTE]: { hosts: ["*"], rules } } } }]
    const headers = { "idempotency-key": id, ...(expected !== undefined && { "if-match": `"${expected}"` }) }
    try {
      const response = await this.#ask("/v1/apply", headers, { documents, message: id })
      const text = await response.text()
      if (response.status === 412)
        write.outcome = { is: "stale", head: Number(response.headers.get("etag")!.slice(1, -1)) }
      else if (response.status === 409) write.outcome = { is: "busy" }
      else if (response.status === 200) {
        const { revision, digest } = JSON.parse(text) as Applied
        Object.assign(write, { digest, outcome: { is: "committed", revision } })
      } else if (response.status !== 503) throw new Unexpected(`${response.status} ${text}`)
    } catch (error) {
      if (error instanceof Unexpected) throw error
      // Whoever is refused the connection was not heard; whatever else went wrong may have been done.
      if (codeOf(error) !== "ECONNREFUSED") write.unansweredAtMs = Date.now()
    }
    return write.outcome
  }

  async #revision(): Promise<number | undefined> {
    return (await this.#head().catch(() => undefined))?.revision
  }

  /** The head, with what its content and its message say of who made it: they must not differ. */
  async #head(): Promise<Head | undefined> {
    const response = await this.#ask("/v1/revisions/head")
    if (response.status === 404) return { revision: 0, by: "" }
    if (!response.ok) return undefined
    const { revision, message, resources } = (await response.json()) as RevisionDetail
    const written = /"path":"\/([\d-]+)"/.exec(JSON.stringify(resources))?.[1]
    return { revision, by: written === message ? message : `${message} with the content of ${written}` }
  }

  /** All revisions, the oldest first. */
  async history(): Promise<RevisionSummary[]> {
    const all: RevisionSummary[] = []
    for (let before = ""; ; before = `&before=${all[0]!.revision}`) {
      const response = await this.#ask(`/v1/revisions?limit=200${before}`)
      const { revisions } = (await response.json()) as RevisionList
      all.unshift(...revisions.toReversed())
      if (revisions.length === 0 || all[0]!.revision === 1) return all
    }
  }

  #ask(path: string, headers: Record<string, string> = {}, body?: object): Promise<Response> {
    return fetch(this.#mesh.controlUrl + path, {
      headers: { authorization: `Bearer ${TOKEN}`, ...(body && { "content-type": "application/json" }), ...headers },
      ...(body && { method: "POST", body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
  }
}

type Known = Pick<KillResult, "kills" | "restartMs" | "tookMs">

export type Kept = Pick<RevisionSummary, "revision" | "message" | "digest" | "atMs">

/** What writers and readers saw. */
export interface Seen {
  readonly writes: readonly Write[]
  readonly reads: readonly Operation<HeadOp>[]
}

/** `history`: what the mesh has in the end. */
export function judged({ writes, reads }: Seen, history: readonly Kept[], known: Known): KillResult {
  const done = writes.filter(({ outcome }) => outcome?.is === "committed")
  const found = Map.groupBy(history, ({ message }) => message)
  const isKept = ({ id, outcome, digest }: Write) => {
    const [first] = found.get(id) ?? []
    return outcome?.is === "committed" && first?.revision === outcome.revision && first.digest === digest
  }
  const mayBeDone = new Set(writes.filter(({ outcome }) => !outcome || outcome.is === "committed").map(({ id }) => id))
  const unanswered = writes.filter(({ unansweredAtMs }) => unansweredAtMs !== undefined)
  // Who asked again was answered later than that: what is older was done by the attempt that had no answer.
  const wasDone = ({ id, unansweredAtMs = 0 }: Write) => (found.get(id)?.[0]?.atMs ?? Number.NaN) <= unansweredAtMs
  const operations = [
    ...reads,
    ...writes.map(({ calledAt, returnedAt, id: by, expected, outcome }): Operation<HeadOp> => {
      const op = {
        kind: "write",
        by,
        ...(expected !== undefined && { expected }),
        ...(outcome && { outcome }),
      } as const
      return { op, calledAt, ...(returnedAt !== undefined && { returnedAt }) }
    }),
  ]
  const checkedAtMs = performance.now()
  const violation = violationOf(operations, HEAD)
  return {
    ...known,
    acknowledged: done.length,
    lost: done.filter((write) => !isKept(write)).map(({ id }) => id),
    repeated: [...found].filter(([, revisions]) => revisions.length > 1).map(([id]) => id),
    uncalledFor: [...found.keys()].filter((id) => !mayBeDone.has(id)),
    isDense: history.every(({ revision }, index) => revision === index + 1),
    revisions: history.length,
    refused: writes.filter(({ outcome }) => outcome && outcome.is !== "committed").length,
    unanswered: unanswered.length,
    unansweredDone: unanswered.filter(wasDone).length,
    open: writes.filter(({ outcome }) => outcome === undefined).length,
    reads: reads.length,
    violation,
    checkMs: performance.now() - checkedAtMs,
  }
}

export function isFine({ lost, repeated, uncalledFor, isDense, open, violation }: KillResult): boolean {
  return lost.length + repeated.length + uncalledFor.length + open === 0 && isDense && violation === undefined
}

class Unexpected extends Error {}

function codeOf(error: unknown): string | undefined {
  return ((error as Error).cause as { code?: string } | undefined)?.code
}
