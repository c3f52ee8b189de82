/** Heads of requests that isolates keep a few of, scrubbed: what a preview replays through a table that is not served yet. */
import type { Header } from "./route.ts"

/** One request's head as the mesh got it, as far as it is kept. */
export interface SampledHead {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** How many requests it stands for. */
  readonly weight: number
  readonly method?: string
  /** With scheme, host and path; of the query only parameters that routes match by. What looks like an id or a secret has its shape left. */
  readonly url?: string
  /** Those that routes match by, and that are no credentials. */
  readonly headers?: readonly Header[]
  readonly gateway?: string
  /** The calling service, and whom its binding names. */
  readonly from?: string
  readonly to?: string
  readonly rpc?: string
  /** Who issued the end user's token. Whose it was is not kept. */
  readonly issuer?: string
}

/** How a request's fate would change, worst first: what is told of one is the first that holds. */
export const CHANGE_KINDS = ["refusal", "answer", "backend", "rewrite", "policy", "route"] as const
export type ChangeKind = (typeof CHANGE_KINDS)[number]
