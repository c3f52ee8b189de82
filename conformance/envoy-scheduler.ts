/** Properties of Envoy's weighted scheduler, asked of the balancer that goes round in turn. Expired entries are no candidates. */
import { balancerOf } from "#shared/balancing/balancer.ts"

export interface SchedulerCase {
  readonly test: string
  readonly entries?: readonly { readonly id: number; readonly weight: number; readonly expired?: boolean }[] | string
  readonly weights?: readonly number[]
  readonly picks?: number
  readonly prePicks?: number
  readonly iterations?: number
  readonly expect:
    | string
    | {
        readonly pick?: number | null
        readonly peek?: number | null
        readonly shares?: readonly number[]
        readonly tolerancePercentPoints?: number
      }
}

/** So many schedulers are enough where their beginnings are spread evenly instead of thrown. */
const ITERATIONS_MAX = 25_600

export function schedulerSkip({ test }: SchedulerCase): string | undefined {
  return /Peekahead|PeekedIsNotPicked/.test(test)
    ? "a balancer cannot be peeked into: it is told at each pick who may be picked"
    : undefined
}

export function schedulerFaults(one: SchedulerCase): string[] {
  if (one.weights) return shareFaults(one, one.weights)
  if (Array.isArray(one.entries)) return pickFaults(one, one.entries)
  const count = Number(/^(\d+) entries/.exec(String(one.entries))?.[1] ?? Number.NaN)
  if (one.test === "Unweighted") return orderFaults(count, one.picks ?? 0)
  if (one.test === "Weighted") return cycleFaults(count)
  return [`nobody here knows the test ${one.test}`]
}

function schedulerOf(weights: readonly number[]) {
  const members = weights.map((weight, index) => ({ id: String(index), weight }))
  const balancer = balancerOf("round-robin", members)
  const all = members.map((_, index) => index)
  return (dice: number, candidates: readonly number[] = all) => balancer.pick(candidates, null, 0, dice)
}

function pickFaults(
  { expect, prePicks = 0 }: SchedulerCase,
  entries: Exclude<SchedulerCase["entries"], string | undefined>,
): string[] {
  const pick = schedulerOf(entries.map(({ weight }) => weight))
  const candidates = entries.flatMap(({ expired }, index) => (expired ? [] : [index]))
  for (let before = 0; before < prePicks; before++) pick(0, candidates)
  const picked = pick(0, candidates)
  const found = picked === undefined ? null : entries[picked]!.id
  const wanted = typeof expect === "string" ? undefined : (expect.pick ?? expect.peek ?? null)
  return found === wanted ? [] : [`${found} instead of ${wanted}`]
}

function orderFaults(count: number, picks: number): string[] {
  const pick = schedulerOf(Array.from({ length: count }, () => 1))
  for (let index = 0; index < picks; index++) {
    const picked = pick(0)
    if (picked !== index % count) return [`pick ${index} is ${picked} instead of ${index % count}`]
  }
  return []
}

function cycleFaults(count: number): string[] {
  const weights = Array.from({ length: count }, (_, index) => index + 1)
  const pick = schedulerOf(weights)
  const counts = weights.map(() => 0)
  for (let left = weights.reduce((sum, weight) => sum + weight, 0); left > 0; left--) {
    const picked = pick(0)!
    counts[picked] = counts[picked]! + 1
  }
  const wrong = counts.findIndex((found, index) => found !== index + 1)
  return wrong < 0 ? [] : [`entry ${wrong} was picked ${counts[wrong]} times instead of ${wrong + 1}`]
}

function shareFaults({ iterations = ITERATIONS_MAX, expect }: SchedulerCase, weights: readonly number[]): string[] {
  if (typeof expect === "string") return ["nobody here can judge the shares"]
  const rounds = Math.min(iterations, ITERATIONS_MAX)
  const counts = weights.map(() => 0)
  for (let round = 0; round < rounds; round++) {
    const picked = schedulerOf(weights)(round / rounds)!
    counts[picked] = counts[picked]! + 1
  }
  return (expect.shares ?? []).flatMap((share, index) => {
    const found = (100 * counts[index]!) / rounds
    return Math.abs(found - share) <= (expect.tolerancePercentPoints ?? 0)
      ? []
      : [`entry ${index} has ${found} % instead of ${share} %`]
  })
}
