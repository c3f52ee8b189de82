/**
 * A guarded apply as a machine of values. The candidate goes out in stages; each is watched for a while; what fares worse is undone.
 *
 *   stage 1 % ──held, and enough seen──► stage 100 % ──held, and enough seen──► promoted
 *      │  too little seen for long: on, too │             │
 *      ├──────── fares worse ───────────────┼─────────────┤
 *      ├──────── nothing can be seen ───────┼─────────────┼──► undone, with a reason
 *      └──────── an isolate refuses it ─────┴─────────────┤
 *                                      too little seen ───┘
 *
 * It always ends: no stage outlasts `stageMsMax`. What is not seen to work is not promoted.
 */
import type { Group, RolloutPhase, RolloutPolicy } from "#shared/model/rollout.ts"
import { judge, sumOf, worseText } from "./judge.ts"

export interface Rollout {
  readonly phase: Exclude<RolloutPhase, "superseded">
  /** The place of the stage in the policy. */
  readonly stage: number
  readonly startedAtMs: number
  readonly stageSinceMs: number
  /** Since when telemetry does not answer. */
  readonly blindSinceMs: number | undefined
  /** Requests by the candidate that this stage has seen, and how many of them were answered badly. */
  readonly seen: Seen
  /** Why it ended; "" while it runs. */
  readonly reason: string
}

export interface Seen {
  readonly requests: number
  readonly failed: number
}

/** What is seen of the candidate at one time; undefined: nothing can be seen. */
export type Look =
  | { readonly groups: readonly Group[] /** Why an isolate cannot serve it. */; readonly refused?: string }
  | undefined

const NOTHING: Seen = { requests: 0, failed: 0 }

export function begin(nowMs: number): Rollout {
  return {
    ...{ phase: "running", stage: 0, startedAtMs: nowMs, stageSinceMs: nowMs },
    ...{ blindSinceMs: undefined, seen: NOTHING, reason: "" },
  }
}

/** Percent of chains that go by the candidate. */
export function shareOf({ phase, stage }: Rollout, policy: RolloutPolicy): number {
  if (phase !== "running") return phase === "promoted" ? 100 : 0
  return policy.stages[stage] ?? 100
}

/** From when on answers are compared. At the last stage nothing goes by the stable revision: then what did before is what there is. */
export function comparedSinceMs(
  { stage, startedAtMs, stageSinceMs }: Rollout,
  policy: RolloutPolicy,
  baselineMs: number,
): number {
  return (policy.stages[stage] ?? 100) < 100 ? stageSinceMs : startedAtMs - baselineMs
}

/** How long a stage can take, looked at every `lookMs`. */
export function stageMsMax({ holdMs, patienceMs, blindMs }: RolloutPolicy, lookMs: number): number {
  return holdMs + patienceMs + blindMs + lookMs
}

export function step(rollout: Rollout, policy: RolloutPolicy, look: Look, nowMs: number): Rollout {
  if (rollout.phase !== "running") return rollout
  // A clock that went back begins the stage anew, and nothing else.
  const current = nowMs < rollout.stageSinceMs ? { ...rollout, stageSinceMs: nowMs } : rollout
  if (!look) return blind(current, policy, nowMs)
  if (look.refused !== undefined) return ended(current, "undone", `an isolate refuses it: ${look.refused}`)
  const { candidate } = sumOf(look.groups)
  const { requests, failed } = candidate
  const seeing = { ...current, blindSinceMs: undefined, seen: { requests, failed } }
  const worse = judge(look.groups)
  return worse ? ended(seeing, "undone", worseText(worse)) : onwards(seeing, policy, nowMs)
}

/** Somebody decides what the machine would have found out. */
export function ended(rollout: Rollout, phase: "promoted" | "undone", reason: string): Rollout {
  return rollout.phase === "running" ? { ...rollout, phase, reason } : rollout
}

function blind(rollout: Rollout, { blindMs }: RolloutPolicy, nowMs: number): Rollout {
  const known = rollout.blindSinceMs ?? nowMs
  const sinceMs = nowMs < known ? nowMs : known
  if (nowMs - sinceMs < blindMs) return { ...rollout, blindSinceMs: sinceMs }
  return ended(rollout, "undone", `telemetry has not answered for ${seconds(blindMs)}: nobody can tell how it fares`)
}

function onwards(rollout: Rollout, policy: RolloutPolicy, nowMs: number): Rollout {
  const elapsedMs = nowMs - rollout.stageSinceMs
  if (elapsedMs < policy.holdMs) return rollout
  const { requests, failed } = rollout.seen
  const isEnough = requests >= policy.requestsMin
  if (!isEnough && elapsedMs < policy.holdMs + policy.patienceMs) return rollout
  if (rollout.stage < policy.stages.length - 1) {
    return { ...rollout, stage: rollout.stage + 1, stageSinceMs: nowMs, seen: NOTHING }
  }
  if (isEnough) return ended(rollout, "promoted", `${requests} requests went by it, ${failed} failed`)
  const wanted = policy.requestsMin === 1 ? "1 request" : `${policy.requestsMin} requests`
  return ended(rollout, "undone", `${requests} of the ${wanted} that it takes were seen in ${seconds(elapsedMs)}`)
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
