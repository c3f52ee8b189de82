/** What is counted of an exchange, from what was decided about it. */
import { describe, expect, it } from "vitest"
import type { Entrance } from "#shared/exchange/decide.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { DEFAULT_GATEWAY } from "#shared/model/names.ts"
import { FIELD, type Field } from "#shared/telemetry/series.ts"
import type { Dataset } from "#workers/proxy/analytics.ts"
import { analyse } from "#workers/proxy/analytics.ts"
import { type Answered, type Asked, type Counted, Recorder } from "#workers/proxy/recorder.ts"

const NOW_MS = 1_000_000
const GET: Asked = { method: "GET" }
const OK: Answered = { status: 200 }
const GATEWAY: Entrance = { at: "gateway", gateway: DEFAULT_GATEWAY }
const from = (caller: string, to?: string) => ({ at: "service", peer: { from: caller, to } }) as const

function exchange(more: object = {}): Counted {
  return {
    ...{ entrance: GATEWAY, startedAtMs: NOW_MS - 20, matched: undefined, backend: undefined },
    ...{ attempts: 1, budgetExhausted: false, limited: undefined },
    trace: {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentId: undefined,
      spanId: "b7ad6b7169203331",
      flags: "00",
    },
    ...more,
  } as unknown as Counted
}

const backend = (service: string, subset?: string) => ({ service, ...(subset && { subset }), weight: 1, filters: [] })
const headers = (pairs: Record<string, string>) => new Headers(pairs)

function counted(
  one: Counted,
  asked: Asked = GET,
  answer: Parameters<Recorder["count"]>[3] = OK,
  protocol: "http" | "rpc" = "http",
) {
  const recorder = new Recorder()
  recorder.count(one, protocol, asked, answer, NOW_MS)
  const [series] = recorder.take().series
  const { labels, numbers } = series!
  const field = (name: Field) => numbers[FIELD[name]]
  return { text: Object.values(labels).join("|"), field, exemplar: series!.exemplar }
}

describe("an exchange is counted under", () => {
  it.each([
    [
      "the public and the service that answered",
      exchange({ backend: backend("default/a", "v2") }),
      OK,
      "public|default/a|v2|||2xx|",
    ],
    [
      "its caller, also where nothing was found",
      exchange({ entrance: from("default/b", "default/a") }),
      { refusal: "service_not_found" },
      "default/b|default/a||||4xx|service_not_found",
    ],
    [
      "nobody, where the caller named nobody",
      exchange({ entrance: from("default/b") }),
      { refusal: "service_not_found" },
      "default/b|||||4xx|service_not_found",
    ],
    [
      "the rule that took it",
      exchange({ matched: { rule: { id: "default/shop/0" } } }),
      { status: 302 },
      "public|||default/shop/0||3xx|",
    ],
    ["the status of its refusal", exchange(), { refusal: "circuit_open" }, "public|||||5xx|circuit_open"],
    [
      "the status that its refusal was given",
      exchange(),
      { refusal: "fault_injected", status: 418 },
      "public|||||4xx|fault_injected",
    ],
    ["a class of its own for a switch of protocols", exchange(), { status: 101 }, "public|||||1xx|"],
  ] as const)("%s", (_, one, answer, text) => {
    expect(counted(one, GET, answer as Answered).text).toBe(text)
  })

  it("its method, if it is an RPC call", () => {
    const one = exchange({ entrance: from("default/b"), backend: backend("default/a") })
    expect(counted(one, { method: "getOrder" }, OK, "rpc").text).toBe("default/b|default/a|||getOrder|2xx|")
    expect(counted(one, { method: "no such thing" }, OK, "rpc").text).toBe("default/b|default/a|||other|2xx|")
    expect(counted(one, { method: "PATCH" }, OK, "http").text).toBe("default/b|default/a||||2xx|")
  })
})

it("an exchange that a bug ended is counted as internal", () => {
  const recorder = new Recorder()
  recorder.countFailed(GATEWAY)
  recorder.countFailed(from("default/b", "default/a") as never)
  const told = recorder
    .take()
    .series.map(({ labels, numbers }) => [...Object.values(labels), numbers[FIELD.requests]].join("|"))
  expect(told).toEqual(["public|||||5xx|internal|1", "default/b|default/a||||5xx|internal|1"])
})

describe("of an exchange is counted", () => {
  it("how long it took, and how often it was tried", () => {
    const { field } = counted(exchange({ startedAtMs: NOW_MS - 70, attempts: 3, budgetExhausted: true }))
    expect([
      field("requests"),
      field("durationMs"),
      field("attempts"),
      field("retries"),
      field("budgetExhausted"),
    ]).toEqual([1, 70, 3, 2, 1])
  })

  it("no time at all when the clock was put back", () => {
    expect(counted(exchange({ startedAtMs: NOW_MS + 5_000 })).field("durationMs")).toBe(0)
  })

  it.each<readonly [string, Asked, object, readonly [number, number]]>([
    [
      "what both declare",
      { method: "POST", headers: headers({ "content-length": "12" }) },
      { status: 200, headers: headers({ "content-length": "345" }) },
      [12, 345],
    ],
    ["nothing of streams", { method: "POST", headers: headers({}) }, { status: 200, headers: headers({}) }, [0, 0]],
    [
      "nothing of what a HEAD would have had",
      { method: "HEAD" },
      { status: 200, headers: headers({ "content-length": "345" }) },
      [0, 0],
    ],
    [
      "nothing of lengths that are none",
      { method: "PUT", headers: headers({ "content-length": "1e99" }) },
      { status: 200, headers: headers({ "content-length": "-5" }) },
      [0, 0],
    ],
    ["nothing of a refusal", { method: "GET" }, { refusal: "overloaded" }, [0, 0]],
  ])("the length of bodies: %s", (_, asked, answer, bytes) => {
    const { field } = counted(exchange(), asked, answer as Answered)
    expect([field("requestBytes"), field("responseBytes")]).toEqual(bytes)
  })

  it("its trace, as an example", () => {
    expect(counted(exchange()).exemplar).toEqual({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      durationMs: 20,
      atMs: NOW_MS,
    })
  })
})

