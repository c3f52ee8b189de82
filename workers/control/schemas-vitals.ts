/** The shapes of how the mesh's own parts are. */
import { z } from "@hono/zod-openapi"
import type * as api from "#shared/protocol/vitals.ts"
import { type Schema, time } from "./schemas-kit.ts"

const count = z.int().min(0)

const object = z.object({
  name: z.string(),
  tookMs: z.number().min(0),
  failed: z.string().optional().openapi({ description: "Why it did not answer; absent: it did." }),
})

const shard = z.object({
  shard: z.string(),
  series: count,
  seriesMax: count,
  requests: count,
  overflowed: count.openapi({ description: "Requests that were counted as `other`." }),
  lost: count,
  lostReports: count,
  isolates: count,
  snapshotAgeMs: z.number().min(0),
})

export const vitals = z
  .object({
    version: z.string(),
    nowMs: time,
    objects: z.array(object),
    telemetry: z.array(shard),
    signingKeys: z
      .array(z.object({ kid: z.string(), phase: z.enum(["next", "signing", "retired"]), createdAtMs: time }))
      .optional(),
    expiring: z.array(z.object({ kind: z.enum(["token", "key"]), name: z.string(), expiresAtMs: time })),
  })
  .openapi("Vitals") satisfies Schema<api.Vitals>
