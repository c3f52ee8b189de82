/** How documents say who has to prove who they are. */
import type { TargetDocument } from "./target-document.ts"

/** Without `services`, `gateways` and `mesh`: it covers every service of its namespace. */
export interface AuthenticationDocument extends TargetDocument {
  /** Refuse requests of nobody in particular. Default true. */
  required?: boolean
}
