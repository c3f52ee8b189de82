/** `weft edges`: who calls whom. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { type Column, grid } from "#cli/grid.ts"
import { type Paint, painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { statsQuery } from "#cli/stats-query.ts"
import { emptyText, latencyText, rateText, serviceText, successText, warnOfMissing } from "#cli/stats-text.ts"
import type { Stats } from "#shared/protocol/control-api.ts"

const HOUR_MS = 60 * 60 * 1000

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const query = statsQuery(call, "edges", HOUR_MS)
  if (failed(query)) return report(io, query)
  const stats = await clientFor(call).stats(query)
  if (failed(stats)) return report(io, stats)
  warnOfMissing(io, stats)
  const empty = emptyText(stats, query.windowText, query.from !== undefined || query.to !== undefined)
  await print(io, call.format, stats, () =>
    empty ? "" : edgesText(stats, painter(io, io.out), io.out.columns ?? Number.POSITIVE_INFINITY),
  )
  if (empty && call.format === "table") io.err.write(`${empty}\n`)
  return EXIT.ok
}

const COLUMNS: readonly Column[] = [
  { title: "FROM", shrinks: true },
  { title: "TO", shrinks: true },
  { title: "REQUESTS", align: "right" },
  { title: "SHARE", align: "right", leaveOut: 1 },
  { title: "RPS", align: "right", leaveOut: 2 },
  { title: "SUCCESS", align: "right" },
  { title: "P99", align: "right" },
]

/** Callers in the order of their names, each with whom it calls most first. The share is of all that the service was sent. */
function edgesText({ rows }: Stats, paint: Paint, widthMax: number): string {
  const sentTo = new Map<string, number>()
  for (const { to = "", requests } of rows) sentTo.set(to, (sentTo.get(to) ?? 0) + requests)
  const cells = rows
    .filter(({ requests }) => requests > 0)
    .sort((a, b) => serviceText(a.from).localeCompare(serviceText(b.from)) || b.requests - a.requests)
    .map(({ from, to = "", requests, perSecond, successRate = 0, latencyMs }) => [
      serviceText(from),
      serviceText(to),
      String(requests),
      `${Math.round((100 * requests) / sentTo.get(to)!)}%`,
      rateText(perSecond),
      successText(successRate, paint),
      latencyText(latencyMs?.p99 ?? 0),
    ])
  return grid(COLUMNS, cells, widthMax)
}
