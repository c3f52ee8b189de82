/** The shapes of objectives and alerts in the control API. */
import { z } from "@hono/zod-openapi"
import { SEVERITIES } from "#shared/model/alerting.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type * as api from "#shared/protocol/alerts.ts"
import { label, type Schema, time } from "./schemas-kit.ts"

const count = z.int().min(0)
const ms = z.number().min(0)
const rate = z.number().min(0)
const severity = z.enum(SEVERITIES)
const silenceId = z
  .string()
  .regex(/^[0-9a-f]{8}$/)
  .openapi({ example: "3f0c9a1e" })
const forSeconds = z.int().min(1).max(LIMITS.silenceSecondsMax)
const reason = z.string().max(LIMITS.alertReasonCharsMax)

const burn = z.object({
  factor: rate.openapi({ description: "From this rate on, in both windows." }),
  longMs: ms,
  shortMs: ms,
  long: rate,
  short: rate,
  holds: z.boolean(),
})

const alert = z.object({
  severity,
  phase: z.enum(["inactive", "pending", "firing", "resolved"]),
  sinceMs: time.optional(),
  endedMs: time.optional(),
  silenced: z.object({ id: silenceId, untilMs: time }).optional(),
  acknowledged: z.object({ by: z.string(), untilMs: time, reason: z.string() }).optional(),
  burn: z.array(burn).openapi({
    description: "How many times as fast as it may be the error budget is spent, in each pair of windows.",
  }),
})

const slo = z
  .object({
    id: z.string().openapi({ description: "`namespace/name`." }),
    of: z.object({ kind: z.enum(["service", "route"]), id: z.string() }),
    target: z.number().openapi({ description: "The share of requests that has to go well." }),
    withinMs: ms.optional().openapi({ description: "The threshold that counts go by. Absent: availability." }),
    total: count.openapi({ description: "Requests of the last 30 days, as far as they were counted." }),
    bad: count,
    budgetLeft: z.number().openapi({ description: "The share of the error budget that is left; below 0: overspent." }),
    notify: z.array(z.string()),
    alerts: z.array(alert),
  })
  .openapi("SloStatus") satisfies Schema<api.SloStatus>

export const silence = z
  .object({
    id: silenceId,
    namespace: z.string().optional(),
    slo: z.string().optional(),
    by: z.string(),
    reason: z.string(),
    createdAtMs: time,
    untilMs: time,
  })
  .openapi("Silence") satisfies Schema<api.Silence>

const receiver = z.object({
  id: z.string(),
  waiting: count.openapi({ description: "Notifications that it has not taken yet." }),
  sinceMs: time.optional(),
  because: z.string().optional(),
}) satisfies Schema<api.ReceiverStatus>

export const alertList = z
  .object({
    slos: z.array(slo),
    silences: z.array(silence),
    receivers: z.array(receiver),
    judgedMs: time.optional().openapi({ description: "The end of the last minute that was judged." }),
    missing: z.array(z.string()).openapi({ description: "Shards of telemetry whose counts are behind." }),
  })
  .openapi("AlertList") satisfies Schema<api.AlertList>

export const newSilence = z
  .strictObject({
    namespace: label.optional().openapi({ description: "Absent: the whole mesh." }),
    slo: label.optional().openapi({ description: "Absent: all of the namespace." }),
    forSeconds,
    reason: reason.optional(),
  })
  .refine(({ namespace, slo }) => slo === undefined || namespace !== undefined, {
    message: "needs the namespace that it is in",
    path: ["slo"],
  })
  .openapi("NewSilence") satisfies Schema<api.NewSilence>

export const newAcknowledgement = z
  .strictObject({
    namespace: label,
    slo: label,
    severity: severity.optional().openapi({ description: "Absent: both." }),
    forSeconds,
    reason: reason.optional(),
  })
  .openapi("NewAcknowledgement") satisfies Schema<api.NewAcknowledgement>

export const acknowledged = z
  .object({ alerts: z.int().min(1) })
  .openapi("Acknowledged") satisfies Schema<api.Acknowledged>

export const params = { silence: z.strictObject({ id: silenceId }) }
