/** What policies said of an exchange, where they said anything that is worth writing down. */
import type { Verdict } from "#shared/identity/access.ts"

export interface AccessNotes {
  /** The rules or policies that refused it. */
  readonly deniedBy: readonly string[]
  readonly audited: readonly string[]
  /** What dry runs would have decided otherwise. */
  readonly rehearsed: readonly Verdict[]
  /** Policies whose authorizer failed, and which let the request pass all the same. */
  readonly unasked: readonly string[]
}

const NOTHING: AccessNotes = { deniedBy: [], audited: [], rehearsed: [], unasked: [] }

/** An exchange is judged more than once: at its gateway, for each service that it is sent to, for each copy. */
export function noted(notes: AccessNotes = NOTHING, more: Partial<AccessNotes>): AccessNotes {
  const { deniedBy, audited, rehearsed, unasked } = notes
  return {
    deniedBy: [...deniedBy, ...(more.deniedBy ?? [])],
    audited: [...audited, ...(more.audited ?? [])],
    rehearsed: [...rehearsed, ...(more.rehearsed ?? [])],
    unasked: [...unasked, ...(more.unasked ?? [])],
  }
}
