/** `weft identity keys` and `weft identity rotate`: the keys that tell upstreams outside the mesh who calls. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { age, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { SigningKeyList } from "#shared/protocol/control-api.ts"

export const list = (call: Call): Promise<ExitCode> => show(call, clientFor(call).signingKeys())
export const rotate = (call: Call): Promise<ExitCode> => show(call, clientFor(call).rotateKeys(call.options.revoke))

async function show(call: Call, asked: Promise<SigningKeyList | Failure>): Promise<ExitCode> {
  const { io } = call
  const answer = await asked
  if (failed(answer)) return report(io, answer)
  await print(io, call.format, answer, () => {
    if (answer.keys.length === 0) return "there are no keys yet: the first token makes one\n"
    const rows = answer.keys.map(({ kid, phase, createdAtMs }) => [plain(kid), phase, age(createdAtMs, io.nowMs())])
    return table(["KEY", "PHASE", "AGE"], rows)
  })
  return EXIT.ok
}
