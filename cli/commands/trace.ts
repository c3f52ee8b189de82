/** `weft trace ID`: what the mesh decided at each hop of one request. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { traceText } from "#cli/trace-text.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, args } = call
  const id = traceIdOf(args[0] ?? "")
  if (id === undefined) {
    const hint = "it stands in the access log, in `weft tap`, and in a `traceparent` between the first two dashes"
    return report(io, { exit: EXIT.usage, message: "a trace's id is 32 hex digits", hint })
  }
  const trace = await clientFor(call).trace(id)
  if (failed(trace)) return report(io, trace)
  for (const shard of trace.missing) io.err.write(`warning: the telemetry of ${shard} does not answer\n`)
  await print(io, call.format, trace, () => traceText(trace, painter(io, io.out)))
  return EXIT.ok
}

/** The id itself, or a whole `traceparent`. */
function traceIdOf(text: string): string | undefined {
  const [, id] =
    /^(?:[0-9a-f]{2}-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2}.*)?$/.exec(text.trim().toLowerCase()) ?? []
  return id
}
