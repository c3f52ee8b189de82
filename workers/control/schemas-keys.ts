/** The shapes of API keys. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import type * as api from "#shared/protocol/api-keys.ts"
import { label, type Schema, time } from "./schemas-kit.ts"

const id = label.openapi({ example: "acme" })
/** They end up in headers, logs and policies. */
const plain = (charsMax: number, example: string) =>
  z
    .string()
    .max(charsMax)
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, "must be printable ASCII without space at its ends")
    .openapi({ example })
const owner = plain(LIMITS.apiKeyOwnerCharsMax, "Acme Inc.")
const scope = z
  .string()
  .max(LIMITS.matchValueCharsMax)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "must be a scope of RFC 6749: printable ASCII without spaces and quotes")
  .openapi({ example: "orders:read" })

export const newKey = z
  .strictObject({
    id,
    owner,
    scopes: z.array(scope).max(LIMITS.apiKeyScopesMax).optional(),
    expiresInSeconds: z
      .union([z.int().min(1).max(LIMITS.tokenLifeSecondsMax), z.literal("never")])
      .optional()
      .openapi({ description: "A year when absent." }),
  })
  .openapi("NewApiKey") satisfies Schema<api.NewApiKey>

const keyInfo = z
  .object({
    id,
    owner,
    scopes: z.array(scope),
    createdAtMs: time,
    createdBy: z.string().openapi({ description: "The name of the token that it was made with." }),
    expiresAtMs: time.optional(),
    lastUsedAtMs: time.optional().openapi({ description: "To about a minute." }),
  })
  .openapi("ApiKeyInfo") satisfies Schema<api.ApiKeyInfo>

export const keyList = z.object({ keys: z.array(keyInfo) }).openapi("ApiKeyList") satisfies Schema<api.ApiKeyList>

export const keyCreated = keyInfo
  .extend({ key: z.string().openapi({ description: "The key itself. It is shown this once." }) })
  .openapi("ApiKeyCreated") satisfies Schema<api.ApiKeyCreated>

export const params = { key: z.strictObject({ id }) }
