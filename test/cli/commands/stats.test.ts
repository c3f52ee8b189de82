import { stripVTControlCharacters } from "node:util"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { successText } from "#cli/stats-text.ts"
import type { StatsRow } from "#shared/model/telemetry.ts"
import { type RunOptions, weft } from "#test/support/cli.ts"
import { type FakeControl, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

let control: FakeControl
beforeEach(async () => {
  control = await startFakeControl()
})
afterEach(() => control.stop())

const run = (argv: string[], options: RunOptions = {}) =>
  weft(argv, { ...options, env: { WEFT_URL: control.url, WEFT_TOKEN: TOKEN, ...options.env } })

const row = (more: Partial<StatsRow>): StatsRow => ({
  ...{ requests: 600, perSecond: 10, successRate: 1, failed: 0, refused: 0, attempts: 600, retries: 0 },
  latencyMs: { p50: 3, p95: 20, p99: 1_234, mean: 5 },
  ...more,
})
const IDLE: StatsRow = {
  to: "default/idle",
  ...{ requests: 0, perSecond: 0, failed: 0, refused: 0, attempts: 0, retries: 0 },
}
const EDGES = [
  row({ from: "public", to: "default/storefront" }),
  row({ from: "default/storefront", to: "team-a/orders", requests: 300, perSecond: 5, successRate: 0.9, failed: 30 }),
  row({ from: "public", to: "team-a/orders", requests: 100, perSecond: 1.67 }),
]

function counted(...rows: readonly StatsRow[]): void {
  control.stats = () => ({ spanMs: 60_000, rows, missing: [] })
}

const asked = () => control.requests.filter(({ path }) => path.startsWith("/v1/stats")).map(({ path }) => path)

describe("stat", () => {
  it("shows services, also those that were not called", async () => {
    counted(
      row({ to: "default/storefront", retries: 12 }),
      row({
        to: "team-a/orders",
        successRate: 0.97,
        refused: 18,
        refusals: { circuit_open: 15, overloaded: 3 },
        perSecond: 123.4,
      }),
      IDLE,
    )
    expect(await run(["stat"])).toEqual({
      exit: 0,
      err: "",
      out: `SERVICE        SUCCESS   RPS  P50   P95   P99  RETRIES  REFUSED
storefront     100.00%  10.0  3ms  20ms  1.2s       12
team-a/orders   97.00%   123  3ms  20ms  1.2s        -  18 circuit_open
idle                 -     -    -     -     -        -
`,
    })
    expect(asked()).toEqual(["/v1/stats?by=service&window=60"])
  })

  it.each<readonly [string[], string, readonly StatsRow[], string]>([
    [
      ["stat", "routes", "--window", "10m"],
      "/v1/stats?by=rule&window=600",
      [
        row({ rule: "default/shop/0", method: "", to: "" }),
        row({ rule: "", method: "", to: "default/mail" }),
        row({ rule: "", to: "" }),
      ],
      "ROUTE            SUCCESS   RPS  P50   P95   P99  RETRIES\nshop/0           100.00%  10.0  3ms  20ms  1.2s        -\nmail (no route)  100.00%  10.0  3ms  20ms  1.2s        -\n(no route)       100.00%  10.0  3ms  20ms  1.2s        -\n",
    ],
    [
      ["stat", "route"],
      "/v1/stats?by=rule&window=60",
      [row({ rule: "default/orders/0", method: "getOrder", to: "" })],
      "ROUTE     METHOD    SUCCESS   RPS  P50   P95   P99  RETRIES\norders/0  getOrder  100.00%  10.0  3ms  20ms  1.2s        -\n",
    ],
    [
      ["stat", "subsets", "--to", "orders"],
      "/v1/stats?by=subset&window=60&to=orders",
      [row({ to: "default/orders", subset: "v2" }), row({ to: "default/orders", subset: "" })],
      "SERVICE  SUBSET  SUCCESS   RPS  P50   P95   P99  RETRIES\norders   v2      100.00%  10.0  3ms  20ms  1.2s        -\norders   -       100.00%  10.0  3ms  20ms  1.2s        -\n",
    ],
    [
      ["stat", "edges", "--from", "public"],
      "/v1/stats?by=edge&window=60&from=public",
      [row({ from: "public", to: "default/public" })],
      "FROM      TO              SUCCESS   RPS  P50   P95   P99  RETRIES\n(public)  default/public  100.00%  10.0  3ms  20ms  1.2s        -\n",
    ],
  ])("%j", async (argv, path, rows, out) => {
    counted(...rows)
    expect(await run(argv)).toEqual({ exit: 0, err: "", out })
    expect(asked()).toEqual([path])
  })

  it("leaves out what matters least on a narrow screen", async () => {
    counted(
      row({ to: "a-team-with-a-long-name/a-service-with-a-long-name", refused: 1, refusals: { rate_limited: 1 } }),
    )
    const { out } = await run(["stat"], { terminal: true, columns: 40, env: { NO_COLOR: "1" } })
    expect(out).toBe("SERVICE              SUCCESS   RPS   P99\na-team-with-a-long…  100.00%  10.0  1.2s\n")
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(40)
  })

  it("says what to do when there is nothing", async () => {
    counted(IDLE)
    expect(await run(["stat"])).toMatchObject({
      exit: 0,
      out: expect.stringContaining("idle"),
      err: "no requests in the last 1m: send some through the proxy, or look further back with --window 1h\n",
    })
    counted()
    expect(await run(["stat", "edges", "--from", "nobody", "--window", "90s"])).toEqual({
      ...{ exit: 0, out: "" },
      err: "no such requests in the last 90s; `weft edges` shows who calls whom\n",
    })
  })

  it("says whose counts are missing", async () => {
    control.stats = () => ({ spanMs: 1, rows: [row({ to: "default/a" })], missing: ["apac", "oc"] })
    expect((await run(["stat"])).err).toBe(
      "warning: telemetry of apac, oc did not answer; what it counted is missing here\n",
    )
  })

  it("gives the same as data", async () => {
    counted(row({ to: "default/a" }))
    expect(JSON.parse((await run(["stat", "-o", "json"])).out)).toEqual({
      by: "service",
      spanMs: 60_000,
      rows: [row({ to: "default/a" })],
      missing: [],
    })
  })

  it.each([
    [["stat", "moons"], 'error: there are no statistics of "moons"\n  there are services, subsets, routes and edges\n'],
    [
      ["stat", "--window", "5s"],
      "error: --window is from 10s to 1h\n  Prometheus keeps more: docs/how-to/observe.md\n",
    ],
    [
      ["edges", "--window", "2h"],
      "error: --window is from 10s to 1h\n  Prometheus keeps more: docs/how-to/observe.md\n",
    ],
  ])("%j is wrong usage", async (argv, err) => {
    expect(await run(argv)).toEqual({ exit: 2, out: "", err })
  })
})

describe("a share of successes", () => {
  it.each([
    [1, "100.00%"],
    [0.99999, "99.99%"],
    [0.5, "50.00%"],
    [0.29, "29.00%"],
    [0, "0.00%"],
  ])("%d is %s: what is not all never looks like it", (rate, text) => {
    expect(successText(rate, (_, plain) => plain)).toBe(text)
  })
})

describe("edges", () => {
  it("lists who calls whom, and what share of a service's requests each caller has", async () => {
    counted(...EDGES, { ...IDLE, from: "public" })
    expect((await run(["edges"])).out).toBe(`FROM        TO             REQUESTS  SHARE   RPS  SUCCESS   P99
(public)    storefront          600   100%  10.0  100.00%  1.2s
(public)    team-a/orders       100    25%   1.7  100.00%  1.2s
storefront  team-a/orders       300    75%   5.0   90.00%  1.2s
`)
    expect(asked()).toEqual(["/v1/stats?by=edge&window=3600"])
  })

  it("says what to do when nobody called anybody", async () => {
    expect(await run(["edges"])).toEqual({
      ...{ exit: 0, out: "" },
      err: "no requests in the last 1h: send some through the proxy, or look further back with --window 1h\n",
    })
  })
})

describe("graph", () => {
  beforeEach(async () => {
    await run(["apply", "-f", "-"], { stdin: "services: { storefront: {}, idle: {} }\n" })
    counted(...EDGES)
  })

  it("is a flowchart, with services that nobody calls, and edges that fail in red", async () => {
    expect((await run(["graph"])).out).toBe(`flowchart LR
  n0(["(public)"])
  n1["idle"]
  n2["storefront"]
  n3["team-a/orders"]
  n0 -->|"10.0/s, 100.00%, p99 1.2s"| n2
  n2 -->|"5.0/s, 90.00%, p99 1.2s"| n3
  n0 -->|"1.7/s, 100.00%, p99 1.2s"| n3
  linkStyle 1 stroke:#d33,color:#d33
`)
  })

  it("is a graph of Graphviz", async () => {
    const { out } = await run(["graph", "--format", "dot"])
    expect(out).toContain('  "(public)" [shape=oval]\n  "idle"\n')
    expect(out).toContain(
      '  "storefront" -> "team-a/orders" [label="5.0/s, 90.00%, p99 1.2s", color="#dd3333", fontcolor="#dd3333"]\n',
    )
    expect(out.match(/[{}]/g)).toEqual(["{", "}"])
  })

  it("is data", async () => {
    expect(JSON.parse((await run(["graph", "-o", "json"])).out)).toMatchObject({
      nodes: ["public", "default/idle", "default/storefront", "team-a/orders"],
      edges: EDGES.map(({ from, to, requests }) => ({ from, to, requests })),
    })
  })
})

describe("top without a terminal", () => {
  it("prints one table after the other, as often as asked", async () => {
    counted(row({ to: "default/a" }), IDLE)
    const ran = await run(["top", "services", "--count", "2"], { interrupted: new Promise(() => {}) })
    expect(ran).toEqual({
      ...{ exit: 0, err: "" },
      out: `12:00:00  services, last 30s
SERVICE  SUCCESS   RPS  P50   P95   P99  RETRIES
a        100.00%  10.0  3ms  20ms  1.2s        -

12:00:02  services, last 30s
SERVICE  SUCCESS   RPS  P50   P95   P99  RETRIES
a        100.00%  10.0  3ms  20ms  1.2s        -

`,
    })
  })

  it("is a line of JSON each time", async () => {
    counted(row({ from: "public", to: "default/a" }))
    const { out } = await run(["top", "--count", "3", "-o", "json"], { interrupted: new Promise(() => {}) })
    const lines = out.trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line).rows.length)).toEqual([1, 1, 1])
  })

  it("says what to do when nothing happens, and ends when it is stopped", async () => {
    const { out, exit } = await run(["top"])
    expect([exit, out]).toEqual([
      0,
      "12:00:00  edges, last 30s\nno requests in the last 30s: send some through the proxy, or look further back with --window 1h\n\n",
    ])
  })
})

