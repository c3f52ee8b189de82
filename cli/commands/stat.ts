/** `weft stat`: how the mesh did lately, by service, subset, route or edge. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { statsQuery } from "#cli/stats-query.ts"
import { emptyText, statsText, warnOfMissing } from "#cli/stats-text.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const query = statsQuery(call, call.args[0] ?? "services", 60_000)
  if (failed(query)) return report(io, query)
  const stats = await clientFor(call).stats(query)
  if (failed(stats)) return report(io, stats)
  warnOfMissing(io, stats)
  const empty = emptyText(stats, query.windowText, query.from !== undefined || query.to !== undefined)
  await print(io, call.format, stats, () =>
    stats.rows.length === 0 ? "" : statsText(stats, painter(io, io.out), io.out.columns ?? Number.POSITIVE_INFINITY),
  )
  if (empty && call.format === "table") io.err.write(`${empty}\n`)
  return EXIT.ok
}
