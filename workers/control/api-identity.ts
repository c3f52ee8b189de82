/** The endpoints of workload identity. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import { type Endpoint, endpoint } from "./endpoint.ts"
import { listKeys, rotateKeys, showIssuer, showKeySet } from "./identity.ts"
import * as shapes from "./schemas-identity.ts"

export const IDENTITY: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/.well-known/jwks.json",
    role: "open",
    group: "Mesh",
    summary: "The public keys that verify who calls",
    description:
      "Of tokens that the mesh sends to upstreams outside (JWT-SVID). Anybody may keep a copy for five minutes.",
    answers: { status: 200, description: "The keys.", schema: shapes.keySet, contentType: "application/jwk-set+json" },
    handle: showKeySet,
  }),
  endpoint({
    method: "GET",
    path: "/.well-known/openid-configuration",
    role: "open",
    group: "Mesh",
    summary: "The issuer of those tokens, where it has a URL",
    answers: {
      status: 200,
      description: "The issuer.",
      schema: z.object({ issuer: z.string(), jwks_uri: z.string() }),
      problems: [404],
    },
    handle: showIssuer,
  }),
  endpoint({
    method: "GET",
    path: "/v1/identity/keys",
    role: "viewer",
    group: "Mesh",
    summary: "List the keys that sign who calls",
    answers: { status: 200, description: "The keys, without what is secret.", schema: shapes.keyList },
    handle: listKeys,
  }),
  endpoint<object, object, shapes.Rotation>({
    method: "POST",
    path: "/v1/identity/rotate",
    role: "admin",
    group: "Mesh",
    summary: "Make the next signing key now",
    description:
      "It is published at once and signs after an hour, as at any rotation. With `revoke` that key goes at once: tokens that it signed are good for nothing as soon as upstreams fetch the keys anew, and isolates use theirs for up to five minutes more.",
    body: { schema: shapes.rotation, bytesMax: LIMITS.controlBodyBytesMax, example: {} },
    target: ({ body }) => (body.revoke === undefined ? "signing keys" : `signing key ${body.revoke}`),
    answers: { status: 200, description: "The keys.", schema: shapes.keyList, problems: [404] },
    handle: rotateKeys,
  }),
]
