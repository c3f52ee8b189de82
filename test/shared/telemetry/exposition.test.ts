import { describe, expect, it } from "vitest"
import { expose, type Format, formatFor, type MeshFacts, type ShardTotals } from "#shared/telemetry/exposition.ts"
import { METRICS, TALLY_METRICS } from "#shared/telemetry/metrics.ts"
import type { Exemplar, Labels } from "#shared/telemetry/series.ts"
import { SeriesTable } from "#shared/telemetry/series-table.ts"
import { type ParsedFamily, parseExposition } from "#test/support/exposition-parser.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const CREATED_MS = 1_700_000_000_500

function totalsOf(shard: string, exemplars: readonly Exemplar[] = []): ShardTotals {
  const table = new SeriesTable()
  const see = (status: number, refusal: Labels["refusal"], durations: readonly number[]) => {
    const row = table.row("public", "default/orders", "v2", "default/shop/checkout", "", status, refusal)
    for (const ms of durations) table.count(row, ms, 2, ms > 100, 0, 0)
  }
  see(200, "", [0, 1, 3, 250, 251, 999, 70_000])
  see(503, "circuit_open", [5])
  const series = table
    .take()
    .map((one) => ({ ...one, createdMs: CREATED_MS, exemplars: one.labels.class === "2xx" ? exemplars : [] }))
  return {
    shard,
    totals: {
      ...{ series, isolates: 3, snapshotAgeMs: 1_500 },
      tallies: [
        ["isolate_starts", "", 4, CREATED_MS],
        ["rate_limited", "default/shop/0/all", 2, CREATED_MS],
      ],
    },
  }
}

const MESH: MeshFacts = {
  revision: 7,
  serving: { current: 2, behind: 1, refusing: 0 },
  breakers: [
    { cluster: "default/orders/v2", isOpen: true },
    { cluster: "default/pay", isOpen: false },
  ],
  objectives: [
    {
      ...{ slo: "default/up", budgetLeft: -0.25, burn: [{ window: "1h", rate: 14.5 }] },
      firing: { page: true, ticket: false },
    },
  ],
  receivers: [{ id: "default/oncall", waiting: 2 }],
}

const told = (shards: readonly ShardTotals[], format: Format, mesh: MeshFacts | undefined = MESH) =>
  [...expose(shards, mesh, format)].join("")

function readingOf(
  families: ReadonlyMap<string, ParsedFamily>,
  family: string,
  labels: Record<string, string>,
  suffix = "",
) {
  const found = families
    .get(family)!
    .samples.filter(
      (sample) =>
        sample.name === family + suffix &&
        Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
    )
  expect(found).toHaveLength(1)
  return found[0]!.value
}