describe("tallies", () => {
  it("are kept by label, those of rate limits with their exchange", () => {
    const recorder = new Recorder()
    const limited = { refusedBy: ["default/shop/0/all"], shadowed: ["default/shop/0/try", "default/shop/0/all"] }
    recorder.count(exchange({ limited }), "http", GET, { refusal: "rate_limited" }, NOW_MS)
    recorder.count(exchange({ limited: { refusedBy: [], shadowed: ["default/shop/0/try"] } }), "http", GET, OK, NOW_MS)
    recorder.tally("pull_failures")
    recorder.tally("ejections", "default/a")
    expect(recorder.take().tallies).toEqual([
      ["rate_limited", "default/shop/0/all", 1],
      ["rate_limit_shadowed", "default/shop/0/try", 2],
      ["rate_limit_shadowed", "default/shop/0/all", 1],
      ["pull_failures", "", 1],
      ["ejections", "default/a", 1],
    ])
    expect(recorder.take().tallies).toEqual([])
  })

  it("tell what access policies said", () => {
    const recorder = new Recorder()
    const nothing = { deniedBy: [], audited: [], rehearsed: [], unasked: [] }
    const rehearsed = [{ allowed: false, why: "no-allow", by: ["default/staff", "default/tried"] }]
    const access = { ...nothing, deniedBy: ["default/no-admin/0"], audited: ["default/seen/1"], rehearsed }
    recorder.count(exchange({ access }), "http", GET, { refusal: "forbidden" }, NOW_MS)
    recorder.count(exchange({ access: { ...nothing, unasked: ["default/ask"] } }), "rpc", GET, OK, NOW_MS)
    const many = Array.from({ length: 100 }, (_, index) => `default/p${index}`)
    recorder.count(exchange({ access: { ...nothing, deniedBy: many } }), "http", GET, { refusal: "forbidden" }, NOW_MS)
    const { tallies } = recorder.take()
    expect(tallies.slice(0, 5)).toEqual([
      ["access_denied", "default/no-admin/0", 1],
      ["access_audited", "default/seen/1", 1],
      ["access_rehearsed", "default/staff", 1],
      ["access_rehearsed", "default/tried", 1],
      ["access_unasked", "default/ask", 1],
    ])
    expect(tallies).toHaveLength(5 + LIMITS.policiesTold)
  })

  it("have a limit of labels", () => {
    const recorder = new Recorder()
    for (let index = 0; index < 1_000; index++) recorder.tally("ejections", `default/s${index}`)
    const { tallies } = recorder.take()
    expect(tallies).toHaveLength(LIMITS.isolateTalliesMax + 1)
    expect(tallies.at(-1)).toEqual(["ejections", "other", 1_000 - LIMITS.isolateTalliesMax])
  })

  it("say how many exchanges found no place", () => {
    const recorder = new Recorder()
    for (let index = 0; index < 1_500; index++) {
      recorder.count(exchange({ backend: backend(`default/s${index}`) }), "http", GET, OK, NOW_MS)
    }
    expect(recorder.hasGrown).toBe(true)
    const { tallies, requests, series } = recorder.take()
    expect(requests).toBe(1_500)
    expect(tallies).toEqual([["overflowed_requests", "isolate", 500]])
    expect(series.reduce((sum, { numbers }) => sum + numbers[FIELD.requests]!, 0)).toBe(1_500)
  })
})

describe("the platform's analytics", () => {
  it("get a point for each series, the ones with the most requests when there are too many", () => {
    const recorder = new Recorder()
    for (let service = 0; service < 300; service++) {
      for (let time = 0; time <= service; time++) {
        recorder.count(
          exchange({ backend: backend(`default/s${service}`), attempts: 2, startedAtMs: NOW_MS - 10 }),
          "http",
          GET,
          OK,
          NOW_MS,
        )
      }
    }
    const points: Parameters<Dataset["writeDataPoint"]>[0][] = []
    analyse({ writeDataPoint: (point) => void points.push(point) }, recorder.take().series)
    expect(points).toHaveLength(250)
    expect(points[0]).toEqual({
      indexes: ["default/s299"],
      blobs: ["public", "default/s299", "", "", "", "2xx", ""],
      doubles: [300, 10, 10, 10, 10, 600, 300],
    })
    expect(Math.min(...points.map(({ doubles }) => doubles[0]!))).toBe(51)
  })
})
