/** `weft rollback`: an old revision's content as the newest revision. */
import { finish } from "#cli/changes.ts"
import { type Client, clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { report } from "#cli/report.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const client = clientFor(call)
  const target = await targetOf(call, client)
  if (failed(target)) return report(io, target)
  const body = { to: target.to, ...(options.message ? { message: options.message } : {}) }
  const applied = await client.rollback(body, target.head)
  if (failed(applied)) return report(io, applied)
  return finish(call, client, applied, `restores revision ${target.to}`)
}

/** The head is named in the write, so that a revision that came between the look and the write is not undone unseen. */
async function targetOf(call: Call, client: Client): Promise<{ to: number; head: number } | Failure> {
  const [wanted] = call.args
  if (wanted !== undefined && !/^\d{1,9}$/.test(wanted))
    return { exit: EXIT.usage, message: `"${wanted}" is not a revision's number`, hint: "`weft history` lists them" }
  const newest = await client.revisions({ limit: 2 })
  if (failed(newest)) return newest
  const [head, before] = newest.revisions
  if (!head) return { exit: EXIT.problems, message: "the mesh has no revision yet; there is nothing to go back from" }
  if (wanted !== undefined) return { to: Number(wanted), head: head.revision }
  if (!before) return { exit: EXIT.problems, message: `there is no revision before ${head.revision} to go back to` }
  return { to: before.revision, head: head.revision }
}
