/**
 * The control plane stops, with all its objects, under a steady load through several proxy processes; one of them is started anew in the
 * midst of it. Then it hangs, then it is slow, then it is back.
 */

import { Agent, get } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import type { MeshDocument } from "#shared/model/document.ts"
import { LAST_KNOWN_KEY } from "#shared/protocol/last-known.ts"
import { applyTo, type Processes, startProcesses } from "./metered-processes.ts"
import { type LoadCount, SteadyLoad } from "./steady-load.ts"

export interface OutageRun {
  readonly proxies: number
  readonly perSecond: number
  /** Before anything is wrong, and of each kind of trouble but the first. */
  readonly phaseMs: number
  /** For how long the control plane is stopped. */
  readonly stoppedMs: number
  /** Told what it is at. */
  readonly say?: (what: string) => void
}

export interface OutagePhase extends LoadCount {
  readonly name: string
}

export interface OutageResult {
  readonly phases: readonly OutagePhase[]
  /** The first answer of the process that was started while nothing of the control plane was there. */
  readonly coldStatus: number | string
  readonly coldMs: number
  /** From the acknowledgement of a change, made when all was well again, until all processes served it. */
  readonly servedAfterMs: number
}

const SETTLED_MS = 60_000

export async function runOutage(run: OutageRun): Promise<OutageResult> {
  run.say?.(`starting ${run.proxies} proxies`)
  const mesh = await startProcesses(run.proxies, documentOf(1), { relays: true })
  const agent = new Agent({ keepAlive: true, maxSockets: 50 })
  try {
    return await outage(mesh, agent, run)
  } finally {
    agent.destroy()
    await mesh.stop()
  }
}

async function outage(mesh: Processes, agent: Agent, run: OutageRun): Promise<OutageResult> {
  const all = mesh.proxyUrls.map((_url, index) => index)
  const victim = all.length - 1
  const send = async (index: number) => {
    const answer = await ask(agent, mesh.proxyUrls[index]!)
    return "failure" in answer ? answer.failure : answer.status
  }
  await Promise.all(all.map(send))
  await until(() => mesh.lastKnown!.values.has(LAST_KNOWN_KEY))
  const load = new SteadyLoad(send, all, run.perSecond)
  load.start()
  run.say?.("warming up")
  await sleep(run.phaseMs / 4)
  load.take()
  const phases: OutagePhase[] = []
  const phase = async (name: string, ms: number) => {
    if (name !== "stopped") run.say?.(`${name}, of ${ms / 1000} s`)
    await sleep(ms)
    phases.push({ name, ...load.take() })
  }
  await phase("well", run.phaseMs)

  await mesh.killControl()
  run.say?.(`stopped, of ${run.stoppedMs / 1000} s`)
  await sleep(run.stoppedMs / 2)
  await load.turnTo(all.slice(0, -1))
  await mesh.killProxy(victim)
  await mesh.startProxy(victim)
  const startedAtMs = performance.now()
  const coldStatus = await send(victim)
  const coldMs = performance.now() - startedAtMs
  await load.turnTo(all)
  await phase("stopped", run.stoppedMs / 2)

  await mesh.startControl()
  await phase("back", run.phaseMs)
  mesh.link.setLate(Number.POSITIVE_INFINITY)
  await phase("hanging", run.phaseMs)
  mesh.link.setLate(5_000)
  await phase("5 s late", run.phaseMs)
  mesh.link.setLate(0)
  await phase("well again", run.phaseMs)

  run.say?.("waiting until a change is served")
  await applyTo(mesh.controlUrl, documentOf(2))
  const changedAtMs = performance.now()
  const servesNew = async (index: number) => {
    const answer = await ask(agent, mesh.proxyUrls[index]!)
    return "revision" in answer && answer.revision === "2"
  }
  await until(async () => (await Promise.all(all.map(servesNew))).every(Boolean))
  const servedAfterMs = performance.now() - changedAtMs
  await load.stop()
  return { phases, coldStatus, coldMs, servedAfterMs }
}

/** A breaker and a limit that the mesh shares, and which revision it is. */
function documentOf(revision: number): MeshDocument {
  return {
    services: { upstream: { binding: "UPSTREAM", breaker: { failurePercent: 50 } } },
    routes: {
      web: {
        hosts: ["*"],
        rules: [
          {
            filters: [{ responseHeaders: { set: { "x-revision": String(revision) } } }],
            rateLimits: [{ name: "all", requests: 1_000_000, per: "1s" }],
            backends: [{ service: "upstream" }],
          },
        ],
      },
    },
  }
}

interface Answer {
  readonly status: number
  readonly revision: string | undefined
}

function ask(agent: Agent, url: string): Promise<Answer | { readonly failure: string }> {
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 30_000 }, (response) => {
      response.resume()
      const revision = response.headers["x-revision"] as string | undefined
      response.on("end", () => resolve({ status: response.statusCode!, revision }))
      response.on("error", ({ message }) => resolve({ failure: message }))
    })
    request.on("error", ({ message }) => resolve({ failure: message }))
    request.on("timeout", () => request.destroy(new Error("timeout")))
  })
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadlineMs = performance.now() + SETTLED_MS; !(await holds()); await sleep(20)) {
    if (performance.now() > deadlineMs) throw new Error("not in time")
  }
}
