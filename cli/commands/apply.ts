/** `weft apply`: documents in, a new revision out. */
import { blastText } from "#cli/blast-text.ts"
import { changeCounts, changeLines, finish, noteLines } from "#cli/changes.ts"
import { type Client, clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { confirming } from "#cli/confirm.ts"
import { type Loaded, loadDocuments } from "#cli/documents.ts"
import { painter, print } from "#cli/output.ts"
import { during } from "#cli/progress.ts"
import { findingLines, report } from "#cli/report.ts"
import { guardOf } from "#cli/rollout.ts"

const NOTHING = "nothing was applied"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  if (!options.file) return report(io, { exit: EXIT.usage, message: "apply what?", hint: "weft apply -f mesh.yaml" })
  const loaded = await loadDocuments(io, options.file)
  if (loaded.problems.length > 0)
    return report(io, { exit: EXIT.problems, message: "unreadable", problems: loaded.problems }, NOTHING)
  const client = clientFor(call)
  if (options.preview) return previewed(call, client, loaded)
  if (options.dryRun) return preview(call, client, loaded)

  const guard = guardOf(options)
  if (guard && failed(guard)) return report(io, guard, NOTHING)
  const request = { documents: loaded.documents, ...optional(options), ...(guard && { guard }) }
  const applied = await confirming(call, (word) => during(io, "applying", client.apply(request, word)))
  if (failed(applied)) return report(io, { ...applied, problems: loaded.place(applied.problems ?? []) }, NOTHING)
  return finish(call, client, applied, "applied", loaded.place)
}

async function preview(call: Call, client: Client, loaded: Loaded): Promise<ExitCode> {
  const { io, options } = call
  const answer = await client.plan({ documents: loaded.documents, ...optional(options) })
  if (failed(answer)) return report(io, { ...answer, problems: loaded.place(answer.problems ?? []) }, NOTHING)
  const plan = { ...answer, ...(answer.findings && { findings: loaded.place(answer.findings) }) }
  const paint = painter(io, io.out)
  await print(io, call.format, plan, () => {
    const end = `dry run against revision ${plan.head}: ${changeCounts(plan.changes)}; ${NOTHING}\n`
    return (
      changeLines(plan.changes, paint) +
      noteLines(plan.notes ?? [], paint) +
      findingLines(plan.findings ?? [], paint) +
      end
    )
  })
  return EXIT.ok
}

async function previewed(call: Call, client: Client, loaded: Loaded): Promise<ExitCode> {
  const { io, options } = call
  const answer = await during(
    io,
    "replaying requests",
    client.preview({ documents: loaded.documents, ...optional(options) }),
  )
  if (failed(answer)) return report(io, { ...answer, problems: loaded.place(answer.problems ?? []) }, NOTHING)
  const found = { ...answer, ...(answer.findings && { findings: loaded.place(answer.findings) }) }
  const paint = painter(io, io.out)
  await print(
    io,
    call.format,
    found,
    () =>
      changeLines(found.changes, paint) +
      findingLines(found.findings ?? [], paint) +
      blastText(found, io.nowMs(), paint),
  )
  return EXIT.ok
}

function optional(options: Call["options"]): { prune?: true; message?: string } {
  return { ...(options.prune ? { prune: true } : {}), ...(options.message ? { message: options.message } : {}) }
}
