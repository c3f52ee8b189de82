/** `weft graph`: who calls whom, as a drawing. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { dot, graphOf, mermaid } from "#cli/graph-text.ts"
import { print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { statsQuery } from "#cli/stats-query.ts"
import { emptyText, warnOfMissing } from "#cli/stats-text.ts"

const HOUR_MS = 60 * 60 * 1000

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const query = statsQuery(call, "edges", HOUR_MS)
  if (failed(query)) return report(io, query)
  const client = clientFor(call)
  const [stats, known] = await Promise.all([client.stats(query), client.resources({ kind: "Service" })])
  if (failed(stats)) return report(io, stats)
  if (failed(known)) return report(io, known)
  warnOfMissing(io, stats)
  const services = known.resources.map(({ namespace, name }) => `${namespace}/${name}`)
  const isFiltered = query.from !== undefined || query.to !== undefined
  const graph = graphOf(stats.rows, isFiltered ? [] : services)
  const draw = options.format === "dot" ? dot : mermaid
  await print(io, call.format, { spanMs: stats.spanMs, ...graph, missing: stats.missing }, () => draw(graph))
  const empty = emptyText(stats, query.windowText, isFiltered)
  if (empty && call.format === "table") io.err.write(`${empty}\n`)
  return EXIT.ok
}
