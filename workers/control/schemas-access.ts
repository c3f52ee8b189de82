/** The shapes of tokens and of the audit log in the control API. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import type * as api from "#shared/protocol/control-api.ts"
import { digits, label, REVISION_MAX, type Schema, time } from "./schemas-kit.ts"

const role = z.enum(["metrics", "viewer", "operator", "admin"]).openapi({
  description:
    "Each includes those before it: metrics reads /metrics only, a viewer reads, an operator changes the mesh, an admin manages tokens.",
}) satisfies Schema<api.Role>

export const newToken = z
  .strictObject({
    name: label,
    role,
    namespaces: z.array(label).min(1).max(LIMITS.tokenNamespacesMax).optional().openapi({
      description:
        "The only namespaces whose resources the token may read and change. The whole mesh when absent. Not for an admin.",
    }),
    expiresInSeconds: z
      .union([z.literal("never"), z.int().min(1).max(LIMITS.tokenLifeSecondsMax)])
      .optional()
      .openapi({ description: `${LIMITS.tokenLifeSecondsDefault} when absent; \`never\` has to be said.` }),
  })
  .openapi("NewToken") satisfies Schema<api.NewToken>

const namespaces = z
  .array(z.string())
  .optional()
  .openapi({ description: "What the token is limited to; the whole mesh when absent." })

export const whoAmI = z
  .object({ name: z.string(), role, namespaces, expiresAtMs: time.optional() })
  .openapi("WhoAmI") satisfies Schema<api.WhoAmI>

const tokenInfo = z
  .object({
    name: z.string(),
    role,
    namespaces,
    createdAtMs: time,
    createdBy: z.string().optional(),
    expiresAtMs: time.optional(),
    lastUsedAtMs: time.optional(),
  })
  .openapi("TokenInfo") satisfies Schema<api.TokenInfo>

export const tokenList = z.object({ tokens: z.array(tokenInfo) }).openapi("TokenList") satisfies Schema<api.TokenList>

export const tokenCreated = tokenInfo
  .extend({ token: z.string().openapi({ description: "The secret. It is shown this once." }) })
  .openapi("TokenCreated") satisfies Schema<api.TokenCreated>

export const auditOutcome = z.enum(["done", "failed", "denied", "unknown"]).openapi({
  description:
    "`denied` for who asked or from where, `failed` for what was asked. `unknown`: begun, and nobody has said what came of it.",
})

const auditEntry = z
  .object({
    id: z.int().min(1),
    atMs: time,
    who: z.string().openapi({ description: "The token's name; `nobody` where there was no valid one." }),
    operation: z.string().openapi({
      description: "Method and path as they stand here; `authenticate` or `guard` before an endpoint was found.",
      example: "POST /v1/apply",
    }),
    target: z.string().optional().openapi({ example: "Route default/shop" }),
    requestId: z.string().openapi({ description: "The answer's `Weft-Request-Id`." }),
    address: z.string(),
    outcome: auditOutcome,
    status: z.int().optional(),
    revision: z.int().min(0).optional().openapi({ description: "The head afterwards." }),
    shown: z.int().min(0).optional().openapi({ description: "How many exchanges or heads of requests were shown." }),
    count: z.int().min(1).openapi({ description: "Equal denials that this entry stands for." }),
    lastAtMs: time.optional(),
    onBehalfOf: z.string().optional().openapi({ description: "Who applied what the guard ended by itself." }),
    reason: z
      .string()
      .optional()
      .openapi({ description: "Why the mesh did it by itself, in a word.", example: "failed" }),
  })
  .openapi("AuditEntry")

export const auditList = z.object({ entries: z.array(auditEntry) }).openapi("AuditList") satisfies Schema<api.AuditList>

export const params = { token: z.strictObject({ name: label }) }

export const query = {
  audit: z.strictObject({
    before: digits(1, REVISION_MAX).optional().openapi({ description: "Only entries with a lower id." }),
    limit: digits(1, LIMITS.historyPageMax).optional().openapi({ description: "50 when absent." }),
    who: label.optional().openapi({ description: "A token's name, `root` or `nobody`." }),
    operation: z
      .string()
      .max(100)
      .regex(/^[A-Za-z]+( \/[\w./{}-]*)?$/, "must be an operation, such as `POST /v1/apply`")
      .optional(),
    outcome: auditOutcome.optional(),
    since: digits(0, REVISION_MAX).optional().openapi({ description: "Milliseconds since 1970." }),
    until: digits(0, REVISION_MAX).optional().openapi({ description: "Milliseconds since 1970." }),
  }),
}
