/** The weighted choice among a rule's backends: share = weight / sum of weights (Gateway API). */
import type { Backend } from "#shared/model/route.ts"

/** For each list of backends, the sums of the weights up to and with each of them; computed when first asked for. */
const sums = new WeakMap<readonly Backend[], readonly number[]>()

/**
 * The backend for a throw of the dice in [0, 1): the same throw always gives the same backend. A weight of 0 takes
 * nothing; undefined when all are 0 or there is none. The throw must not be the one that `percent` conditions saw.
 */
export function split(backends: readonly Backend[], dice: number): Backend | undefined {
  const only = backends[0]
  if (backends.length === 1 && only) return only.weight > 0 ? only : undefined
  const upTo = sumsOf(backends)
  const point = dice * (upTo.at(-1) ?? 0)
  for (let index = 0; index < upTo.length; index++) {
    if (point < (upTo[index] ?? 0)) return backends[index]
  }
  return undefined
}

function sumsOf(backends: readonly Backend[]): readonly number[] {
  let upTo = sums.get(backends)
  if (!upTo) {
    let sum = 0
    upTo = backends.map((backend) => {
      sum += backend.weight
      return sum
    })
    sums.set(backends, upTo)
  }
  return upTo
}
