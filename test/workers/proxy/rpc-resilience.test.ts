/** What the mesh does about RPC calls that are slow, fail, or whose caller goes away, with real Workers. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import type { MeshDocument, RuleDocument } from "#shared/model/document.ts"
import { eventually } from "#test/support/eventually.ts"
import { startTestMesh, type TestMesh } from "./mesh.ts"

const RETRY: RuleDocument["retry"] = { attempts: 2, on: ["5xx"], backoff: "1ms", unsafe: true }
const QUICK = { volume: 4, coolDown: "300ms", coolDownMax: "300ms" }
const ruleFor = (service: string, more: Partial<RuleDocument> = {}) => ({
  [service]: { service, rules: [{ backends: [{ service }], ...more }] },
})

const DOCUMENT: MeshDocument = {
  services: {
    caller: {},
    retried: {
      endpoints: [{ binding: "CALLEE" }, { binding: "CALLEE_V2" }],
      retryBudget: { percent: 100, perSecond: 100 },
    },
    thrifty: { binding: "CALLEE", retryBudget: { percent: 20, perSecond: 0 } },
    broken: { binding: "CALLEE", breaker: QUICK },
    backed: {
      binding: "CALLEE",
      breaker: { ...QUICK, coolDown: "5m", coolDownMax: "5m", fallback: { service: "spare" } },
    },
    spare: { binding: "CALLEE_V2" },
    placed: { binding: "CALLEE", concurrency: { max: 2 } },
    hurried: { binding: "CALLEE", breaker: { ...QUICK, coolDown: "5m", coolDownMax: "5m", consecutive: 3 } },
    tenant: { binding: "TENANTS", worker: "tenant-rpc" },
    faulty: { binding: "CALLEE" },
  },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    ...ruleFor("thrifty", { retry: { ...RETRY, attempts: 3 } }),
    ...ruleFor("faulty", { filters: [{ fault: { abort: { status: 503 } } }], retry: RETRY }),
    retried: {
      service: "retried",
      rules: [
        {
          match: { rpc: "slowFirst" },
          backends: [{ service: "retried" }],
          attemptTimeout: "1s",
          timeout: "60s",
          retry: RETRY,
        },
        { match: { rpc: "flakyOnce" }, backends: [{ service: "retried" }], retry: { ...RETRY, attempts: 1 } },
        { match: { rpc: "note" }, backends: [{ service: "retried" }], timeout: "100ms" },
        { backends: [{ service: "retried" }], retry: RETRY },
      ],
    },
  },
}

let mesh: TestMesh
beforeAll(async () => {
  mesh = await startTestMesh(DOCUMENT)
})
afterAll(() => mesh?.stop())

interface Outcome {
  readonly value?: unknown
  readonly error?: Record<string, unknown>
}

const ask = async (kind: "call" | "vanish", binding: string, method: string, args: unknown[]): Promise<Outcome> => {
  const query = new URLSearchParams({ args: JSON.stringify(args) })
  const response = await mesh.dispatchTo("caller", new Request(`http://caller/${kind}/${binding}/${method}?${query}`))
  return kind === "vanish" ? { value: await response.text() } : ((await response.json()) as Outcome)
}
const call = (binding: string, method: string, ...args: unknown[]) => ask("call", binding, method, args)
const key = () => crypto.randomUUID()
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const BROKE = { retryable: true }

describe("an RPC call", () => {
  it("is repeated when the platform failed", async () => {
    // Each of the two endpoints fails once, so that the third attempt is the first that can succeed.
    expect((await call("RETRIED", "flaky", key(), 1, BROKE)).value).toMatchObject({ call: 2 })
    expect((await call("RETRIED", "flaky", key(), 99, BROKE)).error).toMatchObject({ message: "failure 2", ...BROKE })
  })

  it("is repeated at another endpoint, while there is one", async () => {
    for (let time = 0; time < 8; time++) {
      expect((await call("RETRIED", "flakyOnce", key(), BROKE)).error).toMatchObject({ message: "failure 1" })
    }
  })

  it.each([
    ["what the callee throws by itself", { code: "OUT_OF_STOCK" }],
    ["what is overloaded", { retryable: true, overloaded: true }],
    ["a refusal that another try cannot help", { refusal: "forbidden", retryable: false }],
    ["a failure that an inner hop injected", { refusal: "fault_injected", retryable: false }],
    ["a callee that asks for more patience than there is", { retryable: true, retryAfterMs: 60_000 }],
  ])("is not repeated for %s", async (_what, error) => {
    expect((await call("RETRIED", "flaky", key(), 1, error)).error).toMatchObject({ message: "failure 1" })
  })

  it("is repeated when an inner hop could not reach what it asked", async () => {
    const { value, error } = await call("RETRIED", "flaky", key(), 1, { refusal: "upstream_unreachable" })
    expect([error, value]).toEqual([undefined, expect.objectContaining({ call: expect.any(Number) })])
  })

  it("waits for as long as the error asks for", async () => {
    const startedAtMs = performance.now()
    await call("RETRIED", "flaky", key(), 1, { ...BROKE, retryAfterMs: 300 })
    expect(performance.now() - startedAtMs).toBeGreaterThan(290)
  })

  it("marks its attempts, and is not repeated within another hop's attempt", async () => {
    const context = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
    const { value } = await call("RETRIED", "flaky", key(), 0, {}, context)
    expect(value).toMatchObject({ context: { "weft-attempt": 1, "weft-hops": 1 } })
    const nested = await call("RETRIED", "flaky", key(), 1, BROKE, { ...context, "weft-attempt": 1 })
    expect(nested.error).toMatchObject({ message: "failure 1" })
  })

  it("is repeated for a fifth of the calls and no more", async () => {
    const id = key()
    const failures: unknown[] = []
    const startedAtMs = performance.now()
    for (let time = 0; time < 30; time++) failures.push((await call("THRIFTY", "flaky", id, 999, BROKE)).error?.message)
    const count = Number(/^failure (\d+)$/.exec(String(failures.at(-1)))![1])
    // The budget looks back ten seconds: on a machine that takes longer, what was spent before counts no more.
    if (performance.now() - startedAtMs < 9_000) expect(count).toBe(36)
    else expect(count).toBeLessThan(30 * 1.5)
  })

  it("is tried again when an attempt takes too long", async () => {
    const startedAtMs = performance.now()
    const { value } = await call("RETRIED", "slowFirst", key(), 60_000)
    expect(performance.now() - startedAtMs).toBeLessThan(55_000)
    expect(value).toEqual(expect.any(Number))
  })

  it("that ran out of time is ended with its hop, on this runtime", async () => {
    const id = key()
    expect((await call("RETRIED", "note", id, 500)).error).toMatchObject({ refusal: "deadline_exceeded" })
    await pause(700)
    expect([
      ...((await call("RETRIED", "noted")).value as string[]),
      ...((await call("RETRIED", "noted")).value as string[]),
    ]).not.toContain(id)
  })

  it("is refused by an injected fault, which is not tried again", async () => {
    expect((await call("FAULTY", "add", 1, 2)).error).toMatchObject({
      refusal: "fault_injected",
      status: 503,
      retryable: false,
    })
  })

  it("reaches a Worker of a dispatch namespace", async () => {
    expect(await call("TENANT", "add", 2, 3)).toEqual({ value: 5 })
    expect((await call("TENANT", "fail")).error).toMatchObject({ code: "OUT_OF_STOCK" })
  })
})

describe("a breaker", () => {
  const failing = (binding: string) => call(binding, "flaky", key(), 99, BROKE)

  it("opens when calls fail, says when to come back, and closes by a good probe", async () => {
    for (let time = 0; time < 4; time++) expect((await failing("BROKEN")).error?.refusal).toBeUndefined()
    // Once more, should it have rested long enough already.
    const { error } = await vi.waitUntil(
      async () => {
        const outcome = await failing("BROKEN")
        return outcome.error?.refusal === "circuit_open" && outcome
      },
      { timeout: 100_000, interval: 0 },
    )
    expect(error).toMatchObject({ refusal: "circuit_open", retryable: true, retryAfterMs: expect.any(Number) })
    await expect.poll(() => call("BROKEN", "add", 1, 2)).toEqual({ value: 3 })
  })

  it("counts what a method throws as an answer", async () => {
    for (let time = 0; time < 12; time++) await call("BROKEN", "fail")
    expect(await call("BROKEN", "add", 1, 2)).toEqual({ value: 3 })
  })

  it("lets another service stand in", async () => {
    for (let time = 0; time < 4; time++) await failing("BACKED")
    expect((await call("BACKED", "flaky", key(), 0, {})).value).toMatchObject({ name: "callee-v2" })
  })

  it("is not opened by a caller without patience, but by one who waited", async () => {
    const context = (ms: number) => ({ traceparent: "", "weft-deadline-ms": ms })
    for (let time = 0; time < 5; time++) await call("HURRIED", "slow", 40)
    for (let time = 0; time < 6; time++) {
      expect((await call("HURRIED", "slow", 40, context(8))).error).toMatchObject({ refusal: "deadline_exceeded" })
    }
    expect(await call("HURRIED", "add", 1, 2)).toEqual({ value: 3 })
    await Promise.all(Array.from({ length: 3 }, () => call("HURRIED", "slow", 60_000, context(1_500))))
    expect((await call("HURRIED", "add", 1, 2)).error).toMatchObject({ refusal: "circuit_open" })
  })
})

describe("a place", () => {
  interface Held {
    readonly id: string
    readonly ended: Promise<Outcome>
  }

  const callee = (path: string, method = "GET") =>
    mesh.dispatchTo("callee", new Request(`http://callee${path}`, { method }))

  /** A call that has begun, and goes on. */
  async function hold(): Promise<Held> {
    const id = key()
    const ended = call("PLACED", "hold", id)
    await eventually(async () => ((await (await callee("/held")).json()) as string[]).includes(id))
    return { id, ended }
  }

  async function letGo({ id, ended }: Held): Promise<void> {
    await callee(`/let-go/${id}`, "PUT")
    await ended
  }

  it("is taken by a call under way, and free after it", async () => {
    const both = [await hold(), await hold()]
    expect((await call("PLACED", "add", 1, 2)).error).toMatchObject({ refusal: "overloaded", retryable: true })
    await Promise.all(both.map(letGo))
    expect(await call("PLACED", "add", 1, 2)).toEqual({ value: 3 })
  })

  it("is kept by a call that takes long, and given back soon when its caller goes away", async () => {
    const long = await hold()
    await ask("vanish", "PLACED", "slow", [20_000])
    expect((await call("PLACED", "add", 1, 2)).error).toMatchObject({ refusal: "overloaded" })
    await expect.poll(() => call("PLACED", "add", 1, 2), { interval: 100 }).toEqual({ value: 3 })
    // The other one still is where it was.
    const beside = await hold()
    expect((await call("PLACED", "add", 1, 2)).error).toMatchObject({ refusal: "overloaded" })
    await Promise.all([long, beside].map(letGo))
  })
})
