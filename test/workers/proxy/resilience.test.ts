/** What the mesh does about slow and failing upstreams, with real Workers and the real objects. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { MeshDocument, RuleDocument } from "#shared/model/document.ts"
import type { BreakerList } from "#shared/protocol/control-api.ts"
import { type RawRequest, startTestMesh, type TestMesh, TOKEN } from "./mesh.ts"

const to = (service: string, path: string, more: Partial<RuleDocument> = {}): RuleDocument => ({
  name: path.slice(1),
  match: { path },
  backends: [{ service }],
  ...more,
})
/** Rests for longer than a test takes, where the test does not say otherwise. */
const QUICK = { volume: 5, coolDown: "5m", coolDownMax: "5m" }
const flaky = (name: string, breaker: object) => ({ [name]: { binding: "ECHO_V2", breaker: { ...QUICK, ...breaker } } })

const DOCUMENT: MeshDocument = {
  services: {
    caller: {},
    echo: { binding: "ECHO", retryBudget: { percent: 100, perSecond: 100 } },
    thrifty: { binding: "ECHO", retryBudget: { percent: 20, perSecond: 0 } },
    ...flaky("flaky", {}),
    ...flaky("mending", { coolDown: "400ms", coolDownMax: "400ms" }),
    ...flaky("answered", {
      fallback: { respond: { status: 200, body: "from the cache", headers: { "X-Stale": "1" } } },
    }),
    ...flaky("replaced", { fallback: { service: "echo" } }),
    ...flaky("hurried", { consecutive: 3 }),
    ...flaky("impatient", { consecutive: 3 }),
    ...flaky("uploads", { consecutive: 3 }),
    plain: { binding: "ECHO_V2" },
    faulted: { binding: "ECHO_V2" },
  },
  routes: {
    app: {
      hosts: ["app.test", "127.0.0.1"],
      rules: [
        to("echo", "/timed", { timeout: "60s", attemptTimeout: "300ms" }),
        to("echo", "/told", { timeout: "10m", attemptTimeout: "5m" }),
        to("caller", "/fetch", { timeout: "5m" }),
        to("caller", "/impatient"),
        to("caller", "/twice", {
          filters: [{ rewrite: { path: { prefix: "/fetch" } } }],
          retry: { attempts: 2, on: ["5xx"], backoff: "1ms" },
        }),
        to("caller", "/asked", {
          filters: [{ rewrite: { path: { prefix: "/fetch" } } }],
          retry: { attempts: 2, on: [503], backoff: "1ms" },
        }),
        to("echo", "/faulty", { filters: [{ fault: { abort: { status: 503 } } }], retry: { attempts: 2, on: [503] } }),
        to("echo", "/delayed", { filters: [{ fault: { delay: { time: "60s" } } }], timeout: "200ms" }),
        to("echo", "/conflict", { retry: { attempts: 2, on: ["retriable-4xx"], backoff: "1ms" } }),
        to("echo", "/pushback", { retry: { attempts: 2, on: [{ header: "X-Upstream" }], backoff: "1ms" } }),
        to("echo", "/patient", { timeout: "15s", retry: { attempts: 1, on: ["5xx"], backoff: "1ms" } }),
        to("echo", "/hedged", { retry: { attempts: 1, on: ["5xx"], hedge: { after: "100ms" } } }),
        to("uploads", "/uploads", { timeout: "1s" }),
        to("uploads", "/uploads-untimed"),
        to("echo", "/stream", { idleTimeout: "1s" }),
        to("thrifty", "/thrifty", { retry: { attempts: 3, on: ["5xx"], backoff: "1ms" } }),
        ...["flaky", "mending", "answered", "replaced", "plain"].map((service) => to(service, `/${service}`)),
      ],
    },
    faulted: {
      service: "faulted",
      rules: [{ filters: [{ fault: { abort: { status: 503 } } }], backends: [{ service: "faulted" }] }],
    },
    echo: {
      service: "echo",
      rules: [{ retry: { attempts: 2, on: ["5xx"], backoff: "1ms" }, backends: [{ service: "echo" }] }],
    },
  },
}

let mesh: TestMesh

beforeAll(async () => {
  mesh = await startTestMesh(DOCUMENT)
})
afterAll(() => mesh.stop())

const get = (target: string, more: Partial<RawRequest> = {}) => mesh.raw({ target, ...more })
const seen = async (target: string, more: Partial<RawRequest> = {}) => JSON.parse((await get(target, more)).body)
const summary = async (target: string) => {
  const { status, headers } = await get(target)
  return [status, headers.get("weft-refusal")].filter((part) => part !== null).join(" ")
}
const key = () => crypto.randomUUID()
const control = (path: string, init: RequestInit = {}) =>
  fetch(mesh.controlUrl + path, {
    ...init,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
  })

