/** `weft rollback`: an old revision's content as the newest revision. */
import { finish } from "#cli/changes.ts"
import { type Client, clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { confirming } from "#cli/confirm.ts"
import { report } from "#cli/report.ts"
import type { Applied, RollbackRequest } from "#shared/protocol/control-api.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const [wanted] = call.args
  if (wanted !== undefined && !/^\d{1,9}$/.test(wanted)) {
    const message = `"${wanted}" is not a revision's number`
    return report(io, { exit: EXIT.usage, message, hint: "`weft history` lists them" })
  }
  const client = clientFor(call)
  const to: RollbackRequest["to"] = wanted === undefined ? "previous" : Number(wanted)
  if (options.now) return breakGlass(call, client, to)
  const newest = await client.revisions({ limit: 1 })
  if (failed(newest)) return report(io, newest)
  const [head] = newest.revisions
  if (!head) {
    const message = "the mesh has no revision yet; there is nothing to go back from"
    return report(io, { exit: EXIT.problems, message })
  }
  const body = { to, ...(options.message ? { message: options.message } : {}) }
  // The head is named in the write, so that a revision that came between the look and the write is not undone unseen.
  const applied = await confirming(call, (word) => client.rollback(body, head.revision, word))
  if (failed(applied)) return report(io, applied)
  return finish(call, client, applied, verbOf(applied, to))
}

/** One request, whatever the head is by now and whatever goes: what the how-to does by curl. */
async function breakGlass(call: Call, client: Client, to: RollbackRequest["to"]): Promise<ExitCode> {
  const applied = await client.rollback({ to, force: true, message: call.options.message ?? "break glass" }, undefined)
  if (failed(applied)) return report(call.io, applied)
  return finish(call, client, applied, verbOf(applied, to))
}

function verbOf({ rollbackOf }: Applied, to: RollbackRequest["to"]): string {
  return `restores revision ${rollbackOf ?? to}`
}
