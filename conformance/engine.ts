/** Runs tests one after the other on one mesh, and says how each case went. */

import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import type { Bench } from "./bench.ts"
import type { Received } from "./client.ts"
import {
  type CaseRequest,
  type Distribution,
  type Door,
  type Expectation,
  type FormCase,
  type FormTest,
  FRESH,
} from "./form.ts"
import { type Arrived, echoed, isBackend, judge } from "./judge.ts"

export interface CaseResult {
  readonly name: string
  readonly outcome: "passed" | "failed" | "skipped"
  /** Why it failed or was skipped. */
  readonly reasons: readonly string[]
}

export interface TestResult {
  readonly name: string
  readonly cases: readonly CaseResult[]
  readonly tookMs: number
}

/** Copies of requests arrive after the answer: how long they are waited for. */
const MIRROR_WAIT_MS = 5_000
const MIRROR_POLL_MS = 15
const AT_ONCE = 16
/** Whether time ran out is a matter of the machine, too: limits of 200 ms are tried again before they count. */
const TRIES_AGAINST_TIME = 3

export async function runTest(test: FormTest, bench: Bench): Promise<TestResult> {
  const startedAtMs = performance.now()
  const cases: CaseResult[] = []
  const runnable = test.cases.some(({ skip }) => skip === undefined)
  const refused = runnable ? await bench.apply(test.documents).then(() => undefined, describe) : undefined
  for (const one of test.cases) {
    if (one.skip !== undefined) cases.push({ name: one.name, outcome: "skipped", reasons: [one.skip] })
    else if (refused !== undefined) cases.push({ name: one.name, outcome: "failed", reasons: [refused] })
    else cases.push(await runCase(one, bench).catch((error) => failed(one, [describe(error)])))
  }
  return { name: test.name, cases, tookMs: performance.now() - startedAtMs }
}

async function runCase(one: FormCase, bench: Bench): Promise<CaseResult> {
  for (const { kind, namespace, name } of one.removals) await bench.remove(kind, namespace, name)
  let faults = await runOnce(one, bench)
  for (let tries = 1; tries < TRIES_AGAINST_TIME && faults.some(isOfTime); tries++) faults = await runOnce(one, bench)
  if (faults.length === 0 && one.distribution) faults.push(...(await runMany(one, one.distribution, bench)))
  if (faults.length > 0) return failed(one, faults)
  const { unknown } = one.expect
  if (unknown.length === 0) return { name: one.name, outcome: "passed", reasons: [] }
  return { name: one.name, outcome: "skipped", reasons: [`nobody here can judge: ${unknown.join(", ")}`] }
}

function isOfTime(fault: string): boolean {
  return /^status .*\b504\b/.test(fault)
}

async function runOnce(one: FormCase, bench: Bench): Promise<string[]> {
  const { request, expect } = withFreshTexts(one)
  await bench.arrived()
  const answer = await sendOn(one.door, request, bench)
  const arrived = await arrivals(bench, expect)
  const faults = judge(expect, request, answer, arrived)
  // How many copies there are of one request is left to the distribution, where there is one.
  if (one.distribution?.mirrors) return faults
  for (const backend of expect.mirroredTo) {
    if (!arrived.some((one) => isBackend(one.backend, backend))) faults.push(`nothing was mirrored to ${backend}`)
  }
  return faults
}

async function sendOn(door: Door, request: CaseRequest, bench: Bench): Promise<Received> {
  const answer = await bench.send(door, request)
  const { location } = answer.headers
  if (!request.follow || location === undefined) return answer
  const { host, pathname, search } = new URL(location, `${request.scheme}://${request.host}${request.target}`)
  return bench.send(door, { ...request, host, target: pathname + search })
}

/** What arrived at backends, mirrors included, unless they take too long. */
async function arrivals(bench: Bench, expect: Expectation): Promise<Arrived> {
  const arrived = [...(await bench.arrived())]
  const untilMs = performance.now() + MIRROR_WAIT_MS
  const missing = () => expect.mirroredTo.some((backend) => !arrived.some((one) => isBackend(one.backend, backend)))
  while (missing() && performance.now() < untilMs) {
    await sleep(MIRROR_POLL_MS)
    arrived.push(...(await bench.arrived()))
  }
  return arrived
}

async function runMany(one: FormCase, distribution: Distribution, bench: Bench): Promise<string[]> {
  let faults: string[] = []
  for (let round = 0; round < distribution.tries; round++) {
    const counts = await countMany(one, distribution.requests, bench)
    faults = typeof counts === "string" ? [counts] : judgeCounts(counts, distribution)
    if (faults.length === 0) return []
  }
  return faults
}

interface Counts {
  readonly answers: ReadonlyMap<string, number>
  readonly arrivals: ReadonlyMap<string, number>
}

async function countMany(one: FormCase, requests: number, bench: Bench): Promise<Counts | string> {
  await bench.arrived()
  const answers = new Map<string, number>()
  let wrong: string | undefined
  let left = requests
  const worker = async () => {
    while (left-- > 0) {
      const { request, expect } = withFreshTexts(one)
      const answer = await bench.send(one.door, request)
      if (!expect.statuses.includes(answer.status))
        wrong ??= `status ${answer.status} instead of ${expect.statuses.join(" or ")}`
      count(answers, echoed(answer)?.backend ?? "nobody")
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  if (wrong !== undefined) return wrong
  if (one.expect.mirroredTo.length > 0) await sleep(MIRROR_POLL_MS * 10)
  const arrivals = new Map<string, number>()
  for (const { backend } of await bench.arrived()) count(arrivals, backend)
  return { answers, arrivals }
}

function judgeCounts({ answers, arrivals }: Counts, { requests, answers: split, mirrors }: Distribution): string[] {
  const faults: string[] = []
  for (const [backend, share] of Object.entries(split?.shares ?? {})) {
    const found = sumOf(answers, backend) / requests
    const isFar = share === 0 ? found > 0 : Math.abs(found - share) > split!.tolerance
    if (isFar) faults.push(`${backend} answered ${percent(found)} instead of ${percent(share)}`)
  }
  for (const [backend, share] of Object.entries(mirrors?.shares ?? {})) {
    const found = sumOf(arrivals, backend)
    const deviation = Math.sqrt(requests * share * (1 - share))
    if (Math.abs(found - requests * share) > mirrors!.deviations * deviation) {
      faults.push(`${backend} got ${found} copies of ${requests} requests instead of about ${requests * share}`)
    }
  }
  return faults
}

function sumOf(counts: ReadonlyMap<string, number>, backend: string): number {
  return [...counts].reduce((sum, [name, n]) => (isBackend(name, backend) ? sum + n : sum), 0)
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function withFreshTexts({ request, expect }: FormCase): { request: CaseRequest; expect: Expectation } {
  if (!request.target.includes(FRESH)) return { request, expect }
  const fresh = randomUUID()
  const { pathAtBackend } = expect
  return {
    request: { ...request, target: request.target.replaceAll(FRESH, fresh) },
    expect: {
      ...expect,
      ...(pathAtBackend !== undefined && { pathAtBackend: pathAtBackend.replaceAll(FRESH, fresh) }),
    },
  }
}

function failed({ name }: FormCase, reasons: readonly string[]): CaseResult {
  return { name, outcome: "failed", reasons }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
