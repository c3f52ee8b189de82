/** The model's results as tables of Markdown, which read well in a terminal too. */
import { CALLS, CALLS_COMMAND, type CallCost, HOP, HOPS_COMMAND } from "./costs.ts"
import { ASSUMED, type Assumptions, billOf, priceOf, reaches, type Scale, scaleOf } from "./model.ts"
import { type Figure, PLATFORM } from "./platform.ts"

export const RATES = [10, 100_000, 10_000_000]
const ISOLATES = [5, 20, 50]

/** By the names that the page has them under. */
export const TABLES: { readonly [name: string]: () => string } = { assumptions, load, sharding, price, costs, platform }

function assumptions(): string {
  const { sites, isolatesPerSite, busyMax, busiestShare, breakers, limits } = ASSUMED
  return table(
    ["what", "assumed"],
    [
      ["data centres with traffic, all alike", whole(sites)],
      ["isolates of the proxy in each, at least", whole(isolatesPerSite)],
      ["more of them when one has more to do than", `${whole(busyMax * 100)} % of a thread`],
      ["the busiest of 11 regions has of all traffic", `${whole(busiestShare * 100)} %`],
      ["breakers that every isolate reports to", whole(breakers)],
      ["rate limits of the whole mesh, without a key, that every request counts for", whole(limits)],
    ],
  )
}

/** The busiest object of each kind, and how many of its kind there are. */
function load(): string {
  const scales = RATES.map((rate) => scaleOf(rate))
  const cell = (scale: Scale, name: string) => {
    const { busiestPerSecond, count } = scale.objects.find(({ object }) => object === name)!
    const over = busiestPerSecond > PLATFORM.objectCallsPerSecond.value ? " (over)" : ""
    return `${whole(busiestPerSecond)}${over}, of ${count}`
  }
  return table(
    ["requests a second", ...RATES.map(whole)],
    [
      ["isolates of the proxy", ...scales.map(({ isolates }) => whole(isolates))],
      ...scales[0]!.objects.map(({ object }) => [object, ...scales.map((scale) => cell(scale, object))]),
    ],
  )
}

function sharding(): string {
  const limit = PLATFORM.objectCallsPerSecond.value
  const at = (object: string, isolatesPerSite: number) => {
    const assumed: Assumptions = { ...ASSUMED, isolatesPerSite }
    const rate = reaches(object, limit, assumed)
    return rate === undefined ? "never" : `${about(rate)}`
  }
  const { objects } = scaleOf(1)
  return table(
    [`over ${whole(limit)} calls a second from`, ...ISOLATES.map((count) => `${count} isolates a site`)],
    objects.map(({ object }) => [object, ...ISOLATES.map((count) => at(object, count))]),
  )
}

function price(): string {
  const scales = RATES.map((rate) => scaleOf(rate))
  const prices = scales.map(priceOf)
  return table(
    ["requests a second", ...RATES.map(whole)],
    [
      ["processor time of the hop", ...prices.map(({ cpu }) => dollars(cpu))],
      ["calls of objects", ...prices.map(({ calls }) => dollars(calls))],
      ["objects' duration", ...prices.map(({ duration }) => dollars(duration))],
      ["rows written", ...prices.map(({ rows }) => dollars(rows))],
      ["**a million requests**", ...prices.map(({ total }) => `**${dollars(total)}**`)],
      [
        "duration, were they never idle",
        ...scales.map(({ durationMost }) => dollars(durationMost * PLATFORM.objectDuration.value)),
      ],
      ["a month, less what the plan includes", ...scales.map((scale) => dollars(billOf(scale)))],
    ],
  )
}

function costs(): string {
  const words: Record<keyof typeof CALLS, string> = {
    pull: "an isolate asks its relay, nothing is new",
    follow: "a relay asks the root, nothing is new",
    report: "an isolate reports counts",
    tell: "an isolate tells a breaker",
    lease: "an isolate leases tokens of a limit",
  }
  const calls = Object.entries(CALLS as Record<keyof typeof CALLS, CallCost>).map(([name, cost]) => {
    const rows = cost.rowsWritten === 0 ? "" : `, ${cost.rowsWritten} rows written each time it stores`
    const why = cost.why === undefined ? "" : ` (${cost.why})`
    return [words[name as keyof typeof CALLS] + why, `${cost.cpuUs} us${rows}`, `\`${CALLS_COMMAND}\``]
  })
  const hops = [
    ["a request by way of the mesh, beyond one without", `${HOP.plain.cpuUs} us`, `\`${HOPS_COMMAND}\``],
    ["the same with every policy armed", `${HOP.armed.cpuUs} us`, `\`${HOPS_COMMAND}\``],
  ]
  return table(["what", "processor time", "measured by"], [...hops, ...calls])
}

function platform(): string {
  const rows = Object.values(PLATFORM as Record<string, Figure>).map(({ value, included, words, page }) => {
    const free = included === undefined ? "" : `; ${included} million a month are included`
    return [words.replace("{}", `${value}`) + free, page]
  })
  return table(["figure", "page of the platform's documentation"], rows)
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => "---"), ...rows]
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("")
}

function whole(value: number): string {
  return (value < 10 ? Number(value.toPrecision(2)) : Math.round(value)).toLocaleString("en-US")
}

/** A search with steps of a hundredth is no surer than that. */
function about(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString("en-US")
}

function dollars(value: number): string {
  const text = value >= 100 ? Math.round(value).toLocaleString("en-US") : Number(value.toPrecision(2)).toString()
  return `$${text}`
}
