import { reset } from "cloudflare:test"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { SHARDS } from "#shared/propagation/shards.ts"
import type { Stats } from "#shared/protocol/control-api.ts"
import type { Vitals } from "#shared/protocol/vitals.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"
import { encode } from "#shared/telemetry/wire.ts"
import { parseExposition } from "#test/support/exposition-parser.ts"
import { call, controlEnv, documents, get, makeToken, problemOf } from "./support.ts"

beforeEach(async () => {
  await reset()
  // Whoever asks all shards does not wait for those that a busy machine has to make first.
  await Promise.all(SHARDS.map(({ name }) => controlEnv.TELEMETRY.getByName(name).totals()))
  // What was counted just now is in the last point, on whichever side of a turn that is.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Requests that an isolate of this shard counted just now. */
async function seen(shard: string, from: string, to: string, times: number, status = 200): Promise<void> {
  const table = new SeriesTable()
  const row = table.row(from, to, "", "default/r/0", "", status, "")
  for (let time = 0; time < times; time++) table.count(row, 8, 1, false, 0, 0)
  const report = { isolate: `${from}-${to}-${status}`.replaceAll("/", "_"), sequence: 1, series: encode(table.take()) }
  await controlEnv.TELEMETRY.getByName(shard).report({ ...report, tallies: [], snapshotAgeMs: 0 })
}

async function stats(query: string): Promise<Stats> {
  return get<Stats>(`/v1/stats${query}`)
}

/** One shard that is down, or hangs. */
function breakShard(name: string, how: () => Promise<never>): void {
  const { TELEMETRY } = controlEnv
  const real = TELEMETRY.getByName.bind(TELEMETRY)
  vi.spyOn(TELEMETRY, "getByName").mockImplementation(((shard: string, options: object) =>
    shard === name ? { totals: how, vitals: how, window: how } : real(shard, options)) as never)
}

const lineOf = (text: string, start: string) => text.split("\n").filter((line) => line.startsWith(start))

describe("/metrics", () => {
  it.each([
    ["text/plain", "text", "text/plain; version=0.0.4; charset=utf-8"],
    [
      "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
      "openmetrics",
      "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ],
  ] as const)("is what the scraper asks for: %s", async (accept, format, type) => {
    await seen("weur", "public", "default/a", 3)
    const response = await call("GET", "/metrics", { headers: { accept } })
    expect(response.headers.get("content-type")).toBe(type)
    const families = parseExposition(await response.text(), format)
    const [sample] = families.get(format === "text" ? "weft_requests_total" : "weft_requests")!.samples
    expect(sample).toMatchObject({ labels: { shard: "weur", from: "public", to: "default/a" }, value: 3 })
  })

  it("is open to a token of the role metrics, which opens nothing else", async () => {
    const token = await makeToken("prometheus", "metrics")
    expect((await call("GET", "/metrics", { token })).status).toBe(200)
    for (const path of ["/v1/stats", "/v1/status", "/v1/whoami", "/openapi.json", "/v1/tokens"]) {
      const response = await call("GET", path, { token })
      expect(response.status, path).toBe(403)
      expect((await problemOf(response)).detail).toContain("the token prometheus has metrics")
    }
    expect((await call("GET", "/metrics", { token: null })).status).toBe(401)
  })

  it.each([
    ["down", () => Promise.reject(new Error("down"))],
    ["silent", () => new Promise<never>(() => {})],
    ["not to be understood", async () => ({ series: Uint8Array.from([99]), exemplars: [], tallies: [] }) as never],
  ] as const)("goes on without a shard that is %s, and says so", async (_, how) => {
    vi.spyOn(console, "warn").mockImplementation(() => {})
    await seen("weur", "public", "default/a", 3)
    await seen("apac", "public", "default/a", 5)
    breakShard("apac", how)
    const text = await (await call("GET", "/metrics")).text()
    parseExposition(text, "text")
    expect(lineOf(text, "weft_requests_total")).toHaveLength(1)
    expect(lineOf(text, "weft_telemetry_up")).toEqual([
      'weft_telemetry_up{shard="weur"} 1',
      'weft_telemetry_up{shard="apac"} 0',
    ])
  })
})

it("what was counted is told while the route table does not answer", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {})
  await seen("weur", "public", "default/a", 3)
  vi.spyOn(controlEnv.ROUTE_TABLE, "getByName").mockImplementation((() => {
    const down = () => Promise.reject(new Error("down"))
    return new Proxy({}, { get: () => down })
  }) as never)
  const text = await (await call("GET", "/metrics")).text()
  expect(lineOf(text, "weft_requests_total")).toHaveLength(1)
  expect(lineOf(text, "weft_revision")).toEqual([])
  expect((await stats("")).rows.map(({ to, requests }) => [to, requests])).toEqual([["default/a", 3]])
})

describe("/v1/stats", () => {
  it("merges shards, and shows services without requests", async () => {
    await call("POST", "/v1/apply", { body: documents({ services: { a: {}, idle: {} } }) })
    for (const { name } of SHARDS) await seen(name, "public", "default/a", 2)
    await seen("any-0", "default/a", "default/b", 1, 500)
    const { rows, missing, spanMs } = await stats("")
    expect(missing).toEqual([])
    expect(spanMs).toBeGreaterThanOrEqual(60_000)
    expect(rows.map(({ to, requests, failed }) => [to, requests, failed])).toEqual([
      ["default/a", 2 * SHARDS.length, 0],
      ["default/b", 1, 1],
      ["default/idle", 0, 0],
    ])
    expect(rows[0]).toMatchObject({ successRate: 1, latencyMs: { p50: 8, p99: 8 } })
    expect(rows[2]).not.toHaveProperty("latencyMs")
  })

  it("tells rows apart as asked, from and to whom asked", async () => {
    await seen("weur", "public", "default/a", 1)
    await seen("weur", "default/a", "default/b", 2)
    await seen("apac", "team/c", "default/b", 3)
    const edges = async (query: string) => (await stats(`?by=edge${query}`)).rows.map(({ from, to }) => `${from} ${to}`)
    expect(await edges("")).toEqual(["team/c default/b", "default/a default/b", "public default/a"])
    expect(await edges("&to=b")).toEqual(["team/c default/b", "default/a default/b"])
    expect(await edges("&from=team/c")).toEqual(["team/c default/b"])
    expect(await edges("&from=public")).toEqual(["public default/a"])
  })

  it("cuts the window into points", async () => {
    await seen("weur", "public", "default/a", 4)
    const { rows } = await stats("?window=600&points=6")
    expect(rows[0]!.points!.length).toBeGreaterThanOrEqual(6)
    expect(rows[0]!.points!.at(-1)).toMatchObject({ requests: 4, failed: 0, p95Ms: 8 })
  })

  it("says what is missing", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {})
    breakShard("apac", () => Promise.reject(new Error("down")))
    expect((await stats("")).missing).toEqual(["apac"])
  })

  it.each(["?by=moon", "?window=9", "?window=3601", "?points=0", "?points=121", "?from=a/b/c", "?to=A%20b", "?nope=1"])(
    "refuses %s",
    async (query) => {
      expect((await call("GET", `/v1/stats${query}`)).status).toBe(400)
    },
  )
})

