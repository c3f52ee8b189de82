/** The second step of a change that takes much away: a person says yes, or has said --confirm. */
import type { Applied, Removal } from "#shared/protocol/control-api.ts"
import { type Call, type Failure, failed } from "./command.ts"
import { painter, plain } from "./output.ts"

const YES = /^\s*y(es)?\s*$/i

/** Sends a change, and sends it again with the word for it when it is confirmed. */
export async function confirming(
  { io, options }: Call,
  send: (word?: string) => Promise<Applied | Failure>,
): Promise<Applied | Failure> {
  const first = await send()
  if (!failed(first) || !first.confirm) return first
  const { word, removals } = first.confirm
  const paint = painter(io, io.err)
  io.err.write(removals.map((removal) => paint("red", `${removalText(removal)}\n`)).join(""))
  if (options.confirm) return send(word)
  const answer = await io.ask(removals.length === 0 ? "Nothing would be left. Go on? [y/N] " : "Go on? [y/N] ")
  if (answer === undefined) return first
  return YES.test(answer) ? send(word) : { exit: first.exit, message: "not confirmed" }
}

/** `- 4 of 5 of the kind Route: default/a, default/b, ...`. */
function removalText({ kind, removed, of, names }: Removal): string {
  const more = names.length < removed ? `, and ${removed - names.length} more` : ""
  return `- ${removed} of ${of} of the kind ${plain(kind)}: ${names.map(plain).join(", ")}${more}`
}
