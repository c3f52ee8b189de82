/**
 * Whether requests by the candidate fare worse than those by the stable revision. Chains are divided by a hash, so that both sides are
 * samples of the same traffic: under a harmless change, of `n` bad answers each is the candidate's with the candidate's share `q` of
 * all requests. That at least `k` of them are has then a probability of at most exp(-n KL(k/n, q)) (Chernoff), and what is less
 * likely than `CHANCE` is no accident. A handful of errors is enough where the stable revision has none; where it has many, many are
 * needed.
 */
import { type Counts, type Group, SIGNALS, type Signal } from "#shared/model/rollout.ts"

/** One look compares some hundred pairs, and there are some hundred looks; they are far from independent. */
const CHANCE = 1e-6
const EVIDENCE = -Math.log(CHANCE)
/** Fewer bad answers prove nothing. */
const BAD_MIN = 3
/** It has to matter, too. */
const RATIO_MIN = 2
/** With fewer requests by the stable revision there is nothing to compare with: then what fails for the most part is bad by itself. */
const COMPARABLE_MIN = 20
const ALONE_MIN = 10
/** A request is slow that takes longer than this share of those by the stable revision, of which there have to be enough to say so. */
export const SLOW_SHARE = 0.95
export const TYPICAL_MIN = 50

export interface Worse {
  readonly signal: Signal
  /** Of which group; "" for all requests together. */
  readonly group: string
  readonly bad: number
  readonly requests: number
  readonly stableBad: number
  readonly stableRequests: number
}

/** What speaks against the candidate most clearly; undefined when nothing does. */
export function judge(groups: readonly Group[]): Worse | undefined {
  const all = sumOf(groups)
  const judged = groups.length === 1 ? groups : [all, ...groups]
  let worst: (Worse & { readonly evidence: number }) | undefined
  for (const group of judged) {
    for (const signal of SIGNALS) {
      // A change may have moved requests from one group to another: what a group answers badly is set against all requests of its side.
      const sides = signal === "slow" ? group : all
      const [requests, stableRequests] = [sides.candidate.requests, sides.stable.requests]
      const [bad, stableBad] = [group.candidate[signal], group.stable[signal]]
      const evidence = against(bad, requests, stableBad, stableRequests, signal)
      if (evidence < EVIDENCE || evidence <= (worst?.evidence ?? 0)) continue
      worst = { signal, group: group === all ? "" : group.id, bad, requests, stableBad, stableRequests, evidence }
    }
  }
  return worst
}

/**
 * Whether the stable revision fares as badly at the same time, so that the candidate is not to blame: of chains that were left to it
 * while all others went by the candidate. What is slow is measured by them, so that hardly any of them is: then hardly any of
 * the candidate's is slow either.
 */
export function isEverywhere({ signal, group: id }: Worse, beside: readonly Group[]): boolean {
  const all = sumOf(beside)
  const group = id === "" ? all : beside.find((one) => one.id === id)
  if (!group) return false
  const { candidate, stable } = signal === "slow" ? group : all
  if (candidate.requests === 0) return false
  const ratio = group.candidate[signal] / candidate.requests
  if (signal === "slow") return stable.requests >= TYPICAL_MIN && ratio < RATIO_MIN * (1 - SLOW_SHARE)
  if (stable.requests < COMPARABLE_MIN || group.stable[signal] < BAD_MIN) return false
  return ratio < (RATIO_MIN * group.stable[signal]) / stable.requests
}

/** In words, for history. */
export function worseText({ signal, group, bad, requests, stableBad, stableRequests }: Worse): string {
  const what = group === "" ? "" : ` at ${group}`
  const rest = stableRequests === 0 ? "" : `; ${share(stableBad, stableRequests)} of ${stableRequests} of the rest`
  return `${WORDS[signal]}${what}: ${share(bad, requests)} of ${requests} requests by it${rest}`
}

const WORDS: Readonly<Record<Signal, string>> = {
  failed: "more requests fail (5xx)",
  refused: "more requests are refused by the mesh",
  rejected: "more requests are answered with 4xx",
  slow: "more requests are slow",
}

/** The evidence against the candidate, by one signal: the logarithm of how unlikely it would be by chance, or 0. */
export function against(
  bad: number,
  requests: number,
  stableBad: number,
  stableRequests: number,
  signal: Signal,
): number {
  if (bad < BAD_MIN || requests === 0) return 0
  if (stableRequests < COMPARABLE_MIN) {
    const isBadAlone = (signal === "failed" || signal === "refused") && requests >= ALONE_MIN && bad * 2 >= requests
    return isBadAlone ? EVIDENCE : 0
  }
  if (bad / requests < (RATIO_MIN * stableBad) / stableRequests) return 0
  const total = bad + stableBad
  return total * divergence(bad / total, requests / (requests + stableRequests))
}

/** Kullback and Leibler's, of two coins: 0 where `observed` is not the larger one. */
function divergence(observed: number, expected: number): number {
  if (observed <= expected) return 0
  const rest = observed === 1 ? 0 : (1 - observed) * Math.log((1 - observed) / (1 - expected))
  return observed * Math.log(observed / expected) + rest
}

/** Of all groups together. */
export function sumOf(groups: readonly Group[]): Group {
  return {
    id: "",
    candidate: total(groups.map(({ candidate }) => candidate)),
    stable: total(groups.map(({ stable }) => stable)),
  }
}

function total(counts: readonly Counts[]): Counts {
  const of = (field: keyof Counts) => counts.reduce((sum, one) => sum + one[field], 0)
  return {
    requests: of("requests"),
    failed: of("failed"),
    refused: of("refused"),
    rejected: of("rejected"),
    slow: of("slow"),
  }
}

function share(part: number, whole: number): string {
  if (part === 0) return "none"
  const percent = (part * 100) / whole
  return `${percent >= 10 ? Math.round(percent) : percent.toPrecision(2)} %`
}
