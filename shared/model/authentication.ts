/** Who has to prove who they are, where, and how. */
import type { AuthenticationId } from "./names.ts"
import type { Target } from "./target.ts"

export interface Authentication {
  readonly id: AuthenticationId
  readonly target: Target
  /** Requests of nobody in particular are refused. */
  readonly required: boolean
}
