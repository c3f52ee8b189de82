/** What an examination found. */
import type { Answer, Probe } from "./ask.ts"

/** `ok`: an assumption holds. `note`: worth knowing. `warning`: look at it. `failure`: an assumption does not hold. */
export type Level = "ok" | "note" | "warning" | "failure"

export interface Finding {
  readonly level: Level
  /** What was looked at: `path /a/../b`. */
  readonly of: string
  readonly found: string
  readonly hint?: string
}

/** One probe, and what its answer means. */
export interface Examination {
  readonly probe: Probe
  readonly judge: (answer: Answer) => Finding | readonly Finding[]
}

/** What was refused on the way is what the mesh would refuse, or never comes to it: either way it does no harm. */
export function unheard(of: string, answer: Answer): Finding | undefined {
  if ("error" in answer) return { level: "ok", of, found: `refused before the mesh: ${answer.error}` }
  if (answer.report) return undefined
  return answer.status >= 400
    ? { level: "ok", of, found: `refused before the mesh: ${answer.status}` }
    : { level: "warning", of, found: `answered by somebody else: ${answer.status}` }
}
