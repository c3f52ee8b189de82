/**
 * Stage `select`: which of a cluster's members takes a request. All ways of choosing have this one interface. Members are
 * known by their place in the cluster's list; who may be chosen at all (not ejected, not tried before) is said by the caller.
 */
import type { BalancerPolicy } from "#shared/model/upstream-policy.ts"
import { hash } from "./hash.ts"
import { leastRequest } from "./least-request.ts"
import { peakEwma } from "./peak-ewma.ts"
import { random } from "./random.ts"
import { roundRobin } from "./round-robin.ts"

export interface Member {
  /** The same in every isolate and every snapshot. */
  readonly id: string
  /** A member of weight 0 is chosen only when all candidates have it. */
  readonly weight: number
}

export interface Balancer {
  /** Whether the choice depends on the requests under way, which are told by `begin` and `end`. */
  readonly isCounting: boolean
  /** One of the candidates, each a place in the list of members; undefined when there is none. */
  pick(candidates: readonly number[], key: string | null, nowMs: number, dice: number): number | undefined
  /** A request was sent to the member. */
  begin(member: number): void
  /** It came back. `penaltyMs` stands for a time that says nothing: a quick failure is no sign of speed. */
  end(member: number, durationMs: number, penaltyMs: number, nowMs: number): void
}

export function balancerOf(kind: BalancerPolicy["kind"], members: readonly Member[]): Balancer {
  switch (kind) {
    case "random":
      return random(members)
    case "round-robin":
      return roundRobin(members)
    case "least-request":
      return leastRequest(members)
    case "peak-ewma":
      return peakEwma(members)
    case "hash":
      return hash(members)
  }
}
