/** What an apply did or would do, as lines. */
import type { Applied, Change } from "#shared/protocol/control-api.ts"
import type { Client } from "./client.ts"
import type { Call, ExitCode } from "./command.ts"
import { EXIT } from "./command.ts"
import { awaitConvergence } from "./convergence.ts"
import { type Paint, painter, plain, print } from "./output.ts"

const SIGN = { add: "+", change: "~", remove: "-" } as const
const STYLE = { add: "green", change: "yellow", remove: "red" } as const

/** `~ Route default/shop`, a line a change. */
export function changeLines(changes: readonly Change[], paint: Paint): string {
  return changes.map((change) => `${changeTitle(change, paint)}\n`).join("")
}

export function changeTitle(change: Change, paint: Paint): string {
  const name = plain(`${change.kind} ${change.namespace}/${change.name}`)
  return paint(STYLE[change.action], `${SIGN[change.action]} ${name}`)
}

/** `1 added, 2 changed`; `no changes`. */
export function changeCounts(changes: readonly Change[]): string {
  const of = (action: Change["action"]) => changes.filter((change) => change.action === action).length
  const parts = [
    [of("add"), "added"],
    [of("change"), "changed"],
    [of("remove"), "removed"],
  ] as const
  return parts.some(([n]) => n > 0)
    ? parts
        .filter(([n]) => n > 0)
        .map(([n, word]) => `${n} ${word}`)
        .join(", ")
    : "no changes"
}

/** Prints a finished write and, with --wait, sees it through to the isolates. */
export async function finish(call: Call, client: Client, applied: Applied, verb: string): Promise<ExitCode> {
  const { io, format, options } = call
  const paint = painter(io, io.out)
  await print(io, format, applied, () => {
    if (applied.changes.length === 0) return `nothing changed; head is revision ${applied.revision}\n`
    const head = paint("bold", `revision ${applied.revision}`)
    return `${changeLines(applied.changes, paint)}${head} ${verb}: ${changeCounts(applied.changes)}\n`
  })
  return options.wait ? awaitConvergence(call, client, applied.revision) : EXIT.ok
}
