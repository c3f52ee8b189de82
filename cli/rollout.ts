/** A guarded apply as a person sees it: what was asked for, how it stands, how it ended. */
import type { GuardRequest } from "#shared/model/rollout.ts"
import type { RolloutStatus } from "#shared/protocol/control-api.ts"
import { areStages } from "#shared/rollout/policy.ts"
import type { Client } from "./client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed, type Options } from "./command.ts"
import { awaitConvergence } from "./convergence.ts"
import { age, count, type Paint, painter, plain, seconds } from "./output.ts"
import { startProgress } from "./progress.ts"
import { report } from "./report.ts"

const POLL_MS = 1_000

/** What the options ask for; undefined for no guard. */
export function guardOf(options: Options): GuardRequest | Failure | undefined {
  const { guard, stages, hold, requests, patience, tooFew } = options
  const more = [
    ...[stages && "--stages", hold !== undefined && "--hold", requests !== undefined && "--requests"],
    ...[patience !== undefined && "--patience", tooFew && "--too-few"],
  ]
  const first = more.find((flag) => flag)
  if (!guard) return first ? { exit: EXIT.usage, message: `${first} needs --guard` } : undefined
  const shares = stages?.split(",").map((text) => Number(text.replace(/%$/, "")))
  if (shares && !(shares.length > 0 && shares.every((share) => share > 0) && areStages(shares))) {
    const hint = "percentages that grow: --stages 1,10,100"
    return { exit: EXIT.usage, message: `"${stages}" are no stages`, hint }
  }
  return {
    ...(shares && { stages: shares }),
    ...(hold !== undefined && { holdSeconds: hold / 1000 }),
    ...(requests !== undefined && { requests }),
    ...(patience !== undefined && { patienceSeconds: patience / 1000 }),
    ...(tooFew && { tooFew }),
  }
}

/** Follows a guarded apply to its end, and then its revision, or the one that undid it, to the isolates. */
export async function awaitRollout(call: Call, client: Client, revision: number): Promise<ExitCode> {
  const { io, options } = call
  const startMs = io.nowMs()
  const progress = startProgress(io)
  try {
    for (;;) {
      const view = await client.rollout()
      if (failed(view)) return report(io, view, "the guard goes on without this command")
      const { rollout } = view
      if (rollout?.revision !== revision || rollout.phase !== "running") {
        progress.end()
        return rollout?.revision === revision ? conclude(call, client, rollout) : EXIT.ok
      }
      if (options.timeout !== undefined && io.nowMs() - startMs >= options.timeout) {
        progress.end()
        const message = `revision ${revision} is still under guard, after ${seconds(io.nowMs() - startMs)}`
        return report(io, { exit: EXIT.problems, message, hint: "it goes on by itself; `weft rollout show` shows how" })
      }
      progress.say(runningText(rollout, io.nowMs()))
      await io.sleep(POLL_MS)
    }
  } finally {
    progress.end()
  }
}

async function conclude(call: Call, client: Client, rollout: RolloutStatus): Promise<ExitCode> {
  const { io } = call
  const paint = painter(io, io.err)
  io.err.write(`${endedText(rollout, paint)}\n`)
  const last = rollout.phase === "promoted" ? rollout.revision : rollout.undoneBy
  const converged = last === undefined ? EXIT.ok : await awaitConvergence(call, client, last)
  return rollout.phase === "promoted" ? converged : EXIT.problems
}

/** `revision 12 under guard: 1 % of chains, stage 1 of 2 for 20.1s of 60s; 312 requests by it, none failed`. */
export function runningText(
  { revision, share, stage, policy, stageSinceMs, seen, blindSinceMs }: RolloutStatus,
  nowMs: number,
): string {
  const passed = seconds(Math.max(0, nowMs - stageSinceMs))
  const where = `stage ${stage + 1} of ${policy.stages.length} for ${passed} of ${seconds(policy.holdMs)}`
  const requests = seen?.requests ?? 0
  const failures = seen && seen.failed > 0 ? `${seen.failed} failed` : "none failed"
  const sight =
    blindSinceMs === undefined
      ? `${count(requests, "request")} by it${requests === 0 ? "" : `, ${failures}`}`
      : `telemetry has not answered for ${age(blindSinceMs, nowMs)}`
  const { holdMs, patienceMs, requestsMin, tooFew } = policy
  const leftMs = stageSinceMs + holdMs + patienceMs - nowMs
  const isShort = nowMs - stageSinceMs >= holdMs && requests < requestsMin
  const fate = tooFew === "advance" ? "goes on without" : "is undone"
  const waits = isShort ? `; waits for ${requestsMin}, and ${fate} in ${seconds(Math.max(0, leftMs))}` : ""
  return `revision ${revision} under guard: ${share} % of chains, ${where}; ${sight}${waits}`
}

export function endedText({ revision, phase, reason = "", undoneBy }: RolloutStatus, paint: Paint): string {
  if (phase === "promoted") return `revision ${revision} is ${paint("green", "promoted")}: ${plain(reason)}`
  const by = undoneBy === undefined ? "" : ` by revision ${undoneBy}`
  return `revision ${revision} is ${paint("red", phase)}${by}: ${plain(reason)}`
}