describe("deadlines", () => {
  it("tell the upstream how long it has", async () => {
    expect((await seen("/told")).headers["weft-deadline-ms"]).toBe(String(5 * 60_000))
  })

  it("are not taken from the public", async () => {
    const { headers } = await seen("/plain", { headers: [["weft-deadline-ms", "1"]] })
    expect(headers["weft-deadline-ms"]).toBeUndefined()
  })

  it("travel on: the next hop has what is left, though its own rule has no limit", async () => {
    const left = Number((await seen("/fetch/ECHO/x")).headers["weft-deadline-ms"])
    expect(left).toBeGreaterThan(3 * 60_000)
    expect(left).toBeLessThan(5 * 60_000 + 1)
  })

  it("reach the upstream as an end of the request", async () => {
    const watch = key()
    expect(await summary(`/timed?delayMs=60000&watch=${watch}`)).toBe("504 upstream_timeout")
    const told = async () => (await mesh.dispatchTo("echo-v1", new Request("http://echo/abandoned"))).json()
    await expect.poll(told).toEqual([watch])
  })

  it("reach the upstream when a caller inside the mesh gives up", async () => {
    const watch = key()
    await get(`/impatient/ECHO/x?delayMs=60000&watch=${watch}`)
    const told = async () => (await mesh.dispatchTo("echo-v1", new Request("http://echo/abandoned"))).json()
    await expect.poll(told).toEqual([watch])
  })

  it("that the public runs into by sending slowly open no breaker, those of the upstream's making do", async () => {
    const slowly = async () => {
      const body = new ReadableStream({ start: (queue) => queue.enqueue(new TextEncoder().encode("x")) })
      const init = { method: "POST", body, duplex: "half", signal: AbortSignal.timeout(100_000) } as RequestInit
      return (await fetch(`${mesh.ingressUrl}/uploads`, init)).headers.get("weft-refusal")
    }
    expect(await Promise.all(Array.from({ length: 5 }, slowly))).toEqual(Array(5).fill("deadline_exceeded"))
    expect(await summary("/uploads-untimed")).toBe("200")
    const late = await Promise.all(Array.from({ length: 3 }, () => summary("/uploads?delayMs=60000")))
    expect(late).toEqual(Array(3).fill("504 deadline_exceeded"))
    expect(await summary("/uploads-untimed")).toBe("503 circuit_open")
  })

  it("that are over when they arrive open no breaker: nothing was sent", async () => {
    const hurried = async (deadline: string) => {
      const headers = [["x-target", "http://hurried"] as const, ["x-deadline", deadline] as const]
      const { status, headers: told } = await get("/impatient/ANY/x", { headers })
      return `${status} ${told.get("weft-refusal") ?? "answered"}`
    }
    for (let request = 0; request < 6; request++) expect(await hurried("0")).toBe("504 deadline_exceeded")
    for (const odd of ["-1", "abc", "1e9", "", "99999999999", "999999999"])
      expect(await hurried(odd)).toBe("200 answered")
  })

  it("that are a caller's own and too short for any answer open no breaker, those that were long enough do", async () => {
    const hurried = async (deadline: string, delayMs: number) => {
      const headers = [["x-target", "http://impatient"] as const, ["x-deadline", deadline] as const]
      const { status, headers: told } = await get(`/fetch/ANY/x?delayMs=${delayMs}`, { headers })
      return `${status} ${told.get("weft-refusal") ?? "answered"}`
    }
    for (let request = 0; request < 3; request++) expect(await hurried("300000", 40)).toBe("200 answered")
    for (let request = 0; request < 6; request++) expect(await hurried("8", 40)).toBe("504 deadline_exceeded")
    expect(await hurried("300000", 0)).toBe("200 answered")
    const waited = await Promise.all(Array.from({ length: 3 }, () => hurried("1500", 60_000)))
    expect(waited).toEqual(Array(3).fill("504 deadline_exceeded"))
    expect(await hurried("300000", 0)).toBe("503 circuit_open")
  })

  it("end an injected delay as they would end a slow upstream", async () => {
    const startedAtMs = performance.now()
    expect(await summary("/delayed")).toBe("504 deadline_exceeded")
    // The delay is 60 s, the time 200 ms.
    expect(performance.now() - startedAtMs).toBeLessThan(55_000)
  })

  it("break off an answer that stands still", async () => {
    const { body } = await get("/stream?gate=never")
    expect(body).toBe("chunk 0\n")
  })
})

