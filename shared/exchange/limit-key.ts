/** What a rate limit reads of a request: whose bucket it takes from, and how much. */
import type { LimitKey, RateLimit } from "#shared/model/rate-limit.ts"
import { Reader, type RequestHead } from "#shared/routing/head.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { memberAt } from "#shared/std/member-path.ts"
import { networkOf } from "#shared/std/network.ts"

type Captures = Readonly<Record<string, string>> | undefined

/** What separates values: no header, cookie or canonical path holds it. */
const BETWEEN = "\u0000"

/** The values that make up the key of a request; "" for a limit without a key. */
export function limitKey({ key }: RateLimit, head: RequestHead, captures: Captures): string {
  if (key.length === 0) return ""
  // An absent value is told apart from an empty one.
  return key
    .map((part) => partOf(part, head, captures))
    .map((value) => (value === undefined || value === null ? "-" : `=${value}`))
    .join(BETWEEN)
}

/** Tokens that the request takes; more than the bucket holds is the whole bucket. */
export function limitCost({ cost, burst }: RateLimit, { headers, caller }: RequestHead): number {
  if (cost.kind === "fixed") return cost.tokens
  const written = caller !== undefined && cost.from.includes(caller) ? headers.get(cost.name) : null
  return written !== null && /^[0-9]{1,9}$/.test(written) ? Math.min(Number(written), burst) : cost.otherwise
}

function partOf(part: LimitKey, head: RequestHead, captures: Captures): string | null | undefined {
  switch (part.by) {
    case "caller":
      return head.caller
    case "ip":
      return networkAt(head)
    case "method":
      return head.method
    case "rpc":
      return head.rpc
    case "key":
      return head.principals?.key?.id
    case "claim":
      return claimText(memberAt(head.principals?.user?.claims, part.way))
    case "header":
      return head.headers.get(part.name)
    case "cookie":
      return new Reader(head).cookie(part.name)
    case "capture":
      return captures?.[part.name]
  }
}

/** A claim may hold any character, also what separates values: as JSON it does not. */
function claimText(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value)
}

/** A service may pass on what the edge said to it of the public. */
function networkAt({ address, caller, headers }: RequestHead): string | null {
  const told = address ?? (caller === undefined ? null : headers.get("cf-connecting-ip"))
  return told === null ? null : networkOf(told)
}