describe("top on a terminal", () => {
  const screens = (out: string) => out.split("\u001b[H").slice(1)

  it("redraws until q, on a screen of its own that it leaves again", async () => {
    counted(row({ from: "public", to: "default/a", points: [] }))
    let press: (key: string) => void = () => {}
    const ran = await run(["top"], {
      ...{
        terminal: true,
        columns: 100,
        rows: 20,
        interrupted: new Promise(() => {}),
        keys: (listener) => (press = listener),
      },
      tick: () => asked().length >= 4 && press("q"),
    })
    expect(ran.exit).toBe(0)
    expect(screens(ran.out)).toHaveLength(2)
    expect(ran.out.startsWith("\u001b[?1049h\u001b[?25l")).toBe(true)
    expect(ran.out.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true)
  })

  it("shows something else at a key's press", async () => {
    counted(row({ from: "public", to: "default/a" }))
    let press: (key: string) => void = () => {}
    const pressed = ["r", "s", "x", "q"]
    const { out } = await run(["top"], {
      ...{
        terminal: true,
        columns: 100,
        rows: 20,
        interrupted: new Promise(() => {}),
        keys: (listener) => (press = listener),
      },
      tick: () => press(pressed.shift()!),
    })
    expect(screens(out).map((screen) => /(edges|routes|services), last/.exec(screen)![1])).toEqual([
      "edges",
      "routes",
      "services",
      "services",
    ])
  })

  it("shows how it went lately, and no more than fits", async () => {
    const points = [0, 1, 4, 8, 99].map((requests, index) => ({ atMs: index * 10_000, requests, failed: 0 }))
    control.stats = ({ points: wanted }) => ({
      ...{ spanMs: 30_000, missing: ["oc"] },
      rows: Array.from({ length: 50 }, (_, index) =>
        row({ from: "public", to: `default/s${index}`, ...(wanted && { points }) }),
      ),
    })
    const { out } = await run(["top", "--count", "1"], {
      ...{ terminal: true, columns: 90, rows: 10, interrupted: new Promise(() => {}), env: { NO_COLOR: "1" } },
    })
    const [screen = ""] = screens(out)
    const lines = screen.split("\r\n").map((line) => stripVTControlCharacters(line))
    expect(lines).toHaveLength(10)
    expect(lines[3]).toBe("(public)  s0   100.00%  10.0  3ms  20ms  1.2s        -   ▁▄█")
    expect(lines[9]).toBe("without oc  e edges  s services  r routes  v subsets  q quit")
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(90)
  })

  it("goes on while control does not answer", async () => {
    counted(row({ from: "public", to: "default/a" }))
    let times = 0
    control.intercept = (request) =>
      request.url.includes("stats") && times++ < 2 ? new Response("{}", { status: 500 }) : undefined
    const { out } = await run(["top", "--count", "2"], {
      ...{ terminal: true, columns: 100, rows: 20, interrupted: new Promise(() => {}), env: { NO_COLOR: "1" } },
    })
    const [first, second] = screens(out)
    expect(first).toContain("error: what answers at")
    expect(second).toContain("100.00%")
  })
})
