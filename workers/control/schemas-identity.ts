/** Shapes of workload identity. */
import { z } from "@hono/zod-openapi"

export const keyList = z
  .object({
    keys: z.array(
      z.object({
        kid: z.string(),
        phase: z.enum(["next", "signing", "retired"]).openapi({
          description: "`next` is published and does not sign yet, `retired` signs no more and is still published.",
        }),
        createdAtMs: z.number().int(),
      }),
    ),
  })
  .openapi("SigningKeyList")

export interface Rotation {
  /** A key that must verify nothing any more. */
  readonly revoke?: string
}

export const rotation = z
  .strictObject({ revoke: z.string().min(1).max(64).optional().openapi({ description: "A key that goes at once." }) })
  .openapi("Rotation")

export const keySet = z.object({ keys: z.array(z.record(z.string(), z.string())) }).openapi("JwkSet")
