/**
 * The same as `metastable.ts` where time passes only as the story says: the proxy's attempts and retries, and the bench's upstream, in one
 * process. It comes out the same on any machine, however busy.
 */
import { resolve } from "node:path"
import { vi } from "vitest"
import type { RetryPolicy, ServicePolicy, Timeouts } from "#shared/model/policy.ts"
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type { Exchange } from "#workers/proxy/exchange.ts"
import { Ledger } from "#workers/proxy/ledger.ts"
import type { Mesh, Routes } from "#workers/proxy/mesh.ts"
import { FAR_MS } from "./far-future.ts"
import {
  CAPACITY,
  CAPACITY_IN_TRIGGER,
  LOAD,
  type MetastableResult,
  type MetastableRun,
  POLICY,
  resultOf,
} from "./metastable.ts"

interface Upstream {
  fetch(request: Request): Promise<Response>
}

type Forward = (
  exchange: Exchange,
  outgoing: object,
  endpoints: readonly Endpoint[],
  mesh: Mesh,
) => Promise<Response | Refusal>

const STEP_MS = 25
const ENDPOINTS: readonly Endpoint[] = [{ kind: "binding", binding: "UPSTREAM" }]
const URL = "http://shop.test/"

export async function tellMetastable(run: MetastableRun): Promise<MetastableResult> {
  // What runs in Workers is described by types of Workers, which this project has not.
  const load = (path: string) => import(resolve(import.meta.dirname, "../..", path))
  const { default: upstream } = (await load("bench/workers/queueing.ts")) as { default: Upstream }
  const { forward } = (await load("workers/proxy/forward.ts")) as { forward: Forward }
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: FAR_MS })
  try {
    return await tell(run, upstream, forward)
  } finally {
    vi.useRealTimers()
  }
}

async function tell(run: MetastableRun, upstream: Upstream, forward: Forward): Promise<MetastableResult> {
  const turn = async (perSecond: number): Promise<number> => {
    const about = `perSecond=${perSecond}&serviceMs=${POLICY.serviceMs}&queueMax=${run.queueMax}&heeds=${run.heeds ?? false}`
    return ((await (await upstream.fetch(new Request(`${URL}turn?${about}`))).json()) as { arrived: number }).arrived
  }
  const send = proxyTo(upstream, run.policy, forward)
  const pending: Promise<boolean>[] = []
  const sendUntil = async (untilMs: number) => {
    for (let elapsedMs = Date.now() - FAR_MS; elapsedMs < untilMs; elapsedMs += STEP_MS) {
      while (pending.length < (elapsedMs * LOAD) / 1000) pending.push(send())
      await vi.advanceTimersByTimeAsync(STEP_MS)
    }
  }
  const endsMs = (run.beforeSeconds + run.triggerSeconds) * 1000
  await turn(CAPACITY)
  await sendUntil(run.beforeSeconds * 1000)
  await turn(CAPACITY_IN_TRIGGER)
  await sendUntil(endsMs)
  await turn(CAPACITY)
  const sentBefore = pending.length
  await sendUntil(endsMs + run.afterSeconds * 1000)
  await vi.advanceTimersByTimeAsync(2 * POLICY.timeouts.requestMs)
  const good = await Promise.all(pending)
  return resultOf(run, good, (await turn(CAPACITY)) / (good.length - sentBefore))
}

/** One isolate of the proxy, as far as it sends, waits and tries again; whether a request of its was answered well. */
function proxyTo(upstream: Upstream, policy: ServicePolicy, forward: Forward): () => Promise<boolean> {
  let thrown = 0
  const roll = () => (thrown++ * 0.618_033_988_749_895) % 1
  const service = { id: "default/upstream", endpoints: ENDPOINTS, subsets: {}, policy }
  const backend = { service: service.id, weight: 1, filters: [] }
  const retry: RetryPolicy = POLICY.retry
  const timeouts: Timeouts = POLICY.timeouts
  const routes = { revision: 1, services: new Map([[service.id, service]]) } as unknown as Routes
  const mesh = {
    ledger: new Ledger({ roll, breakers: () => undefined }),
    ...{ nowMs: () => Date.now(), roll, waitUntil() {}, colo: undefined },
    sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
    destination: () => ({ fetch: (request: Request) => upstream.fetch(request) }),
  } as unknown as Mesh
  return async () => {
    const exchange = {
      ...{ entrance: { at: "gateway", gateway: "default/default" }, nested: false, attempts: 0, hashKey: null },
      ...{ routes, backend, matched: { rule: { retry, timeouts } }, deadlineAtMs: Date.now() + timeouts.requestMs! },
      ...{ principals: {}, priority: "default", budgetExhausted: false },
    } as unknown as Exchange
    const outgoing = { request: new Request(URL), target: "/", body: undefined, signal: undefined }
    const answer = await forward(exchange, outgoing, ENDPOINTS, mesh)
    return !isRefusal(answer) && answer.status === 200
  }
}
