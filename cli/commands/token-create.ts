/** `weft token create`: `export WEFT_TOKEN=$(weft token create ci --role operator)`. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { plain, print, remaining } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, args, options } = call
  const client = clientFor(call)
  const { expires, namespaces } = options
  const created = await client.createToken({
    name: args[0]!,
    role: options.role ?? "viewer",
    ...(namespaces && { namespaces: namespaces.flatMap((names) => names.split(",")) }),
    ...(expires !== undefined && { expiresInSeconds: expires === "never" ? expires : Math.ceil(expires / 1000) }),
  })
  if (failed(created)) return report(io, created, "no token was made")
  await print(io, call.format, created, () => `${created.token}\n`)
  const where = created.namespaces ? `, ${created.namespaces.map(plain).join(" and ")} only` : ""
  const until = created.expiresAtMs === undefined ? "for ever" : `for ${remaining(created.expiresAtMs, io.nowMs())}`
  io.err.write(`token ${plain(created.name)} (${plain(created.role)}${where}), good ${until}; it is shown only now\n`)
  return EXIT.ok
}
