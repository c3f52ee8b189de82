/** `weft key list`. Keys are never listed: control keeps only their hashes. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { age, expiry, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const list = await clientFor(call).keys()
  if (failed(list)) return report(io, list)
  const nowMs = io.nowMs()
  await print(io, call.format, list, () =>
    table(
      ["ID", "OWNER", "SCOPES", "AGE", "EXPIRES", "LAST USED"],
      list.keys.map((key) => [
        plain(key.id),
        plain(key.owner),
        key.scopes.map(plain).join(" "),
        age(key.createdAtMs, nowMs),
        expiry(key.expiresAtMs, nowMs),
        key.lastUsedAtMs === undefined ? "never" : `${age(key.lastUsedAtMs, nowMs)} ago`,
      ]),
    ),
  )
  return EXIT.ok
}
