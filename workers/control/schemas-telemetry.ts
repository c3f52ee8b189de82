/** The shapes of statistics in the control API. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import { isLabel } from "#shared/model/names.ts"
import { STATS_BY } from "#shared/model/telemetry.ts"
import { PUBLIC } from "#shared/telemetry/series.ts"
import { digits } from "./schemas-kit.ts"

const SECONDS_MIN = LIMITS.telemetrySlotMs / 1000
const SECONDS_MAX = (LIMITS.telemetrySlots * LIMITS.telemetrySlotMs) / 1000

const count = z.int().min(0)
const ms = z.number().min(0)
const service = z
  .string()
  .refine(
    (text) => text.split("/").length <= 2 && text.split("/").every(isLabel),
    "must be a service, `name` or `namespace/name`",
  )

export const statsQuery = z.strictObject({
  by: z.enum(STATS_BY).optional().openapi({ description: "What rows tell apart; `service` when absent." }),
  window: digits(SECONDS_MIN, SECONDS_MAX)
    .optional()
    .openapi({ description: "How far back, in seconds; 60 when absent." }),
  points: digits(1, LIMITS.statsPointsMax)
    .optional()
    .openapi({ description: "Cuts the window into about so many steps, and gives each row its points." }),
  from: service
    .optional()
    .openapi({ description: `Only what this service sent; \`${PUBLIC}\`: what came from outside.` }),
  to: service.optional().openapi({ description: "Only what this service was sent." }),
})

export interface StatsQuery {
  readonly by?: (typeof STATS_BY)[number]
  readonly window?: number
  readonly points?: number
  readonly from?: string
  readonly to?: string
}

const point = z.object({ atMs: ms, requests: count, failed: count, p95Ms: ms.optional() })

const row = z
  .object({
    from: z.string().optional(),
    to: z.string().optional(),
    subset: z.string().optional(),
    rule: z.string().optional(),
    method: z.string().optional(),
    requests: count,
    perSecond: z.number().min(0),
    successRate: z.number().min(0).max(1).optional().openapi({ description: "Share that was not answered with 5xx." }),
    failed: count,
    refused: count.openapi({ description: "Answered by the mesh itself." }),
    refusals: z.record(z.string(), count).optional(),
    attempts: count,
    retries: count,
    latencyMs: z
      .object({ p50: ms, p95: ms, p99: ms, mean: ms })
      .optional()
      .openapi({ description: "Until the head of the answer; quantiles are at most 4.4 % off." }),
    points: z.array(point).optional(),
  })
  .openapi("StatsRow")

export const stats = z
  .object({
    by: z.enum(STATS_BY),
    spanMs: ms.openapi({ description: "The time that the counts are of: the window, or up to a step more." }),
    rows: z.array(row),
    missing: z.array(z.string()).openapi({ description: "Shards of telemetry that did not answer." }),
  })
  .openapi("Stats")
