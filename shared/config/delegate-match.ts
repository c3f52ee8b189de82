/** One match of a delegating rule and one of a delegated rule as one: both must hold. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Match, PathMatch, ValueMatch } from "#shared/model/route.ts"
import { isCatchAll } from "#shared/routing/path-match.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { contains, parseNetwork } from "#shared/std/ip.ts"
import { type Complaint, complain, didYouMean, quote } from "./complaint.ts"
import { beginsUnder } from "./lint/cover.ts"

/** `parent` is the delegating rule, for words. A complaint when no request could meet both. */
export function joinMatches(outer: Match, inner: Match, parent: string): Match | Complaint {
  const path = joinPaths(outer.path, inner.path, parent)
  if (path !== undefined && "rule" in path) return path
  const contradiction = contradictionOf({ ...outer, ...(path && { path }) }, inner)
  if (contradiction !== undefined) {
    const message = `No request meets this and what ${parent} delegates: ${contradiction}`
    return complain("delegation-contradiction", message, "leave out what the delegating rule asks for already")
  }
  const from = outer.from && inner.from ? outer.from.filter((caller) => inner.from?.includes(caller)) : undefined
  const percent = Math.min(outer.percent ?? 100, inner.percent ?? 100)
  const joined: Match = {
    ...outer,
    ...inner,
    ...(path && { path }),
    headers: joinValues(outer.headers, inner.headers),
    query: joinValues(outer.query, inner.query),
    cookies: joinValues(outer.cookies, inner.cookies),
    ...((outer.claims ?? inner.claims) && { claims: joinValues(outer.claims ?? [], inner.claims ?? []) }),
    ...(from && { from }),
    ...((outer.addresses ?? inner.addresses) && { addresses: joinAddresses(outer.addresses, inner.addresses) }),
    ...joinTimes(outer, inner),
    // All percentages of one request are judged by one throw of the dice.
    ...((outer.percent ?? inner.percent) !== undefined && { percent }),
  }
  const most = Math.max(
    ...[joined.headers, joined.query, joined.cookies, joined.claims ?? []].map((values) => values.length),
  )
  if (most <= LIMITS.valueMatchesMax) return joined
  return complain(
    "too-many",
    `Together with ${parent} there are ${most} conditions; at most ${LIMITS.valueMatchesMax} are allowed`,
  )
}

/** The narrower of both: a prefix, and what lies below it. */
function joinPaths(
  outer: PathMatch | undefined,
  inner: PathMatch | undefined,
  parent: string,
): PathMatch | Complaint | undefined {
  if (outer === undefined || isCatchAll(outer)) return inner
  if (inner === undefined || isCatchAll(inner)) return outer
  if (outer.kind !== "prefix" || beginsUnder(inner, outer.value)) return inner
  const message = `${quote(inner.value)} does not lie below ${quote(outer.value)}, which is what ${parent} delegates`
  const hint = inner.kind === "regex" ? "begin it with that path, in plain text" : didYouMean(outer.value + inner.value)
  return complain("outside-delegation", message, hint)
}

function contradictionOf(outer: Match, inner: Match): string | undefined {
  if (outer.method !== undefined && inner.method !== undefined && outer.method !== inner.method)
    return `the method cannot be both ${outer.method} and ${inner.method}`
  if (outer.rpc !== undefined && inner.rpc !== undefined && outer.rpc !== inner.rpc)
    return `the RPC method cannot be both ${quote(outer.rpc)} and ${quote(inner.rpc)}`
  if (outer.from && inner.from && !outer.from.some((caller) => inner.from?.includes(caller)))
    return `it cannot come from ${outer.from.join(" or ")} and from ${inner.from.join(" or ")}`
  if (outer.addresses && inner.addresses && joinAddresses(outer.addresses, inner.addresses).length === 0)
    return `no address is both in ${outer.addresses.join(" or ")} and in ${inner.addresses.join(" or ")}`
  const { afterMs = -Infinity, beforeMs = Infinity } = joinTimes(outer, inner)
  if (afterMs >= beforeMs) return "their times have no moment in common"
  const rpc = outer.rpc ?? inner.rpc
  const overHttp = [outer, inner].some(
    ({ path, method, query }) => (path && !isCatchAll(path)) || method !== undefined || query.length > 0,
  )
  return rpc !== undefined && overHttp ? "an RPC call has no path, no method and no query" : undefined
}

/** Of two networks, one holds the other, or they have nothing in common. */
function joinAddresses(outer: readonly string[] | undefined, inner: readonly string[] | undefined): string[] {
  if (!outer || !inner) return [...(outer ?? inner ?? [])]
  const holds = (wide: string, narrow: string) => {
    const [one, other] = [parseNetwork(wide), parseNetwork(narrow)]
    return (
      one !== undefined && other !== undefined && other.prefixBits >= one.prefixBits && contains(one, other.address)
    )
  }
  const inBoth = [
    ...inner.filter((one) => outer.some((wide) => holds(wide, one))),
    ...outer.filter((one) => inner.some((wide) => holds(wide, one))),
  ]
  return [...new Set(inBoth)].sort()
}

function joinTimes(outer: Match, inner: Match): Pick<Match, "afterMs" | "beforeMs"> {
  const after = [outer.afterMs, inner.afterMs].filter((ms) => ms !== undefined)
  const before = [outer.beforeMs, inner.beforeMs].filter((ms) => ms !== undefined)
  return {
    ...(after.length > 0 && { afterMs: Math.max(...after) }),
    ...(before.length > 0 && { beforeMs: Math.min(...before) }),
  }
}

function joinValues(outer: readonly ValueMatch[], inner: readonly ValueMatch[]): ValueMatch[] {
  const known = new Set(outer.map(canonicalJson))
  return [...outer, ...inner.filter((value) => !known.has(canonicalJson(value)))]
}
