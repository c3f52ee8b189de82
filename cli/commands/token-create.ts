/** `weft token create`: `export WEFT_TOKEN=$(weft token create ci --role operator)`. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { plain, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, args, options } = call
  const client = clientFor(call)
  const expiry = options.expires === undefined ? {} : { expiresInSeconds: Math.ceil(options.expires / 1000) }
  const created = await client.createToken({ name: args[0]!, role: options.role ?? "viewer", ...expiry })
  if (failed(created)) return report(io, created, "no token was made")
  await print(io, call.format, created, () => `${created.token}\n`)
  io.err.write(`token ${plain(created.name)} (${plain(created.role)}); it is shown only now\n`)
  return EXIT.ok
}
