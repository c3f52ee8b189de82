/** `weft delete`: one resource less, as a new revision. */
import { finish } from "#cli/changes.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, type ExitCode, failed } from "#cli/command.ts"
import { confirming } from "#cli/confirm.ts"
import { kindOf, nameOf } from "#cli/kinds.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const [kind, typed] = call.args
  const { namespace, name } = nameOf(typed!, call.options.namespace)
  const client = clientFor(call)
  const applied = await confirming(call, (word) => client.remove(kindOf(kind!), namespace, name, word))
  if (failed(applied)) return report(call.io, applied)
  return finish(call, client, applied, "applied")
}
