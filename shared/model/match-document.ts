/** Which requests a rule takes, as documents write it. */

/** A string is a prefix match: `path: /v2`. */
export type PathDocument = string | { exact: string } | { prefix: string } | { template: string } | { regex: string }

/** A string is an exact match: `x-canary: "always"`. Of `all` every one must hold. */
export type ValueDocument = SingleValueDocument | { all: SingleValueDocument[] }

export type SingleValueDocument =
  | string
  | { exact: string }
  | { prefix: string }
  | { suffix: string }
  | { contains: string }
  | { regex: string }
  | { present: boolean }
  | { not: SingleValueDocument }

export interface MatchDocument {
  path?: PathDocument
  method?: string
  headers?: { [name: string]: ValueDocument }
  query?: { [name: string]: ValueDocument }
  cookies?: { [name: string]: ValueDocument }
  /** Claims of the end user's token, by the way to them: `sub`, `realm_access.roles`. */
  claims?: { [way: string]: ValueDocument }
  /** Calling services. */
  from?: string | string[]
  /** Networks of the public client's address: `203.0.113.0/24`. */
  address?: string | string[]
  /** From this moment on: `2026-12-01T09:00:00Z`. */
  after?: string
  /** Until this moment. */
  before?: string
  /** RPC method or glob. */
  rpc?: string
  percent?: number
}
