/** `weft alerts`: what is promised, and how well it is kept. */
import { alertsText } from "#cli/alerts-text.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { painter, plain, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const list = await clientFor(call).alerts()
  if (failed(list)) return report(io, list)
  if (list.missing.length > 0) {
    const names = list.missing.map(plain).join(", ")
    io.err.write(`warning: telemetry of ${names} is behind; what it counted is missing here until it answers\n`)
  }
  const paint = painter(io, io.out)
  await print(io, call.format, list, () => alertsText(list, io.nowMs(), paint))
  return EXIT.ok
}
