/** Statistics as people read them: `weft stat`, `weft top` and `weft edges`. */
import type { StatsBy, StatsPoint, StatsRow } from "#shared/model/telemetry.ts"
import type { Stats } from "#shared/protocol/control-api.ts"
import { type Column, grid } from "./grid.ts"
import type { Io } from "./io.ts"
import { type Paint, plain } from "./output.ts"

/** What a person may call what rows tell apart. */
export const SUBJECTS: { readonly [word: string]: StatsBy } = {
  service: "service",
  services: "service",
  subset: "subset",
  subsets: "subset",
  route: "rule",
  routes: "rule",
  rule: "rule",
  rules: "rule",
  edge: "edge",
  edges: "edge",
}

const NAMES: Readonly<Record<StatsBy, readonly (readonly [title: string, name: (row: StatsRow) => string])[]>> = {
  service: [["SERVICE", ({ to }) => serviceText(to)]],
  subset: [
    ["SERVICE", ({ to }) => serviceText(to)],
    ["SUBSET", ({ subset }) => plain(subset || "-")],
  ],
  rule: [
    ["ROUTE", ({ rule, to }) => (rule ? short(rule) : to ? `${serviceText(to)} (no route)` : "(no route)")],
    ["METHOD", ({ method }) => plain(method || "-")],
  ],
  edge: [
    ["FROM", ({ from }) => serviceText(from)],
    ["TO", ({ to }) => serviceText(to)],
  ],
}

export function statsText({ by, rows }: Pick<Stats, "by" | "rows">, paint: Paint, widthMax: number): string {
  const withMethod = by !== "rule" || rows.some(({ method }) => method)
  const names = NAMES[by].filter(([title]) => title !== "METHOD" || withMethod)
  const trend = rows.some(({ points }) => points)
  const refusals = rows.some(({ refused }) => refused > 0)
  const columns: Column[] = [
    ...names.map(([title]): Column => ({ title, shrinks: true })),
    { title: "SUCCESS", align: "right" },
    { title: "RPS", align: "right" },
    { title: "P50", align: "right", leaveOut: 2 },
    { title: "P95", align: "right", leaveOut: 3 },
    { title: "P99", align: "right" },
    { title: "RETRIES", align: "right", leaveOut: 4 },
    ...(trend ? [{ title: "TREND", leaveOut: 5 }] : []),
    ...(refusals ? [{ title: "REFUSED", leaveOut: 1 }] : []),
  ]
  const cells = rows.map((row) => [
    ...names.map(([, name]) => name(row)),
    ...figures(row, paint),
    ...(trend ? [sparkline(row.points ?? [])] : []),
    ...(refusals ? [refusedText(row, paint)] : []),
  ])
  return grid(columns, cells, widthMax)
}

function figures(row: StatsRow, paint: Paint): string[] {
  const { latencyMs, successRate, perSecond, retries } = row
  if (!latencyMs || successRate === undefined) return ["-", "-", "-", "-", "-", "-"].map((dash) => paint("dim", dash))
  const quantiles = [latencyMs.p50, latencyMs.p95, latencyMs.p99].map(latencyText)
  return [successText(successRate, paint), rateText(perSecond), ...quantiles, retries === 0 ? "-" : String(retries)]
}

/** Rounded down: what is not all of them must not look like it. */
export function successText(rate: number, paint: Paint): string {
  const text = `${(Math.floor(rate * 10_000 + 1e-9) / 100).toFixed(2)}%`
  return paint(rate >= 0.99 ? "green" : rate >= 0.95 ? "yellow" : "red", text)
}

export function rateText(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond >= 0.05 ? perSecond.toFixed(1) : "<0.1"
}

export function latencyText(ms: number): string {
  if (ms < 1) return "<1ms"
  return ms < 1_000 ? `${Math.round(ms)}ms` : ms < 100_000 ? `${(ms / 1000).toFixed(1)}s` : `${Math.round(ms / 1000)}s`
}

/** How many, and why most of them. */
function refusedText({ refused, refusals = {} }: StatsRow, paint: Paint): string {
  if (refused === 0) return ""
  const [why] = Object.entries(refusals).sort(([, a], [, b]) => b - a)
  return paint("yellow", `${refused} ${plain(why?.[0] ?? "")}`.trimEnd())
}

const BARS = "▁▂▃▄▅▆▇█"

/** Requests step by step, each row on its own scale; the last step is under way and left out. */
function sparkline(points: readonly StatsPoint[]): string {
  const counts = points.slice(0, -1).map(({ requests }) => requests)
  const most = Math.max(...counts, 1)
  return counts.map((count) => (count === 0 ? " " : BARS[Math.ceil((count / most) * BARS.length) - 1])).join("")
}

/** A service's name as documents have it; what is no service is in brackets. */
export function serviceText(id: string | undefined): string {
  if (id === "public" || id === "other") return `(${id})`
  return id ? short(id) : "(none)"
}

function short(id: string): string {
  const name = id.startsWith("default/") ? id.slice("default/".length) : id
  return plain(name === "public" || name === "other" ? id : name)
}

/** What to do about a table without requests; undefined when there are some. */
export function emptyText({ rows }: Pick<Stats, "rows">, windowText: string, isFiltered: boolean): string | undefined {
  if (rows.some(({ requests }) => requests > 0)) return undefined
  if (isFiltered) return `no such requests in the last ${windowText}; \`weft edges\` shows who calls whom`
  return `no requests in the last ${windowText}: send some through the proxy, or look further back with --window 1h`
}

/** Says on standard error what the figures do not have. */
export function warnOfMissing(io: Io, { missing }: Pick<Stats, "missing">): void {
  if (missing.length === 0) return
  io.err.write(
    `warning: telemetry of ${missing.map(plain).join(", ")} did not answer; what it counted is missing here\n`,
  )
}
