/** Which rule takes which share of equal requests, where conditions on percentages decide. */
import type { MatchShare } from "#shared/protocol/explain.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { bucketOf, type Entry, IMPLICIT, match, type RouteTable } from "#shared/routing/table.ts"

/** More different percentages on one host than anybody reads. */
const EDGES_MAX = 100

/** In the order of the dice; a single share, of 1, where percentages do not matter. */
export function sharesOf(table: RouteTable, entry: Entry, head: RequestHead): MatchShare[] {
  const bucket = bucketOf(table, entry, head)
  if (bucket === undefined || bucket === IMPLICIT) return []
  const percents = new Set(bucket.candidates.map(({ matched }) => matched.match.percent ?? 100))
  const edges = [...percents.add(100)].filter((percent) => percent > 0).sort((a, b) => a - b)
  const shares: MatchShare[] = []
  let from = 0
  for (const edge of edges.slice(-EDGES_MAX)) {
    // Inside the interval: at its edges a percentage and its hundredth part may differ by a rounding.
    const dice = (from + edge) / 200
    const matched = match(table, entry, { ...head, dice })
    const rule = matched === undefined || matched === IMPLICIT ? undefined : matched.rule.id
    const last = shares.at(-1)
    const share = (edge - from) / 100
    if (last && last.rule === rule) shares[shares.length - 1] = { ...last, share: last.share + share }
    else shares.push({ share, dice, ...(rule !== undefined && { rule }) })
    from = edge
  }
  return shares
}

/** A throw into the largest share. */
export function likeliestDice(shares: readonly MatchShare[]): number {
  return (
    shares.reduce<MatchShare | undefined>((best, one) => (best && best.share >= one.share ? best : one), undefined)
      ?.dice ?? 0
  )
}
