/** `weft top`: the same as `weft stat`, as it happens. A screen that redraws for a person, lines one below the other for a pipe. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { cut } from "#cli/grid.ts"
import type { Io } from "#cli/io.ts"
import { type Paint, painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { type StatsQuery, statsQuery } from "#cli/stats-query.ts"
import { emptyText, SUBJECTS, statsText, warnOfMissing } from "#cli/stats-text.ts"
import type { StatsBy } from "#shared/model/telemetry.ts"
import type { Stats } from "#shared/protocol/control-api.ts"

const WINDOW_MS = 30_000
const EVERY_MS = 2_000
/** Of a trend: two minutes in the steps that the mesh keeps. */
const TREND = { window: 120, points: 12 }
const KEYS: { readonly [key: string]: StatsBy } = { e: "edge", s: "service", r: "rule", v: "subset" }
const ENTER = "\u001b[?1049h\u001b[?25l"
const LEAVE = "\u001b[?25h\u001b[?1049l"

export async function run(call: Call): Promise<ExitCode> {
  const query = statsQuery(call, call.args[0] ?? "edges", WINDOW_MS)
  if (failed(query)) return report(call.io, query)
  const isScreen = call.io.out.terminal && call.format === "table"
  return isScreen ? watch(call, query) : stream(call, query)
}

async function stream(call: Call, query: StatsQuery & { readonly windowText: string }): Promise<ExitCode> {
  const { io, options } = call
  const client = clientFor(call)
  let stopped = false
  const stop = io.interrupted().then(() => {
    stopped = true
  })
  for (let round = 1; ; round++) {
    const stats = await client.stats(query)
    if (failed(stats)) return report(io, stats)
    warnOfMissing(io, stats)
    const empty = emptyText(stats, query.windowText, query.from !== undefined || query.to !== undefined)
    if (call.format === "json") io.out.write(`${JSON.stringify(stats)}\n`)
    else
      await print(
        io,
        call.format,
        stats,
        () => `${headText(io, query)}\n${bodyText(stats, empty, painter(io, io.out))}\n`,
      )
    if (stopped || round === options.count) return EXIT.ok
    await Promise.race([io.sleep(options.every ?? EVERY_MS), stop])
    if (stopped) return EXIT.ok
  }
}

async function watch(call: Call, first: StatsQuery & { readonly windowText: string }): Promise<ExitCode> {
  const { io, options } = call
  const client = clientFor(call)
  let query = first
  let stopped = false
  let wake: () => void = () => {}
  const stop = () => {
    stopped = true
    wake()
  }
  io.interrupted().then(stop)
  const release = io.onKey((key) => {
    const by = KEYS[key]
    if (key === "q" || key === "\u0003") stop()
    else if (by) {
      query = { ...query, by }
      wake()
    }
  })
  io.out.write(ENTER)
  try {
    for (let round = 1; !stopped && round <= (options.count ?? Number.POSITIVE_INFINITY); round++) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      const stats = await asked(client, query)
      if (stopped) break
      io.out.write(frame(io, query, stats))
      await Promise.race([io.sleep(options.every ?? EVERY_MS), woken])
    }
  } finally {
    release()
    io.out.write(LEAVE)
  }
  return EXIT.ok
}

/** The figures of the window, with the trend of a longer time beside them. */
async function asked(client: ReturnType<typeof clientFor>, query: StatsQuery): Promise<Stats | Failure> {
  const { by, window, from, to } = query
  const filter = { by, ...(from && { from }), ...(to && { to }) }
  const [stats, trend] = await Promise.all([client.stats({ ...filter, window }), client.stats({ ...filter, ...TREND })])
  if (failed(stats) || failed(trend)) return stats
  const points = new Map(trend.rows.map((row) => [nameOf(row), row.points]))
  return { ...stats, rows: stats.rows.map((row) => ({ ...row, points: points.get(nameOf(row)) ?? [] })) }
}

function nameOf({ from, to, subset, rule, method }: Stats["rows"][number]): string {
  return [from, to, subset, rule, method].join(" ")
}

/** A screen full, drawn over the one before: each line clears what was right of it, the last one what was below. */
function frame(io: Io, query: StatsQuery & { readonly windowText: string }, stats: Stats | Failure): string {
  const paint = painter(io, io.out)
  const [columns, rows] = [io.out.columns ?? 80, io.out.rows ?? 24]
  const keys = "e edges  s services  r routes  v subsets  q quit"
  const body = failed(stats)
    ? `${paint("red", "error")}: ${stats.message}\n${stats.hint ?? ""}\n`
    : bodyText(stats, emptyText(stats, query.windowText, false), paint, columns)
  const lines = [headText(io, query), "", ...body.trimEnd().split("\n")].slice(0, Math.max(1, rows - 2))
  const missing = failed(stats) || stats.missing.length === 0 ? "" : `without ${stats.missing.join(", ")}  `
  const shown = [...lines, "", paint("dim", cut(missing + keys, columns))]
  return `\u001b[H${shown.map((line) => `${cut(line, columns)}\u001b[K`).join("\r\n")}\u001b[J`
}

function headText(io: Io, { by, windowText, from, to }: StatsQuery & { readonly windowText: string }): string {
  const [plural] = Object.entries(SUBJECTS).filter(([word, subject]) => subject === by && word.endsWith("s"))
  const filter = `${from ? `, from ${from}` : ""}${to ? `, to ${to}` : ""}`
  return `${new Date(io.nowMs()).toISOString().slice(11, 19)}  ${plural?.[0]}${filter}, last ${windowText}`
}

function bodyText(stats: Stats, empty: string | undefined, paint: Paint, widthMax = Number.POSITIVE_INFINITY): string {
  if (empty) return `${empty}\n`
  return statsText({ by: stats.by, rows: stats.rows.filter(({ requests }) => requests > 0) }, paint, widthMax)
}
