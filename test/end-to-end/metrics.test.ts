/** The running shop as Prometheus and the terminal see it. */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { TappedExchange } from "#shared/model/tap.ts"
import type { Stats } from "#shared/protocol/control-api.ts"
import { weft } from "#test/support/cli.ts"
import { eventually } from "#test/support/eventually.ts"
import { parseExposition } from "#test/support/exposition-parser.ts"
import { count, type ShopMesh, startShop, TOKEN } from "./shop-mesh.ts"

const REQUESTS = 300
const TRACE = "0af7651916cd43dd8448eb211c80319c"

/** Where the Debian package is not installed, what it would say is skipped, and the run shows it; the strict parser always runs. */
const hasPrometheus = ["prometheus", "promtool"].every((name) => {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})

let mesh: ShopMesh
/** One request more than were counted here: the one that waits for the shop. */
let requests = 0

beforeAll(async () => {
  mesh = await startShop([], { weft: { WEFT_DEBUG: "on", WEFT_TRACE_PERCENT: "0", WEFT_TRACE_PUBLIC: "trust" } })
  await count(mesh.ingressUrl, REQUESTS)
  for (let time = 0; time < 3; time++) {
    await fetch(`${mesh.ingressUrl}/shop.json`, { headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` } })
  }
  await eventually(async () => {
    const { rows } = await stats("?by=edge&from=public&window=600")
    const counted = rows[0]?.requests ?? 0
    const isAll = counted > REQUESTS + 3 && counted === requests
    requests = counted
    return isAll
  })
})
afterAll(() => mesh?.stop())

const ask = (path: string, accept = "*/*") =>
  fetch(`${mesh.controlUrl}${path}`, { headers: { authorization: `Bearer ${TOKEN}`, accept } })
const stats = async (query: string) => (await (await ask(`/v1/stats${query}`)).json()) as Stats

describe("/metrics of the running shop", () => {
  it.each([
    ["openmetrics", "application/openmetrics-text"],
    ["text", "text/plain"],
  ] as const)("counts each request on each edge once, in %s", async (format, accept) => {
    const families = parseExposition(await (await ask("/metrics", accept)).text(), format)
    const samples = families.get(format === "text" ? "weft_requests_total" : "weft_requests")!.samples
    const total = (labels: Record<string, string>) =>
      samples
        .filter((one) => one.name === "weft_requests_total")
        .filter((one) => Object.entries(labels).every(([name, value]) => one.labels[name] === value))
        .reduce((sum, { value }) => sum + value, 0)
    expect(total({ from: "public", to: "default/storefront", rule: "default/shop/0" })).toBe(requests)
    expect(total({ from: "default/storefront", to: "default/catalog" })).toBe(requests)
    expect(total({ from: "default/storefront", to: "default/orders", subset: "v1", method: "listOrders" })).toBe(
      requests,
    )
  })

  it("leads to a trace that its sender wanted recorded", async () => {
    const families = parseExposition(
      await (await ask("/metrics", "application/openmetrics-text")).text(),
      "openmetrics",
    )
    const traces = families
      .get("weft_request_duration_seconds")!
      .samples.flatMap(({ exemplar }) => exemplar?.labels.trace_id ?? [])
    expect(traces).toContain(TRACE)
  })

  it.skipIf(!hasPrometheus)("is clean to promtool", async () => {
    const input = await (await ask("/metrics")).text()
    expect(execFileSync("promtool", ["check", "metrics"], { input, encoding: "utf8" })).toBe("")
  })

  it.skipIf(!hasPrometheus)("is scraped by a real Prometheus, with a token for nothing else", async () => {
    const made = await fetch(`${mesh.controlUrl}/v1/tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "prometheus", role: "metrics" }),
    })
    const { token } = (await made.json()) as { token: string }
    const prometheus = await startPrometheus(new URL(mesh.controlUrl).host, token)
    try {
      const query = async (text: string) => {
        const response = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(text)}`)
        return ((await response.json()) as { data: { result: { value: [number, string] }[] } }).data.result[0]?.value[1]
      }
      await eventually(async () => (await query("up")) === "1")
      await eventually(async () => (await query("sum(weft_requests_total)")) !== undefined)
      expect(await query('sum(weft_requests_total{from="public"})')).toBe(String(requests))
      expect(await query('sum(weft_request_duration_seconds_count{from="public"})')).toBe(String(requests))
      const p99 = Number(
        await query('histogram_quantile(0.99, sum by (le) (weft_request_duration_seconds_bucket{from="public"}))'),
      )
      const [row] = (await stats("?by=edge&from=public&window=600")).rows
      expect(p99).toBeGreaterThan(row!.latencyMs!.p99 / 1000 / 2.1)
      expect(p99).toBeLessThan((row!.latencyMs!.p99 / 1000) * 2.1)
      const exemplars = await (
        await fetch(
          `${prometheus.url}/api/v1/query_exemplars?query=weft_request_duration_seconds_bucket&start=0&end=9999999999`,
        )
      ).text()
      expect(exemplars).toContain(TRACE)
    } finally {
      await prometheus.stop()
    }
  })
})

describe("the terminal", () => {
  const run = (...argv: string[]) =>
    weft(argv, { realTime: true, env: { WEFT_URL: mesh.controlUrl, WEFT_TOKEN: TOKEN } })

  it("shows who is called, by whom, how well", async () => {
    const { out, err, exit } = await run("stat", "--window", "10m")
    expect([exit, err]).toEqual([0, ""])
    expect(out).toMatch(/^SERVICE +SUCCESS +RPS +P50 +P95 +P99 +RETRIES$/m)
    expect(out).toMatch(/^storefront +100\.00% +\d/m)
    expect((await run("stat", "routes", "--window", "10m")).out).toMatch(/^orders\/0 +listOrders +100\.00%/m)
    expect((await run("edges")).out).toMatch(new RegExp(`^\\(public\\) +storefront +${requests} +100%`, "m"))
    expect((await run("graph")).out).toContain("flowchart LR")
    expect((await run("top", "--count", "1")).out).toMatch(/edges, last 30s/)
  })
})

describe("a tap", () => {
  const tap = (...argv: string[]) =>
    weft(["tap", "-o", "json", "--for", "100s", ...argv], {
      realTime: true,
      interrupted: new Promise(() => {}),
      env: { WEFT_URL: mesh.controlUrl, WEFT_TOKEN: TOKEN },
    })

  /** Until the tap has what it waits for. */
  async function under(load: () => Promise<unknown>, ...taps: Promise<{ out: string; err: string; exit: number }>[]) {
    let isOver = false
    const all = Promise.all(taps).finally(() => {
      isOver = true
    })
    while (!isOver) {
      await load()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return (await all).map(({ out, err, exit }) => {
      expect([exit, err]).toEqual([0, ""])
      return out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as TappedExchange)
    })
  }

  it("shows what matches, as it happens, without secrets", async () => {
    const headers = { "x-tenant": "acme", authorization: "Bearer secret" }
    const [orders, refused, tenant, secret] = await under(
      async () => {
        await fetch(`${mesh.ingressUrl}/shop.json?token=secret`, { headers })
        await fetch(`${mesh.ingressUrl}/shop.json`, { headers: { host: "nobody.example" } })
        await fetch(`${mesh.ingressUrl}/shop.json`, { method: "TRACE" }).catch(() => undefined)
      },
      tap("--to", "orders", "--count", "3"),
      tap("--from", "public", "--method", "GET", "--route", "default/shop", "--count", "2"),
      tap("--header", "x-tenant=acme", "--count", "1"),
      tap("--header", "authorization", "--count", "1"),
    )
    expect(new Set(orders!.map(({ to, from, protocol }) => `${from} ${to} ${protocol}`))).toEqual(
      new Set(["default/storefront default/orders rpc"]),
    )
    expect(refused![0]).toMatchObject({ method: "GET", rule: "default/shop/0", status: 200 })
    expect(tenant![0]).toMatchObject({ header: "acme", path: "/shop.json" })
    expect(secret![0]!.header).toBe("(secret)")
    expect(JSON.stringify([orders, refused, tenant, secret])).not.toContain("Bearer")
  })

  it("needs a token that may see single requests", async () => {
    const made = await fetch(`${mesh.controlUrl}/v1/tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "onlooker", role: "viewer" }),
    })
    const { token } = (await made.json()) as { token: string }
    const { exit, err } = await weft(["tap"], { realTime: true, env: { WEFT_URL: mesh.controlUrl, WEFT_TOKEN: token } })
    expect([exit, err]).toEqual([4, expect.stringContaining("takes the role operator")])
  })
})

