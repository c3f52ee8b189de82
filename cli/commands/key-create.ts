/** `weft key create`: `weft key create acme --owner "Acme Inc." --scope orders:read > acme.key`. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { plain, print, remaining } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, args, options } = call
  const id = args[0]!
  const created = await clientFor(call).createKey({
    id,
    owner: options.owner ?? id,
    ...(options.scope && { scopes: options.scope }),
    ...(options.expires !== undefined && { expiresInSeconds: Math.ceil(Number(options.expires) / 1000) }),
  })
  if (failed(created)) return report(io, created, "no key was made")
  await print(io, call.format, created, () => `${created.key}\n`)
  const until = created.expiresAtMs === undefined ? "for ever" : `for ${remaining(created.expiresAtMs, io.nowMs())}`
  io.err.write(`key ${plain(created.id)} of ${plain(created.owner)}, good ${until}; it is shown only now\n`)
  return EXIT.ok
}
