/** The shapes of `/v1/explain`; see schemas.ts. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import { REFUSALS, type RefusalName } from "#shared/model/refusal.ts"
import type * as api from "#shared/protocol/explain.ts"

/** `T` as zod infers it: an optional property may also hold undefined. JSON has no undefined, so nothing is lost. */
type Loose<T> = T extends object
  ? { [K in keyof T]: Record<never, never> extends Pick<T, K> ? Loose<T[K]> | undefined : Loose<T[K]> }
  : T
type Schema<T> = z.ZodType<Loose<T>>

const name = z.string().max(LIMITS.matchValueCharsMax)
const count = z.int().min(0)
const share = z.number().min(0).max(1)
const header = z.object({ name: z.string(), value: z.string() })

const described = z
  .strictObject({
    url: z
      .string()
      .max(2 * LIMITS.targetBytesMax)
      .optional()
      .openapi({ description: "Of a service's request the path is enough; needless for an RPC call." }),
    method: z.string().max(32).optional().openapi({ description: "`GET` when absent." }),
    headers: z
      .array(z.strictObject({ name, value: z.string().max(LIMITS.headerValueCharsMax) }))
      .max(LIMITS.headersMax)
      .optional(),
    gateway: name.optional().openapi({ description: "`name` or `namespace/name`; the built-in one when absent." }),
    from: name.optional().openapi({ description: "The calling service. Absent: the request comes from the public." }),
    to: name.optional().openapi({ description: "The service that the caller's binding names." }),
    rpc: name.optional().openapi({ description: "The RPC method that is called." }),
    user: z
      .strictObject({
        issuer: name,
        subject: name,
        audiences: z.array(name).max(LIMITS.callersMax).optional(),
        presenter: name.optional(),
        claims: z.record(z.string(), z.unknown()).optional(),
      })
      .optional()
      .openapi({ description: "The end user of a token that it would carry." }),
    key: z
      .strictObject({ id: name, owner: name, scopes: z.array(name).max(LIMITS.callersMax) })
      .optional()
      .openapi({ description: "The API key that it would carry." }),
    address: name.optional().openapi({ description: "The public client's address, as the edge would tell it." }),
    dice: z.number().min(0).lt(1).optional().openapi({
      description: "The throw for percentages and weights. Absent: all that could happen is told.",
    }),
  })
  .openapi("DescribedRequest") satisfies Schema<api.DescribedRequest>

export const explainRequest = z
  .strictObject({
    request: described,
    revision: z.int().min(1).optional().openapi({ description: "The head when absent." }),
  })
  .openapi("ExplainRequest") satisfies Schema<api.ExplainRequest>

const considered = z
  .object({
    route: z.string(),
    rule: z.string(),
    match: z.string(),
    because: z.string().openapi({ description: "The first condition that fails, or what it lost or won by." }),
  })
  .openapi("ConsideredMatch") satisfies Schema<api.ConsideredMatch>

const refusal = z
  .object({
    name: z.enum(Object.keys(REFUSALS) as [RefusalName]),
    status: z.int(),
    title: z.string(),
    detail: z.string().optional(),
  })
  .openapi("ExplainedRefusal") satisfies Schema<api.ExplainedRefusal>

const access = z
  .object({
    place: z.string(),
    allowed: z.boolean(),
    because: z.string(),
    asks: z.array(z.string()).openapi({ description: "Policies whose authorizers are asked first." }),
    audits: z.array(z.string()),
    rehearsed: z.string().optional().openapi({ description: "What would hold if no policy were a dry run." }),
    policies: z.array(
      z.object({
        policy: z.string(),
        action: z.enum(["allow", "deny", "audit", "custom", "default"]),
        dryRun: z.literal(true).optional(),
        takes: z.boolean(),
        because: z.string(),
      }),
    ),
    more: count,
  })
  .openapi("ExplainedAccess", {
    description: "What access policies say at one place; absent where none covers it.",
  }) satisfies Schema<api.ExplainedAccess>

const authentication = z
  .object({
    place: z.string(),
    passes: z.boolean(),
    because: z.string(),
    required: z.boolean().openapi({ description: "Nobody in particular may not pass." }),
    by: z.array(z.string()),
    takes: z.array(z.string()).openapi({ description: "Whose credentials, and where they are looked for." }),
  })
  .openapi("ExplainedAuthentication") satisfies Schema<api.ExplainedAuthentication>

const branch = z
  .object({
    backend: z.string().optional().openapi({ description: "Absent when the rule answers by itself." }),
    share,
    chosen: z.boolean(),
    steps: z.array(
      z.object({
        filter: z.string(),
        of: z.enum(["rule", "backend"]),
        on: z.enum(["request", "response"]),
        effect: z.string(),
      }),
    ),
    access: access.optional(),
    sends: z
      .object({
        url: z.string().optional(),
        endpoints: z.array(z.object({ at: z.string(), bound: z.boolean().optional() })),
      })
      .optional(),
    answer: z.object({ status: z.int(), headers: z.array(header), body: z.string() }).optional(),
    refusal: refusal.optional(),
  })
  .openapi("Branch", { description: "Of `sends`, `answer` and `refusal` one is there." }) satisfies Schema<api.Branch>

/** Whatever a retry is made on: a status, a class, a header. */
const condition = z.union([
  z.int(),
  z.enum(["5xx", "gateway-error", "connect-failure", "attempt-timeout", "reset", "retriable-4xx"]),
  z.object({ header: z.string(), value: z.string().optional() }),
])

export const explained = z
  .object({
    revision: count,
    understood: z
      .object({
        method: z.string(),
        url: z.string().optional(),
        rpc: z.string().optional(),
        caller: z.string().optional(),
        service: z.string().optional(),
        dropped: z.array(z.string()),
      })
      .optional()
      .openapi({ description: "The request as the mesh reads it; absent when it is refused before that." }),
    place: z.string().optional(),
    winner: considered.optional(),
    others: z.array(considered),
    more: count,
    shares: z.array(z.object({ share, rule: z.string().optional(), dice: z.number() })).optional(),
    authentication: z.array(authentication).optional().openapi({ description: "Place by place, the door first." }),
    unproven: z.string().optional().openapi({ description: "The user or key that nothing on the way looks for." }),
    access: access.optional(),
    rateLimits: z.array(z.string()).optional(),
    sticky: z.string().optional(),
    branches: z.array(branch),
    timeouts: z.object({ requestMs: z.number().optional(), attemptMs: z.number().optional() }).optional(),
    retry: z
      .object({
        attempts: z.int(),
        on: z.array(condition),
        backoffMs: z.number(),
        unsafe: z.boolean(),
        applies: z.boolean(),
        because: z.string(),
      })
      .optional(),
    refusal: refusal.optional(),
  })
  .openapi("Explained") satisfies Schema<api.Explained>
