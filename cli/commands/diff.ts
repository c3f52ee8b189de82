/** `weft diff`: what an apply would change, or what changed between two revisions; exits 1 when there is a difference. */
import { changeCounts, changeTitle } from "#cli/changes.ts"
import { type Client, clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { type DiffLine, diffLines, unified } from "#cli/difference.ts"
import { loadDocuments } from "#cli/documents.ts"
import { type Paint, painter, plain, print, yaml } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { Change, Plan } from "#shared/protocol/control-api.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const client = clientFor(call)
  const plan = await planOf(call, client)
  // 1 is taken: it says that there are differences.
  if (failed(plan)) return report(io, plan, "nothing was compared") === EXIT.problems ? EXIT.usage : plan.exit
  const paint = painter(io, io.out)
  const text = call.format === "table" ? await Promise.all(plan.changes.map((change) => changeText(change, paint))) : []
  await print(io, call.format, plan, () => text.join(""))
  if (call.format === "table") io.err.write(`${changeCounts(plan.changes)} against revision ${plan.head}\n`)
  return plan.changes.length === 0 ? EXIT.ok : EXIT.problems
}

async function planOf(call: Call, client: Client): Promise<Plan | Failure> {
  const { args, options } = call
  const revisions = args.filter((arg) => arg !== undefined).map(Number)
  if (options.file && revisions.length === 0) {
    const loaded = await loadDocuments(call.io, options.file)
    if (loaded.problems.length > 0) return { exit: EXIT.problems, message: "unreadable", problems: loaded.problems }
    const plan = await client.plan({ documents: loaded.documents, ...(options.prune ? { prune: true } : {}) })
    return failed(plan) ? { ...plan, problems: loaded.place(plan.problems ?? []) } : plan
  }
  const [from, to] = revisions
  if (
    !options.file &&
    from !== undefined &&
    to !== undefined &&
    revisions.every((n) => Number.isSafeInteger(n) && n >= 0)
  )
    return client.diff(from, to)
  return { exit: EXIT.usage, message: "diff what?", hint: "weft diff -f mesh.yaml, or two revisions: weft diff 11 12" }
}

async function changeText(change: Change, paint: Paint): Promise<string> {
  const [before, after] = await Promise.all([linesOf(change.before), linesOf(change.after)])
  const hunks = unified(diffLines(before, after)).map((hunk) => hunk.map((line) => lineText(line, paint)).join(""))
  return `${changeTitle(change, paint)}\n${hunks.join(paint("cyan", "  …\n"))}`
}

/** Keys sorted: a different order of keys is no difference. */
async function linesOf(spec: unknown): Promise<string[]> {
  if (spec === undefined) return []
  return (await yaml(spec, { sorted: true })).trimEnd().split("\n")
}

function lineText({ sign, text }: DiffLine, paint: Paint): string {
  const line = `  ${sign} ${plain(text)}`.trimEnd()
  return `${sign === "+" ? paint("green", line) : sign === "-" ? paint("red", line) : line}\n`
}
