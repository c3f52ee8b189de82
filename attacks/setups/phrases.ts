/** Every phrase that setups may use. Of two that begin alike the longer one stands first. */
import type { Phrase } from "./grammar.ts"
import { POLICIES } from "./policies.ts"
import { REQUESTS } from "./requests.ts"
import { REWRITES } from "./rewrites.ts"
import { ROUTING } from "./routing.ts"
import { TOKENS } from "./tokens.ts"
import { TRAFFIC } from "./traffic.ts"
import { UPSTREAMS } from "./upstreams.ts"

export const PHRASES: readonly Phrase[] = [
  ...POLICIES,
  ...TOKENS,
  ...REWRITES,
  ...TRAFFIC,
  ...ROUTING,
  ...REQUESTS,
  ...UPSTREAMS,
]
