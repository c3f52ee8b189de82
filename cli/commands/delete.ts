/** `weft delete`: one resource less, as a new revision. */
import { finish } from "#cli/changes.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { confirming } from "#cli/confirm.ts"
import { addressOf } from "#cli/kinds.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const asked = addressOf(call.args, call.options.namespace)
  if (failed(asked)) return report(call.io, asked)
  const { kind, namespace, name } = asked
  if (kind === undefined || namespace === undefined || name === undefined) {
    const message = kind === undefined ? "delete takes one resource, not all" : `which ${kind}?`
    return report(call.io, { exit: EXIT.usage, message, hint: `weft delete ${call.args[0] ?? "<kind>"}/<name>` })
  }
  const client = clientFor(call)
  const applied = await confirming(call, (word) => client.remove(kind, namespace, name, word))
  if (failed(applied)) return report(call.io, applied)
  return finish(call, client, applied, "applied")
}
