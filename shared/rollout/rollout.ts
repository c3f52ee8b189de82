/**
 * A guarded apply as a machine of values. The candidate goes out in stages; each is watched for a while; what fares worse is undone.
 *
 *   stage 1 % ──held, and enough seen──► stage 100 % ──held, and enough seen──► promoted
 *      ├──────── fares worse ───────────────┼─────────────┤
 *      ├──────── nothing can be seen ───────┼─────────────┼──► undone, with a reason
 *      ├──────── an isolate refuses it ─────┼─────────────┤
 *      └──────── too little seen for long ──┴─────────────┘      (or on all the same, where that was asked for)
 *
 * It always ends: no stage outlasts `stageMsMax`. What is not seen to work is not promoted, unless that was asked for. The last stage
 * leaves a few chains to the stable revision: what befalls them as well, no change is to blame for.
 */
import type { Group, RolloutCause, RolloutPhase, RolloutPolicy } from "#shared/model/rollout.ts"
import { isEverywhere, judge, sumOf, worseText } from "./judge.ts"

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
  /** The same in a word; absent while it runs, and when it was ended by hand. */
  readonly cause?: RolloutCause
}

export interface Seen {
  readonly requests: number
  readonly failed: number
}

/** What is seen of the candidate at one time; undefined: nothing can be seen. */
export type Look =
  | {
      readonly groups: readonly Group[]
      /** Of this stage alone, where `groups` reach further back. */
      readonly beside?: readonly Group[]
      /** Why an isolate cannot serve it. */
      readonly refused?: string
    }
  | undefined

const NOTHING: Seen = { requests: 0, failed: 0 }

export function begin(nowMs: number): Rollout {
  return {
    ...{ phase: "running", stage: 0, startedAtMs: nowMs, stageSinceMs: nowMs },
    ...{ blindSinceMs: undefined, seen: NOTHING, reason: "" },
  }
}

/** Percent of chains that the last stage leaves to the stable revision. */
const LEFT_BESIDE = 5

/** Percent of chains that go by the candidate. */
export function shareOf({ phase, stage }: Pick<Rollout, "phase" | "stage">, policy: RolloutPolicy): number {
  if (phase !== "running") return phase === "promoted" ? 100 : 0
  const share = policy.stages[stage] ?? 100
  return share < 100 ? share : Math.max(100 - LEFT_BESIDE, policy.stages[stage - 1] ?? 0)
}

/**
 * From when on answers are compared. At the last stage hardly anything goes by the stable revision, too little to find small harm by: then
 * it is compared with what did before, and `besideSinceMs` is from when on it is seen what befalls both.
 */
export function comparedSinceMs(
  { stage, startedAtMs, stageSinceMs }: Rollout,
  policy: RolloutPolicy,
  baselineMs: number,
): { readonly sinceMs: number; readonly besideSinceMs?: number } {
  if ((policy.stages[stage] ?? 100) < 100) return { sinceMs: stageSinceMs }
  return { sinceMs: startedAtMs - baselineMs, besideSinceMs: stageSinceMs }
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
  if (look.refused !== undefined) {
    return ended(current, "undone", `an isolate refuses it: ${look.refused}`, "unservable")
  }
  const { requests, failed } = sumOf(look.beside ?? look.groups).candidate
  const seeing = { ...current, blindSinceMs: undefined, seen: { requests, failed } }
  const worse = judge(look.groups)
  if (!worse) return onwards(seeing, policy, nowMs)
  if (!look.beside || !isEverywhere(worse, look.beside)) return ended(seeing, "undone", worseText(worse), worse.signal)
  // Nobody can tell much meanwhile: the stage lasts as long as it may, and then goes by what it saw side by side.
  const isOver = nowMs - seeing.stageSinceMs >= policy.holdMs + policy.patienceMs
  return isOver ? onwards(seeing, policy, nowMs) : seeing
}

/** Without a cause: somebody decides what the machine would have found out. */
export function ended(rollout: Rollout, phase: "promoted" | "undone", reason: string, cause?: RolloutCause): Rollout {
  return rollout.phase === "running" ? { ...rollout, phase, reason, ...(cause && { cause }) } : rollout
}

function blind(rollout: Rollout, { blindMs }: RolloutPolicy, nowMs: number): Rollout {
  const known = rollout.blindSinceMs ?? nowMs
  const sinceMs = nowMs < known ? nowMs : known
  if (nowMs - sinceMs < blindMs) return { ...rollout, blindSinceMs: sinceMs }
  const reason = `telemetry has not answered for ${seconds(blindMs)}: nobody can tell how it fares`
  return ended(rollout, "undone", reason, "blind")
}

function onwards(rollout: Rollout, policy: RolloutPolicy, nowMs: number): Rollout {
  const elapsedMs = nowMs - rollout.stageSinceMs
  if (elapsedMs < policy.holdMs) return rollout
  const { requests, failed } = rollout.seen
  const isEnough = requests >= policy.requestsMin
  if (!isEnough && elapsedMs < policy.holdMs + policy.patienceMs) return rollout
  const wanted = policy.requestsMin === 1 ? "1 request" : `${policy.requestsMin} requests`
  if (!isEnough && policy.tooFew !== "advance") {
    const seen = `${requests} of the ${wanted} that it takes were seen in ${seconds(elapsedMs)}`
    return ended(rollout, "undone", `${seen} at ${shareOf(rollout, policy)} %`, "too_few")
  }
  if (rollout.stage < policy.stages.length - 1) {
    return { ...rollout, stage: rollout.stage + 1, stageSinceMs: nowMs, seen: NOTHING }
  }
  const thin = isEnough ? "" : `, fewer than the ${wanted} that it takes, as was asked for`
  return ended(
    rollout,
    "promoted",
    `${requests} requests went by it, ${failed} failed${thin}`,
    isEnough ? "held" : "too_few",
  )
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
