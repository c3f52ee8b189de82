/** `weft breaker list`: which services are given a rest, and why. */
import { breakerText } from "#cli/breaker-text.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { painter, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const list = await clientFor(call).breakers()
  if (failed(list)) return report(io, list)
  const paint = painter(io, io.out)
  await print(io, call.format, list, () =>
    list.breakers.length === 0
      ? "every breaker is closed\n"
      : table(
          ["SERVICE", "BREAKER"],
          list.breakers.map((breaker) => [plain(breaker.cluster), breakerText(breaker, io.nowMs(), paint)]),
        ),
  )
  return EXIT.ok
}
