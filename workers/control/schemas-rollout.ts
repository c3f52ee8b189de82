/** The shapes of guarded applies in the control API. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import type { GuardRequest } from "#shared/model/rollout.ts"
import type * as api from "#shared/protocol/control-api.ts"
import { areStages } from "#shared/rollout/policy.ts"
import { REVISION_MAX, type Schema, time } from "./schemas-kit.ts"

const count = z.int().min(0)
const milliseconds = z.number().min(0)
const tooFew = z.enum(["undo", "advance"])
const percent = z.number().min(0).max(100)
const seconds = (min: number) =>
  z
    .number()
    .min(min)
    .max(LIMITS.rolloutHoldMsMax / 1000)

export const guardRequest = z
  .strictObject({
    stages: z
      .array(z.number().positive().max(100))
      .max(LIMITS.rolloutStagesMax)
      .refine(areStages, "must be percentages that grow")
      .optional()
      .openapi({
        description: "Percent of request chains, ascending; 100 comes last, said or not. `[1, 100]` when absent.",
      }),
    holdSeconds: seconds(LIMITS.rolloutHoldMsMin / 1000)
      .optional()
      .openapi({ description: "How long a stage lasts at least. 60 when absent." }),
    requests: z.int().min(1).max(LIMITS.rolloutRequestsMax).optional().openapi({
      description: "How many requests by the new revision a stage wants to have seen. 20 when absent.",
    }),
    patienceSeconds: seconds(0).optional().openapi({
      description: "How much longer a stage waits for them. Four times as long as it lasts when absent.",
    }),
    tooFew: tooFew.optional().openapi({
      description:
        "What becomes of it when they have not come by then: `undo`, or `advance` to the next stage and in the end to everybody. `undo` when absent.",
    }),
  })
  .openapi("GuardRequest", {
    description:
      "The new revision goes out in stages. It is undone when its requests fare worse than the others', or when that cannot be told.",
  }) satisfies Schema<GuardRequest>

const rolloutPhase = z.enum(["running", "promoted", "undone", "superseded"])

export const rolloutStatus = z
  .object({
    revision: z.int().min(1).openapi({ description: "The candidate." }),
    stable: z.int().min(1).openapi({ description: "The revision that the other chains go by." }),
    phase: rolloutPhase,
    stage: count,
    share: percent.openapi({
      description:
        "Percent of request chains that go by the candidate. The last stage leaves a few to the stable revision, to see what befalls both.",
    }),
    policy: z.object({
      stages: z.array(percent),
      holdMs: milliseconds,
      requestsMin: count,
      patienceMs: milliseconds,
      tooFew,
      blindMs: milliseconds,
    }),
    startedAtMs: time,
    stageSinceMs: time,
    endsByMs: time.openapi({ description: "It is over by then at the latest." }),
    seen: z.object({ requests: count, failed: count }).optional().openapi({
      description: "Requests by the candidate that were compared lately, and how many of them failed.",
    }),
    blindSinceMs: time.optional().openapi({ description: "Since when nobody can see how it fares." }),
    endedAtMs: time.optional(),
    reason: z.string().optional(),
    undoneBy: z.int().min(1).optional().openapi({ description: "The revision that undid it, or took its place." }),
  })
  .openapi("RolloutStatus") satisfies Schema<api.RolloutStatus>

export const rolloutView = z.object({ rollout: rolloutStatus.optional() }).openapi("RolloutView", {
  description: "The guarded apply that is under way, or the last one.",
}) satisfies Schema<api.RolloutView>

export const endRollout = z
  .strictObject({
    action: z.enum(["promote", "undo"]),
    revision: z.int().min(1).max(REVISION_MAX).optional().openapi({ description: "Only if it is this one." }),
    message: z.string().optional(),
  })
  .openapi("EndRollout") satisfies Schema<api.EndRollout>

export const guardPhase = rolloutPhase
  .optional()
  .openapi({ description: "What became of it, when it was applied under guard." })
