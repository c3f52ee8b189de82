/** `weft token list`. Secrets are never listed: control keeps only their hashes. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { age, expiry, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const client = clientFor(call)
  const list = await client.tokens()
  if (failed(list)) return report(io, list)
  const nowMs = io.nowMs()
  await print(io, call.format, list, () =>
    table(
      ["NAME", "ROLE", "NAMESPACES", "AGE", "EXPIRES", "LAST USED"],
      list.tokens.map((token) => [
        plain(token.name),
        plain(token.role),
        token.namespaces?.map(plain).join(", ") ?? "all",
        age(token.createdAtMs, nowMs),
        expiry(token.expiresAtMs, nowMs),
        token.lastUsedAtMs === undefined ? "never" : `${age(token.lastUsedAtMs, nowMs)} ago`,
      ]),
    ),
  )
  return EXIT.ok
}
