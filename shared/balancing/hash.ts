/**
 * Rendezvous hashing: every member scores the key, and the best score takes it. The same key goes to the same member in every
 * isolate; when a member goes, only its keys move, and they spread over the others by weight. No ring to build or to keep.
 */
import { hash32, unitHash } from "#shared/std/hash.ts"
import type { Balancer, Member } from "./balancer.ts"
import { throwAmong } from "./weighted.ts"

export function hash(members: readonly Member[]): Balancer {
  const salts = members.map(({ id }) => hash32(id).toString(36))

  function scoreOf(member: number, key: string): number {
    const { weight } = members[member]!
    // Weighted rendezvous: the share of best scores is the share of the weight. The logarithm of 0 is kept away.
    return weight === 0 ? 0 : -weight / Math.log(Math.max(unitHash(`${salts[member]} ${key}`), Number.MIN_VALUE))
  }

  return {
    isCounting: false,
    pick(candidates, key, _nowMs, dice) {
      if (key === null) return throwAmong(members, candidates, dice)
      let best = candidates[0]
      let highest = best === undefined ? 0 : scoreOf(best, key)
      for (const candidate of candidates) {
        const score = scoreOf(candidate, key)
        if (score <= highest) continue
        best = candidate
        highest = score
      }
      return best
    },
    begin() {},
    end() {},
  }
}
