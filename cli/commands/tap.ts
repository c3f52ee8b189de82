/** `weft tap`: exchanges as they happen, a line each. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { painter } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { tapLine } from "#cli/tap-text.ts"
import type { TapMessage } from "#shared/model/tap.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options, format } = call
  const [header, value] = splitHeader(options.header?.[0])
  const {
    from,
    to,
    route,
    method,
    path,
    status,
    slower,
    maxRps,
    for: forMs,
    count = Number.POSITIVE_INFINITY,
  } = options
  const query = {
    ...{ from, to, route, method, path, status, slower, header, value, rate: maxRps },
    seconds: forMs === undefined ? undefined : Math.ceil(forMs / 1000),
  }
  const paint = painter(io, io.out)
  let shown = 0
  let dropped = 0
  const show = (message: TapMessage): boolean => {
    if (message.kind === "end") return false
    for (const exchange of message.exchanges) {
      if (shown >= count) return false
      shown += 1
      const line = format === "json" ? JSON.stringify(exchange) : tapLine(exchange, paint)
      io.out.write(`${line}\n`)
    }
    dropped += message.dropped
    return shown < count
  }
  if (io.err.terminal) io.err.write("tapping; isolates hear of it within seconds, Ctrl-C ends it\n")
  const ended = await clientFor(call).tap(query, show, io.interrupted())
  if (failed(ended)) return report(io, ended)
  if (shown + dropped === 0 && format !== "json") io.err.write("nothing matched\n")
  if (dropped > 0) io.err.write(`${dropped} more matched and were left out: --max-rps, or a narrower filter\n`)
  return EXIT.ok
}

/** `name`, or `name: value` and `name=value`. */
function splitHeader(text: string | undefined): readonly [name: string | undefined, value?: string] {
  const [, name, value] = /^([^:=]+?)\s*(?:[:=]\s*(.*))?$/.exec(text ?? "") ?? []
  return value === undefined ? [name] : [name, value]
}