describe.each(["openmetrics", "text"] as const)("what Prometheus reads as %s", (format) => {
  const total = format === "text" ? "_total" : ""
  const suffix = format === "text" ? "" : "_total"

  it("says every count once, in the form of the format", () => {
    const families = parseExposition(told([totalsOf("weur"), totalsOf("any-1")], format), format)
    const requests = (shard: string, kind: string) =>
      readingOf(families, `weft_requests${total}`, { shard, class: kind }, suffix)
    expect([requests("weur", "2xx"), requests("any-1", "2xx"), requests("weur", "5xx")]).toEqual([7, 7, 1])
    const edge = {
      shard: "weur",
      from: "public",
      to: "default/orders",
      subset: "v2",
      rule: "default/shop/checkout",
      method: "",
    }
    expect(readingOf(families, `weft_attempts${total}`, edge, suffix)).toBe(16)
    expect(readingOf(families, `weft_retries${total}`, edge, suffix)).toBe(8)
    expect(readingOf(families, `weft_retry_budget_exhausted${total}`, edge, suffix)).toBe(4)
    expect(
      readingOf(families, `weft_rate_limited_requests${total}`, { limit: "default/shop/0/all", shard: "weur" }, suffix),
    ).toBe(2)
    expect(readingOf(families, `weft_telemetry_lost_requests${total}`, { shard: "weur" }, suffix)).toBe(0)
  })

  it("has durations in seconds, with bounds that are exact", () => {
    const families = parseExposition(told([totalsOf("weur")], format), format)
    const at = (le: string) => readingOf(families, METRICS.duration.name, { class: "2xx", le }, "_bucket")
    expect(["0.001953125", "0.00390625", "0.25", "0.5", "1.0", "64.0", "+Inf"].map(at)).toEqual([2, 3, 4, 5, 6, 6, 7])
    expect(readingOf(families, METRICS.duration.name, { class: "2xx" }, "_sum")).toBe(71.504)
    expect(readingOf(families, METRICS.duration.name, { class: "2xx" }, "_count")).toBe(7)
  })

  it("says how the mesh is", () => {
    const families = parseExposition(told([totalsOf("weur")], format), format)
    expect(readingOf(families, "weft_revision", {})).toBe(7)
    expect(readingOf(families, "weft_isolates", { shard: "weur" })).toBe(3)
    expect(readingOf(families, "weft_snapshot_age_seconds", { shard: "weur" })).toBe(1.5)
    expect(readingOf(families, "weft_isolates_serving", { state: "behind" })).toBe(1)
    expect(readingOf(families, "weft_breaker_open", { cluster: "default/orders/v2" })).toBe(1)
    expect(readingOf(families, "weft_breaker_open", { cluster: "default/pay" })).toBe(0)
    expect(readingOf(families, "weft_slo_error_budget_remaining_ratio", { slo: "default/up" })).toBe(-0.25)
    expect(readingOf(families, "weft_slo_burn_rate", { slo: "default/up", window: "1h" })).toBe(14.5)
    expect(readingOf(families, "weft_alert_firing", { slo: "default/up", severity: "page" })).toBe(1)
    expect(readingOf(families, "weft_alert_firing", { slo: "default/up", severity: "ticket" })).toBe(0)
    expect(readingOf(families, "weft_alert_notifications_waiting", { receiver: "default/oncall" })).toBe(2)
  })

  it("has every metric that there is, with a help that ends", () => {
    const families = parseExposition(told([totalsOf("weur")], format), format)
    for (const { name, type, help } of [...Object.values(METRICS), ...Object.values(TALLY_METRICS)]) {
      const family = families.get(type === "counter" ? name + total : name)
      expect(family, name).toMatchObject({ type, help })
      expect(help).toMatch(/\.$/)
    }
  })

  it("leaves out the series of a shard that does not answer, and says so; never a smaller sum", () => {
    const families = parseExposition(told([totalsOf("weur"), { shard: "apac", totals: undefined }], format), format)
    expect(families.get(`weft_requests${total}`)!.samples.every(({ labels }) => labels.shard === "weur")).toBe(true)
    expect(readingOf(families, "weft_telemetry_up", { shard: "apac" })).toBe(0)
    expect(readingOf(families, "weft_telemetry_up", { shard: "weur" })).toBe(1)
  })

  it("says nothing of shards that were never used, nor of a mesh that does not answer", () => {
    const unused = { shard: "oc", totals: { series: [], tallies: [], isolates: 0, snapshotAgeMs: 0 } }
    const text = [...expose([unused], undefined, format)].join("")
    const families = parseExposition(text, format)
    expect([...families.values()].flatMap(({ samples }) => samples)).toEqual([])
    expect(families.has("weft_revision")).toBe(false)
  })

  it("escapes what a label may hold", () => {
    const shard = { shard: 'a"b\\c\nd', totals: undefined }
    const families = parseExposition(told([shard], format), format)
    expect(families.get("weft_telemetry_up")!.samples[0]!.labels.shard).toBe('a"b\\c\nd')
  })
})

describe("OpenMetrics", () => {
  it("says when counters began", () => {
    const families = parseExposition(told([totalsOf("weur")], "openmetrics"), "openmetrics")
    expect(readingOf(families, "weft_requests", { class: "2xx" }, "_created")).toBe(CREATED_MS / 1000)
    expect(readingOf(families, METRICS.duration.name, { class: "2xx" }, "_created")).toBe(CREATED_MS / 1000)
    expect(readingOf(families, "weft_retries", {}, "_created")).toBe(CREATED_MS / 1000)
  })

  it("leads from a bucket to a trace", () => {
    const exemplars = [{ traceId: TRACE, durationMs: 251, atMs: 1_700_000_001_250 }]
    const families = parseExposition(told([totalsOf("weur", exemplars)], "openmetrics"), "openmetrics")
    const shown = families.get(METRICS.duration.name)!.samples.filter(({ exemplar }) => exemplar)
    expect(shown).toHaveLength(1)
    expect(shown[0]).toMatchObject({
      labels: { le: "0.5", class: "2xx" },
      exemplar: { labels: { trace_id: TRACE }, value: 0.251, at: 1_700_000_001.25 },
    })
  })
})

describe("the format", () => {
  it.each<readonly [string | null, Format]>([
    [null, "text"],
    ["", "text"],
    ["*/*", "text"],
    ["text/plain", "text"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "text"],
    ["application/openmetrics-text; version=1.0.0; charset=utf-8", "openmetrics"],
    ["application/openmetrics-text", "openmetrics"],
    ["APPLICATION/OPENMETRICS-TEXT;VERSION=1.0.0", "openmetrics"],
    ["application/openmetrics-text;version=0.0.1", "text"],
    ["application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5", "text"],
    // What Prometheus 2.42 sends.
    [
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "openmetrics",
    ],
    ["application/openmetrics-text;q=0", "text"],
    [",;q=,;=;", "text"],
  ])("for Accept: %s is %s", (accept, format) => {
    expect(formatFor(accept)).toBe(format)
  })
})
