/** `weft token revoke`. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { plain } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const client = clientFor(call)
  const revoked = await client.revokeToken(call.args[0]!)
  if (failed(revoked)) return report(call.io, revoked)
  call.io.out.write(`token ${plain(call.args[0]!)} is revoked\n`)
  return EXIT.ok
}
