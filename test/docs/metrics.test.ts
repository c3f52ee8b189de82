/** What is said of metrics, drawn from them and alerted by them: only of those that there are, and of all of them. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { METRICS, TALLY_METRICS } from "#shared/telemetry/metrics.ts"

const ROOT = join(import.meta.dirname, "../..")
const read = (file: string) => readFileSync(join(ROOT, file), "utf8")
const ALL = [...Object.values(METRICS), ...Object.values(TALLY_METRICS)]
/** As Prometheus stores them. */
const STORED = new Set(
  ALL.flatMap(({ name, type }) =>
    type === "counter"
      ? [`${name}_total`]
      : type === "gauge"
        ? [name]
        : ["_bucket", "_sum", "_count"].map((suffix) => name + suffix),
  ),
)
const LABELS = new Set([
  "shard",
  "from",
  "to",
  "subset",
  "rule",
  "method",
  "class",
  "refusal",
  "limit",
  "policy",
  "cluster",
  "where",
  "reason",
  "state",
  "slo",
  "severity",
  "window",
  "receiver",
  "le",
])

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const dashboard = JSON.parse(read("docs/grafana/weft.json")) as {
  panels: Panel[]
  templating: { list: { name: string }[] }
}
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

const isInstalled = (name: string) => {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

function unknownIn(text: string): string[] {
  return [...text.matchAll(/(?<![\w:/.-])weft_\w+/g)]
    .map(([name]) => name)
    .filter((name) => !STORED.has(name) && !/_suffix$/.test(name))
}

describe("the reference of metrics", () => {
  it("has each of them, and no other", () => {
    const page = read("docs/reference/metrics.md")
    for (const { name, type } of ALL) expect(page).toContain(`\`${type === "counter" ? `${name}_total` : name}\``)
    const histograms = ALL.filter(({ type }) => type === "histogram").map(({ name }) => name)
    expect(unknownIn(page).filter((name) => !histograms.includes(name))).toEqual([])
    expect(unknownIn(read("docs/how-to/observe.md"))).toEqual([])
  })
})

describe("the dashboard", () => {
  it("asks for metrics and labels that there are, and for every metric", () => {
    const asked = expressions.join("\n")
    expect(unknownIn(asked)).toEqual([])
    const labels = [...asked.matchAll(/(?:by|without) \(([^)]*)\)|[{,](\w+)(?:=|!=|=~)"/g)].flatMap(([, list, one]) =>
      (list ?? one ?? "").split(/, ?/),
    )
    expect(labels.filter((label) => !LABELS.has(label))).toEqual([])
    const counters = [...STORED].filter((name) => !/_(sum|count)$/.test(name))
    expect(counters.filter((name) => !asked.includes(name))).toEqual([])
  })

  it("shows names in legends that its questions keep", () => {
    for (const { targets = [] } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect(/by \(([^)]*)\)/.test(expr) ? expr.match(/by \(([^)]*)\)/)![1] : [...LABELS].join(", ")).toContain(
            label,
          )
        }
      }
    }
  })

  it("has panels that lie side by side", () => {
    const ids = dashboard.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { title, gridPos: a } of dashboard.panels) {
      expect(a.x + a.w, title).toBeLessThanOrEqual(24)
      const over = dashboard.panels.filter(
        ({ gridPos: b }) => b !== a && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
      )
      expect(over.map((panel) => panel.title)).toEqual([])
    }
    const names = dashboard.templating.list.map(({ name }) => name)
    expect(names).toEqual(["datasource", "from", "to"])
  })
})

describe("the alert rules", () => {
  it("ask for metrics that there are", () => {
    expect(unknownIn(read("docs/prometheus/weft-rules.yaml"))).toEqual([])
    expect(unknownIn(read("docs/prometheus/weft-rules.test.yaml"))).toEqual([])
  })

  it("have one name each, a severity and a summary", () => {
    const rules = read("docs/prometheus/weft-rules.yaml").split("- alert: ").slice(1)
    const names = rules.map((rule) => rule.split("\n")[0])
    expect(new Set(names).size).toBe(names.length)
    for (const rule of rules) {
      expect(rule).toMatch(/severity: (page|ticket)/)
      expect(rule).toMatch(/summary: '.+'/)
    }
  })

  it.skipIf(!isInstalled("promtool"))("are good to promtool, and fire when they should", () => {
    const promtool = (...args: string[]) =>
      execFileSync("promtool", args, { cwd: join(ROOT, "docs/prometheus"), encoding: "utf8" })
    expect(promtool("check", "rules", "weft-rules.yaml")).toContain("SUCCESS")
    expect(promtool("test", "rules", "weft-rules.test.yaml")).toContain("SUCCESS")
  })
})
