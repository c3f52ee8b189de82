/** The shape of a preview in the control API. */
import { z } from "@hono/zod-openapi"
import { CHANGE_KINDS } from "#shared/model/sample.ts"
import type { Preview } from "#shared/protocol/preview.ts"
import { plan } from "./schemas.ts"
import { type Schema, time } from "./schemas-kit.ts"

const share = z.number().min(0).max(1)
const count = z.number().min(0)

const change = z
  .object({
    kind: z.enum(CHANGE_KINDS).openapi({ description: "How their fate would change; the first of these that holds." }),
    caller: z.string().openapi({ description: "The calling service, or `public at <gateway>`." }),
    before: z.string(),
    after: z.string(),
    share: share.openapi({ description: "Of all requests." }),
    examples: z.array(z.object({ request: z.string(), before: z.string(), after: z.string() })),
  })
  .openapi("FateChange")

export const preview = plan
  .extend({
    blast: z.object({
      samples: z.int().min(0).openapi({ description: "Heads of requests that were replayed." }),
      requests: count.openapi({ description: "How many requests they stand for." }),
      sinceMs: time.optional(),
      share: share.openapi({ description: "Of all requests, how many would fare otherwise." }),
      changes: z.array(change),
      unjudged: z
        .array(z.enum(["users", "limits"]))
        .optional()
        .openapi({
          description:
            "What of the change heads of requests do not tell: rules about end users, claims, keys and addresses, which samples have none of; how many requests limits, breakers and timeouts will end.",
        }),
      more: z.int().min(0).openapi({ description: "Changes that are not listed." }),
    }),
    missing: z.array(z.string()).openapi({ description: "Shards of telemetry that did not answer." }),
  })
  .openapi("Preview", {
    description: "A plan, and what it would do to requests like those of late.",
  }) satisfies Schema<Preview>
