/** The shapes of breakers and health checks in the control API. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import { label } from "./schemas-kit.ts"

const phase = z.enum(["open", "closed"])
const milliseconds = z.number().min(0)

export const breakerStatus = z
  .object({
    cluster: z.string().openapi({ description: "`namespace/service`, or `namespace/service/subset`." }),
    generation: z.int().openapi({ description: "Goes up with every change of phase." }),
    phase: z.enum(["closed", "open", "probing"]),
    restMs: milliseconds.openapi({ description: "Until a probe may be sent." }),
    cause: z.enum(["failures", "consecutive", "slow", "probe", "forced"]).optional(),
    sinceMs: milliseconds,
    forced: z.object({ by: z.string(), phase, untilMs: milliseconds }).optional(),
  })
  .openapi("BreakerStatus")

export const breakerList = z.object({ breakers: z.array(breakerStatus) }).openapi("BreakerList")

export const forceBreaker = z
  .strictObject({
    namespace: label,
    service: label,
    subset: label.optional(),
    phase,
    forSeconds: z.int().min(1).max(LIMITS.breakerForceSecondsMax),
  })
  .openapi("ForceBreaker")

export const healthStatus = z
  .object({
    service: z.string(),
    checked: z.int().min(0),
    silent: z
      .boolean()
      .openapi({ description: "Nothing was heard of its checks for too long, so that nothing is avoided." }),
    heardAtMs: milliseconds.optional(),
    unhealthy: z.array(
      z.object({
        cluster: z.string(),
        endpoint: z.string(),
        because: z.string(),
        sinceMs: milliseconds,
        heeded: z.boolean().openapi({ description: "False when too few endpoints of the cluster would be left." }),
      }),
    ),
  })
  .openapi("HealthStatus")
