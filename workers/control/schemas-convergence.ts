/** The shape of a revision's convergence; see `schemas.ts`. */
import { z } from "@hono/zod-openapi"
import type { RevisionConvergence } from "#shared/protocol/convergence.ts"
import type { Schema } from "./schemas-kit.ts"

const count = z.int().min(0)
const timeMs = z.number().min(0)

const region = z.object({
  region: z.string().openapi({ description: "The platform's word for it; `any` where isolates do not know theirs." }),
  relays: count,
  acknowledged: count.openapi({ description: "Relays that have the revision, or one above it." }),
  silent: count.openapi({ description: "Relays that do not answer: which isolates they have is not known." }),
  unsure: count.openapi({ description: "Relays that have not been up for as long as an isolate may be silent." }),
  isolates: count,
  serving: count,
  oldestLeaseMs: timeMs.optional(),
  doneAtMs: timeMs.optional(),
})

export const revisionConvergence = z
  .object({
    revision: count,
    state: z.enum(["done", "waiting", "refused"]),
    isolates: count.openapi({ description: "Those that may serve a request without asking first." }),
    serving: count.openapi({ description: "How many of them serve the revision, or one above it." }),
    regions: z.array(region),
    refusing: z.array(z.object({ isolate: z.string(), region: z.string(), reason: z.string() })),
    committedAtMs: timeMs,
    doneAtMs: timeMs.optional().openapi({ description: "When it was served everywhere, at the latest." }),
    boundMs: timeMs.openapi({ description: "How long it takes at most, as long as nothing fails." }),
  })
  .openapi("RevisionConvergence") satisfies Schema<RevisionConvergence>
