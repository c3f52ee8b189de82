/** What an apply did or would do, as lines. */

import type { Finding } from "#shared/model/problem.ts"
import type { Applied, Change, Note } from "#shared/protocol/control-api.ts"
import type { Client } from "./client.ts"
import type { Call, ExitCode } from "./command.ts"
import { EXIT } from "./command.ts"
import { awaitConvergence } from "./convergence.ts"
import { type Paint, painter, plain, print } from "./output.ts"
import { findingLines } from "./report.ts"
import { awaitRollout } from "./rollout.ts"

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

const NOTED = { applied: "green", ignored: "dim", unsupported: "yellow", invalid: "red" } as const

/**
 * What became of objects in another system's language, a line a note:
 * `unsupported  HTTPRoute default/web spec.rules[0].filters[1]  UnsupportedValue: …`.
 */
export function noteLines(notes: readonly Note[], paint: Paint): string {
  return notes
    .map(({ kind, namespace, name, path, outcome, condition, reason, message }) => {
      const place = plain([`${kind} ${namespace}/${name}`, path].filter((part) => part !== "").join(" "))
      const why = reason === condition ? condition : `${condition} ${reason}`
      return `${paint(NOTED[outcome], outcome)}  ${place}  ${plain(why)}: ${plain(message)}\n`
    })
    .join("")
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
export async function finish(
  call: Call,
  client: Client,
  { findings: found, ...rest }: Applied,
  verb: string,
  place: (findings: readonly Finding[]) => readonly Finding[] = (findings) => findings,
): Promise<ExitCode> {
  const applied: Applied = { ...rest, ...(found && { findings: place(found) }) }
  const { io, format, options } = call
  const paint = painter(io, io.out)
  await print(io, format, applied, () => {
    const notes = noteLines(applied.notes ?? [], paint) + findingLines(applied.findings ?? [], paint)
    if (applied.changes.length === 0) return `${notes}nothing changed; head is revision ${applied.revision}\n`
    const head = paint("bold", `revision ${applied.revision}`)
    const guarded = applied.guarded ? "it goes out under guard; `weft rollout show` shows how it fares\n" : ""
    return `${changeLines(applied.changes, paint)}${notes}${head} ${verb}: ${changeCounts(applied.changes)}\n${guarded}`
  })
  if (options.wait && applied.guarded) return awaitRollout(call, client, applied.revision)
  return options.wait ? awaitConvergence(call, client, applied.revision) : EXIT.ok
}
