/** `weft audit`: what was done in control, and what was refused. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { age, type Paint, painter, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { AuditEntry, AuditOutcome } from "#shared/protocol/audit.ts"

const LIMIT = 50
const LIMIT_MAX = 200
const COLORS = { done: "green", failed: "yellow", denied: "red", unknown: "cyan" } as const

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const { limit = LIMIT, since, before, who, operation, outcome } = options
  if (limit < 1 || limit > LIMIT_MAX)
    return report(io, { exit: EXIT.usage, message: `--limit is from 1 to ${LIMIT_MAX}, not ${limit}` })
  const list = await clientFor(call).audit({
    limit,
    ...(before !== undefined && { before }),
    ...(who !== undefined && { who }),
    ...(operation !== undefined && { operation }),
    ...(outcome !== undefined && { outcome }),
    ...(since !== undefined && { since: Math.max(0, io.nowMs() - since) }),
  })
  if (failed(list)) return report(io, list)
  const paint = painter(io, io.out)
  await print(io, call.format, list, () =>
    list.entries.length === 0
      ? ""
      : table(
          ["ID", "AGE", "WHO", "OUTCOME", "OPERATION", "TARGET", "REVISION", "ADDRESS"],
          list.entries.map((entry) => row(entry, io.nowMs(), paint)),
        ),
  )
  if (call.format === "table" && list.entries.length === 0) io.err.write("there is none\n")
  const last = list.entries.at(-1)
  if (call.format === "table" && last && list.entries.length === limit)
    io.err.write(`there may be more: weft audit --before ${last.id}\n`)
  return EXIT.ok
}

function row(entry: AuditEntry, nowMs: number, paint: Paint): string[] {
  const { id, atMs, lastAtMs, who, outcome, status, count, operation, target, revision, address } = entry
  const { onBehalfOf, reason, shown } = entry
  const times = count > 1 ? ` x${count}` : ""
  return [
    String(id),
    age(lastAtMs ?? atMs, nowMs),
    plain(onBehalfOf === undefined ? who : `${who} for ${onBehalfOf}`),
    paint(
      colorOf(outcome),
      plain([outcome, status, shown !== undefined && `${shown} shown`].filter((part) => part).join(" ") + times),
    ),
    plain(reason === undefined ? operation : `${operation} (${reason})`),
    plain(target ?? ""),
    revision === undefined ? "" : String(revision),
    plain(address),
  ]
}

/** A control that is newer may know other words. */
function colorOf(outcome: AuditOutcome) {
  return COLORS[outcome] ?? "cyan"
}
