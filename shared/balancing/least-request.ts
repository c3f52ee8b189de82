/** The power of two choices: of two drawn by weight, the one with fewer requests under way for its weight. */
import type { Balancer, Member } from "./balancer.ts"
import { throwTwo } from "./weighted.ts"

export function leastRequest(members: readonly Member[]): Balancer {
  const pending = members.map(() => 0)
  const loadOf = (member: number) => pending[member]! / Math.max(members[member]!.weight, 1)
  return {
    isCounting: true,
    pick(candidates, _key, _nowMs, dice) {
      const two = throwTwo(members, candidates, dice)
      return two && (loadOf(two[1]) < loadOf(two[0]) ? two[1] : two[0])
    },
    begin(member) {
      pending[member] = pending[member]! + 1
    },
    end(member) {
      pending[member] = pending[member]! - 1
    },
  }
}
