/** From what somebody asks for to how a candidate goes out. */
import { DEFAULT_ROLLOUT, type GuardRequest, type RolloutPolicy } from "#shared/model/rollout.ts"

export function policyOf({ stages, holdSeconds, requests, patienceSeconds, tooFew }: GuardRequest): RolloutPolicy {
  const holdMs = holdSeconds === undefined ? DEFAULT_ROLLOUT.holdMs : holdSeconds * 1000
  const shares = stages && stages.length > 0 ? stages : DEFAULT_ROLLOUT.stages
  return {
    ...DEFAULT_ROLLOUT,
    stages: shares.at(-1) === 100 ? shares : [...shares, 100],
    holdMs,
    requestsMin: requests ?? DEFAULT_ROLLOUT.requestsMin,
    patienceMs: patienceSeconds === undefined ? holdMs * PATIENCE : patienceSeconds * 1000,
    tooFew: tooFew ?? DEFAULT_ROLLOUT.tooFew,
  }
}

const PATIENCE = 4

/** Whether stages are percentages that grow. */
export function areStages(stages: readonly number[]): boolean {
  return stages.every((share, place) => share > (stages[place - 1] ?? 0) && share <= 100)
}
