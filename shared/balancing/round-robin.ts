/**
 * Smooth weighted round robin: in turn, a member of weight 3 three times as often as one of weight 1, and its turns spread out.
 * Every member gains its weight at each pick; the richest is picked and pays the sum of the weights.
 */
import type { Balancer, Member } from "./balancer.ts"
import { weightOf } from "./weighted.ts"

/** How far into the cycle an isolate may begin, so that isolates that start together do not go round in step. */
const HEAD_START_MAX = 256

export function roundRobin(members: readonly Member[]): Balancer {
  const credit = members.map(() => 0)
  let hasBegun = false

  function turn(candidates: readonly number[]): number | undefined {
    const even = candidates.every((candidate) => weightOf(members, candidate) === 0) ? 1 : 0
    let total = 0
    let richest: number | undefined
    for (const candidate of candidates) {
      const weight = weightOf(members, candidate) + even
      if (weight === 0) continue
      total += weight
      credit[candidate] = credit[candidate]! + weight
      if (richest === undefined || credit[candidate]! > credit[richest]!) richest = candidate
    }
    if (richest !== undefined) credit[richest] = credit[richest]! - total
    return richest
  }

  return {
    isCounting: false,
    pick(candidates, _key, _nowMs, dice) {
      if (!hasBegun) {
        hasBegun = true
        for (let ahead = Math.floor(dice * HEAD_START_MAX); ahead > 0; ahead--) turn(candidates)
      }
      return turn(candidates)
    },
    begin() {},
    end() {},
  }
}