describe("retries", () => {
  it("happen in one layer of a chain only", async () => {
    const id = key()
    expect((await get(`/twice/ECHO/x?fail=9&key=${id}`)).body).toBe("failure 3")
    expect((await get(`/fetch/ECHO/x?fail=9&key=${key()}`)).body).toBe("failure 3")
  })

  it("take the conditions that the rule names", async () => {
    expect((await get(`/conflict?fail=2&with=409&key=${key()}`)).status).toBe(200)
    expect((await get(`/conflict?fail=1&with=400&key=${key()}`)).status).toBe(400)
    const { headers } = await get("/pushback", { headers: [["weft-debug", "1"]] })
    expect(headers.get("weft-debug")).toContain("attempts=3")
  })

  it("leave an injected fault alone, of their own rule and of an inner hop, unless a number asks for it", async () => {
    const attemptsAt = async (target: string, ...headers: [string, string][]) => {
      const { status, headers: told } = await get(target, { headers: [["weft-debug", "1"], ...headers] })
      return `${status} ${told.get("weft-refusal")} ${/attempts=(\d)/.exec(told.get("weft-debug")!)![1]}`
    }
    expect(await attemptsAt("/faulty")).toBe("503 fault_injected 0")
    expect(await attemptsAt("/twice/ANY/x", ["x-target", "http://faulted"])).toBe("503 fault_injected 1")
    expect(await attemptsAt("/asked/ANY/x", ["x-target", "http://faulted"])).toBe("503 fault_injected 3")
  })

  it("wait as long as the upstream asks, and not at all when there is not so much time", async () => {
    const startedAtMs = performance.now()
    expect((await get(`/patient?fail=1&after=1&key=${key()}`)).status).toBe(200)
    expect(performance.now() - startedAtMs).toBeGreaterThan(950)
    const again = performance.now()
    expect((await get(`/patient?fail=1&after=20&key=${key()}`)).status).toBe(503)
    expect(performance.now() - again).toBeLessThan(15_000)
  })

  it("are a fifth of the requests and no more, and then the answer at hand stands", async () => {
    const id = key()
    const bodies: string[] = []
    const startedAtMs = performance.now()
    for (let request = 0; request < 50; request++) bodies.push((await get(`/thrifty?fail=999&key=${id}`)).body)
    const failures = Number(/^failure (\d+)$/.exec(bodies.at(-1)!)![1])
    // The budget looks back ten seconds: on a machine that takes longer, what was spent before counts no more.
    if (performance.now() - startedAtMs < 9_000) expect(failures).toBe(60)
    else expect(failures).toBeLessThan(50 * 1.5)
  })

  it("begin beside a slow attempt when the rule hedges", async () => {
    const startedAtMs = performance.now()
    const { status, headers } = await get(`/hedged?slowFirst=${key()}`, { headers: [["weft-debug", "1"]] })
    expect([status, performance.now() - startedAtMs < 55_000]).toEqual([200, true])
    expect(headers.get("weft-debug")).toContain("attempts=2")
  })
})

describe("breakers", () => {
  const fail = async (service: string) => {
    const statuses: string[] = []
    for (let request = 0; request < 8; request++) statuses.push(await summary(`/${service}?status=500`))
    return statuses
  }
  const listed = async (cluster: string) => {
    const { breakers } = (await (await control("/v1/breakers")).json()) as BreakerList
    return breakers.find((breaker) => breaker.cluster === cluster)
  }

  it("open after enough failures, refuse at once, and say when to come back", async () => {
    expect(await fail("flaky")).toEqual([...Array(5).fill("500"), ...Array(3).fill("503 circuit_open")])
    const { headers } = await get("/flaky")
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(60)
    await expect.poll(() => listed("default/flaky")).toMatchObject({ phase: "open", cause: "failures" })
  })

  it("close when a probe finds the service well", async () => {
    await expect.poll(() => fail("mending")).toContain("503 circuit_open")
    await expect.poll(() => summary("/mending"), { interval: 100 }).toBe("200")
    await expect.poll(() => listed("default/mending")).toMatchObject({ phase: "closed" })
    expect(await Promise.all(Array.from({ length: 5 }, () => summary("/mending")))).toEqual(Array(5).fill("200"))
  })

  it("give a fixed answer instead, or another service's", async () => {
    await fail("answered")
    const { status, headers, body } = await get("/answered")
    expect([status, headers.get("x-stale"), body]).toEqual([200, "1", "from the cache"])
    await fail("replaced")
    expect((await seen("/replaced")).name).toBe("echo-v1")
  })

  it("can be forced, also where none is configured, and let go", async () => {
    const force = (phase: string, forSeconds: number) =>
      control("/v1/breakers", {
        method: "POST",
        body: JSON.stringify({ namespace: "default", service: "plain", phase, forSeconds }),
      })
    expect(await summary("/plain")).toBe("200")
    expect((await force("open", 600)).status).toBe(200)
    await expect.poll(() => summary("/plain")).toBe("503 circuit_open")
    expect(await listed("default/plain")).toMatchObject({ phase: "open", forced: { by: "root" } })
    expect((await force("closed", 1)).status).toBe(200)
    await expect.poll(() => summary("/plain")).toBe("200")
  })

  it("are not forced for services that nobody knows", async () => {
    const body = JSON.stringify({ namespace: "default", service: "nobody", phase: "open", forSeconds: 1 })
    expect((await control("/v1/breakers", { method: "POST", body })).status).toBe(404)
  })
})
