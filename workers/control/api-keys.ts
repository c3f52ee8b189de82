/** The endpoints of API keys. */
import { LIMITS } from "#shared/model/limits.ts"
import type { NewApiKey } from "#shared/protocol/api-keys.ts"
import { type Endpoint, endpoint } from "./endpoint.ts"
import { createKey, listKeys, revokeKey } from "./keys.ts"
import * as shapes from "./schemas-keys.ts"

export const KEYS: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/v1/keys",
    role: "viewer",
    group: "API keys",
    summary: "List API keys",
    description:
      "Of end users; tokens of this API are elsewhere. Expired keys stay listed until they are revoked or their id is used again.",
    answers: { status: 200, description: "The keys, without their secrets.", schema: shapes.keyList },
    handle: listKeys,
  }),
  endpoint<object, object, NewApiKey>({
    method: "POST",
    path: "/v1/keys",
    role: "operator",
    group: "API keys",
    summary: "Make an API key",
    description:
      "Proxies take it within the lease of their routes, about 2 s, wherever an authentication looks for keys. Nothing of it is a revision.",
    body: {
      schema: shapes.newKey,
      bytesMax: LIMITS.controlBodyBytesMax,
      example: { id: "acme", owner: "Acme Inc.", scopes: ["orders:read"], expiresInSeconds: 7_776_000 },
    },
    target: ({ body }) => `key ${body.id}`,
    answers: { status: 201, description: "The key.", schema: shapes.keyCreated, problems: [409] },
    handle: createKey,
  }),
  endpoint<{ id: string }>({
    method: "DELETE",
    path: "/v1/keys/{id}",
    role: "operator",
    group: "API keys",
    summary: "Revoke an API key",
    description:
      "Each proxy refuses it from its next answered pull on, which is within the lease of its routes, about 2 s.",
    params: shapes.params.key,
    target: ({ params }) => `key ${params.id}`,
    answers: { status: 204, description: "The key is no longer valid.", problems: [404] },
    handle: revokeKey,
  }),
]
