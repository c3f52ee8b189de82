/**
 * Peak EWMA with two choices, as Finagle and Linkerd: of two drawn by weight, the one from which an answer is expected sooner: its
 * moving average of round trips times the requests under way. A slower answer than expected counts at once and in full; a quicker
 * one slowly. The average fades while nothing is sent, so that an endpoint that was slow is tried again.
 */
import type { Balancer, Member } from "./balancer.ts"
import { throwTwo } from "./weighted.ts"

const DECAY_MS = 10_000
/** What is expected of an endpoint of which nothing is known. */
const DEFAULT_ROUND_TRIP_MS = 30

interface Average {
  readonly ms: number
  readonly atMs: number
  /** Nothing was measured yet. */
  readonly guessed: boolean
}

export function peakEwma(members: readonly Member[]): Balancer {
  const pending = members.map(() => 0)
  const averages: Average[] = []

  function averageOf(member: number, nowMs: number): Average {
    averages[member] ??= { ms: DEFAULT_ROUND_TRIP_MS, atMs: nowMs, guessed: true }
    return averages[member]
  }
  const costOf = (member: number, nowMs: number) => faded(averageOf(member, nowMs), nowMs) * (pending[member]! + 1)

  return {
    isCounting: true,
    pick(candidates, _key, nowMs, dice) {
      const two = throwTwo(members, candidates, dice)
      return two && (costOf(two[1], nowMs) < costOf(two[0], nowMs) ? two[1] : two[0])
    },
    begin(member) {
      pending[member] = pending[member]! + 1
    },
    end(member, durationMs, penaltyMs, nowMs) {
      pending[member] = pending[member]! - 1
      // An answer in no time at all would make every number of requests under way look alike.
      averages[member] = moved(averageOf(member, nowMs), Math.max(durationMs, penaltyMs, 1), nowMs)
    },
  }
}

/** The average as it is by now. A clock that stands still, or goes back, fades nothing. */
function faded({ ms, atMs }: Average, nowMs: number): number {
  return ms * Math.exp(-Math.max(0, nowMs - atMs) / DECAY_MS)
}

function moved(before: Average, sampleMs: number, nowMs: number): Average {
  if (before.guessed || sampleMs > faded(before, nowMs)) return { ms: sampleMs, atMs: nowMs, guessed: false }
  const share = 1 - Math.exp(-Math.max(0, nowMs - before.atMs) / DECAY_MS)
  const ms = before.ms * (1 - share) + sampleMs * share
  return { ms, atMs: Math.max(nowMs, before.atMs), guessed: false }
}
