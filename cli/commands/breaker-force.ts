/** `weft breaker open` and `weft breaker close`: a person decides for a while. */
import { breakerText } from "#cli/breaker-text.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { painter, plain, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"

const FOR_MS = 10 * 60 * 1000

export const open = (call: Call): Promise<ExitCode> => force(call, "open")
export const close = (call: Call): Promise<ExitCode> => force(call, "closed")

async function force(call: Call, phase: "open" | "closed"): Promise<ExitCode> {
  const { io, options } = call
  const [service = "", subset] = call.args[0]!.split("/")
  const forced = await clientFor(call).forceBreaker({
    namespace: options.namespace ?? "default",
    service,
    ...(subset !== undefined && { subset }),
    phase,
    forSeconds: Math.ceil((options.for ?? FOR_MS) / 1000),
  })
  if (failed(forced)) return report(io, forced)
  const paint = painter(io, io.out)
  await print(io, call.format, forced, () => `${plain(forced.cluster)}  ${breakerText(forced, io.nowMs(), paint)}\n`)
  return EXIT.ok
}
