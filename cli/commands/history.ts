/** `weft history`: who changed what, when and why. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { age, painter, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { RevisionSummary } from "#shared/protocol/route-table.ts"

const LIMIT = 20
const LIMIT_MAX = 200

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const limit = options.limit ?? LIMIT
  if (limit < 1 || limit > LIMIT_MAX)
    return report(io, { exit: EXIT.usage, message: `--limit is from 1 to ${LIMIT_MAX}, not ${limit}` })
  const client = clientFor(call)
  const list = await client.revisions({ limit })
  if (failed(list)) return report(io, list)
  const paint = painter(io, io.out)
  await print(io, call.format, list, () => {
    if (list.revisions.length === 0) return "the mesh has no revision yet; `weft apply -f mesh.yaml` makes the first\n"
    return table(
      ["REVISION", "AGE", "AUTHOR", "CHANGES", "MESSAGE"],
      list.revisions.map((revision) => [
        paint("bold", String(revision.revision)),
        age(revision.atMs, io.nowMs()),
        plain(revision.author),
        counts(revision),
        messageOf(revision),
      ]),
    )
  })
  return EXIT.ok
}

function counts({ added, changed, removed }: RevisionSummary): string {
  return `+${added} ~${changed} -${removed}`
}

function messageOf({ message, rollbackOf, guard }: RevisionSummary): string {
  const origin = rollbackOf === undefined ? "" : `restores ${rollbackOf}`
  const guarded = guard === undefined ? "" : guard === "running" ? "under guard" : guard
  return [guarded, origin, plain(message)].filter((part) => part !== "").join(": ")
}
