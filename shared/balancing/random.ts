/** By chance, in proportion to the weights: keeps nothing, and is hard to beat while endpoints are alike. */
import type { Balancer, Member } from "./balancer.ts"
import { throwAmong } from "./weighted.ts"

export function random(members: readonly Member[]): Balancer {
  return {
    isCounting: false,
    pick: (candidates, _key, _nowMs, dice) => throwAmong(members, candidates, dice),
    begin() {},
    end() {},
  }
}

/** Where nothing is configured: an even chance for all, leaving out those that were tried before while there are others. */
export function pick<T>(endpoints: readonly T[], tried: readonly T[], dice: number): T | undefined {
  if (endpoints.length === 1) return endpoints[0]
  const fresh = tried.length === 0 ? endpoints : endpoints.filter((endpoint) => !tried.includes(endpoint))
  const candidates = fresh.length === 0 ? endpoints : fresh
  return candidates[Math.floor(dice * candidates.length)]
}
