/** Throws of the dice among weighted members. */
import type { Member } from "./balancer.ts"

/** One of the candidates with a chance in proportion to its weight; all alike when every weight is 0. */
export function throwAmong(
  members: readonly Member[],
  candidates: readonly number[],
  dice: number,
): number | undefined {
  let total = 0
  for (const candidate of candidates) total += weightOf(members, candidate)
  if (total === 0) return candidates[Math.floor(dice * candidates.length)]
  let point = dice * total
  for (const candidate of candidates) {
    point -= weightOf(members, candidate)
    if (point < 0) return candidate
  }
  // Sums of fractions may miss the end by a hair.
  return candidates.findLast((candidate) => weightOf(members, candidate) > 0)
}

/**
 * Two of the candidates from one throw of the dice, for the power of two choices; the first one wins a tie. Of equal weights the two
 * differ; else each is drawn by weight, so that a light member is seldom drawn and a heavy one may meet itself.
 */
export function throwTwo(
  members: readonly Member[],
  candidates: readonly number[],
  dice: number,
): readonly [number, number] | undefined {
  const count = candidates.length
  if (count === 0) return undefined
  if (count === 1) return [candidates[0]!, candidates[0]!]
  if (isEven(members, candidates)) {
    const first = Math.floor(dice * count)
    const second = Math.floor(restOf(dice * count) * (count - 1))
    return [candidates[first]!, candidates[second < first ? second : second + 1]!]
  }
  // One throw has digits enough for two of them.
  const coarse = Math.floor(dice * SECOND_THROW) / SECOND_THROW
  const first = throwAmong(members, candidates, coarse)
  const second = throwAmong(members, candidates, restOf(dice * SECOND_THROW))
  return first === undefined || second === undefined ? undefined : [first, second]
}

const SECOND_THROW = 2 ** 24

export function weightOf(members: readonly Member[], member: number): number {
  return members[member]?.weight ?? 0
}

function isEven(members: readonly Member[], candidates: readonly number[]): boolean {
  const first = weightOf(members, candidates[0]!)
  return candidates.every((candidate) => weightOf(members, candidate) === first)
}

function restOf(value: number): number {
  return value - Math.floor(value)
}