describe("/v1/vitals", () => {
  it("says which objects answer, what shards hold, and what is over soon, and waits for none that hangs", async () => {
    await seen("weur", "public", "default/a", 3)
    breakShard("enam", () => Promise.reject(new Error("down")))
    await makeToken("soon", "viewer", { expiresInSeconds: 3_600 })
    await makeToken("later", "viewer")
    const vitals = await get<Vitals>("/v1/vitals")
    expect(vitals.objects.filter(({ failed }) => failed !== undefined)).toMatchObject([
      { name: "telemetry enam", failed: "down" },
    ])
    expect(vitals.objects.map(({ name }) => name).slice(0, 5)).toEqual([
      "route table",
      "tokens",
      "audit log",
      "signing keys",
      "alerts",
    ])
    expect(vitals.telemetry).toMatchObject([{ shard: "weur", series: 1, requests: 3, overflowed: 0, isolates: 1 }])
    expect(vitals.expiring).toMatchObject([{ kind: "token", name: "soon" }])
  })

  it("names tokens to an admin only", async () => {
    const viewer = await makeToken("viewer", "viewer", { expiresInSeconds: 3_600 })
    const response = await call("GET", "/v1/vitals", { token: viewer })
    expect((await response.json<Vitals>()).expiring).toEqual([])
    const limited = await makeToken("limited", "operator", { namespaces: ["team-a"] })
    expect((await call("GET", "/v1/vitals", { token: limited })).status).toBe(403)
  })
})