describe("a trace", () => {
  it("is told hop by hop when somebody had it debugged, and is unknown otherwise", async () => {
    const traceId = "5bf92f3577b34da6a3ce929d0e0e4736"
    const run = (id: string) =>
      weft(["trace", id], { realTime: true, env: { WEFT_URL: mesh.controlUrl, WEFT_TOKEN: TOKEN } })
    const traceparent = `00-${traceId}-b7ad6b7169203331-00`
    await fetch(`${mesh.ingressUrl}/shop.json`, { headers: { traceparent, "weft-debug": "1" } })
    await eventually(async () => (await run(traceId)).out.includes("orders"))
    const { out } = await run(traceparent)
    expect(out).toContain("gateway default -> storefront  GET /shop.json  200")
    expect(out).toMatch(/\n {4}\+\d+ms {2}storefront -> orders\/v1 {2}listOrders\(\) {2}200/)
    expect(out).toContain("rule default/shop/0, 1 attempt")
    expect(out).toContain("attempt 1 at STOREFRONT: 200")
    expect((await run("6bf92f3577b34da6a3ce929d0e0e4736")).exit).toBe(1)
    expect((await run("nonsense")).exit).toBe(2)
  })
})

describe("a flood of made-up requests", () => {
  it("makes no series: labels are those of configuration", async () => {
    const before = await told()
    const flood = 200
    for (let index = 0; index < flood; index += 20) {
      const some = Array.from({ length: 20 }, (_, each) => {
        const word = `${Math.random()}`.slice(2)
        const headers = {
          "x-made-up": word,
          "user-agent": word,
          traceparent: `00-${word.padEnd(32, "a")}-${"b".repeat(16)}-00`,
        }
        const method = ["GET", "POST", "PUT", "PATCH", "DELETE"][each % 5]!
        return fetch(`${mesh.ingressUrl}/${word}/${"m".repeat(each * 300)}?${word}`, { method, headers }).then(
          (answer) => answer.text(),
        )
      })
      await Promise.all(some)
    }
    await eventually(async () => (await told()).total >= before.total + flood)
    const after = await told()
    expect(after.labels.filter((label) => !before.labels.includes(label) && !/^[1-5]xx$/.test(label))).toEqual([])
    expect(after.series).toBeLessThanOrEqual(before.series + 4)
  })

  async function told() {
    const families = parseExposition(await (await ask("/metrics")).text(), "text")
    const samples = families.get("weft_requests_total")!.samples
    const labels = [...new Set(samples.flatMap((sample) => Object.values(sample.labels)))]
    return { series: samples.length, labels, total: samples.reduce((sum, { value }) => sum + value, 0) }
  }
})

async function startPrometheus(
  target: string,
  token: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "weft-prometheus-"))
  const config = {
    global: { scrape_interval: "1s" },
    scrape_configs: [
      { job_name: "weft", authorization: { credentials: token }, static_configs: [{ targets: [target] }] },
    ],
  }
  // JSON is YAML.
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config))
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=exemplar-storage",
    ],
    { stdio: "ignore" },
  )
  const url = `http://127.0.0.1:${port}`
  await eventually(async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true)
  return {
    url,
    async stop() {
      child.kill()
      await once(child, "exit")
      await rm(folder, { recursive: true, force: true })
    },
  }
}
