/** The endpoints about who may use control, and who did: tokens and the audit log. */
import { LIMITS } from "#shared/model/limits.ts"
import type { NewToken } from "#shared/protocol/control-api.ts"
import { type AuditFilter, listAudit } from "./audit.ts"
import { type Endpoint, endpoint } from "./endpoint.ts"
import * as schemas from "./schemas-access.ts"
import * as tokens from "./tokens.ts"

export const ACCESS: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/v1/whoami",
    role: "viewer",
    namespaced: true,
    group: "Tokens",
    summary: "Say whose token this is",
    answers: { status: 200, description: "The caller.", schema: schemas.whoAmI },
    handle: tokens.showCaller,
  }),
  endpoint({
    method: "GET",
    path: "/v1/tokens",
    role: "admin",
    group: "Tokens",
    summary: "List tokens",
    description: "Expired tokens stay listed until they are revoked or their name is used again.",
    answers: { status: 200, description: "The tokens, without their secrets.", schema: schemas.tokenList },
    handle: tokens.listTokens,
  }),
  endpoint<object, object, NewToken>({
    method: "POST",
    path: "/v1/tokens",
    role: "admin",
    target: ({ body }) => `token ${body.name}`,
    group: "Tokens",
    summary: "Make a token",
    description:
      "It is good for the whole mesh, unless `namespaces` says for which of them; and for 90 days, unless `expiresInSeconds` says otherwise.",
    body: {
      schema: schemas.newToken,
      bytesMax: LIMITS.controlBodyBytesMax,
      example: { name: "ci", role: "operator", namespaces: ["team-a"], expiresInSeconds: 86_400 },
    },
    answers: {
      status: 201,
      description: "The token with its secret.",
      schema: schemas.tokenCreated,
      problems: [409, 422],
    },
    handle: tokens.createToken,
  }),
  endpoint<{ name: string }>({
    method: "DELETE",
    path: "/v1/tokens/{name}",
    role: "admin",
    target: ({ params }) => `token ${params.name}`,
    group: "Tokens",
    summary: "Revoke a token",
    params: schemas.params.token,
    answers: { status: 204, description: "The token is no longer valid.", problems: [404] },
    handle: tokens.revokeToken,
  }),
  endpoint<object, AuditFilter>({
    method: "GET",
    path: "/v1/audit",
    role: "admin",
    group: "Audit",
    summary: "List what was done, and what was refused",
    description:
      "Newest first: every write with its outcome, every write that failed, and every denial, equal denials of ten minutes in one entry with a count. An outcome is `unknown` while a write is under way, and stays so when it was cut off.",
    query: schemas.query.audit,
    answers: { status: 200, description: "One page.", schema: schemas.auditList },
    handle: listAudit,
  }),
]
