/** `weft key revoke`. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const revoked = await clientFor(call).revokeKey(call.args[0]!)
  if (failed(revoked)) return report(call.io, revoked)
  call.io.out.write(`key ${call.args[0]} is revoked\n`)
  return EXIT.ok
}
