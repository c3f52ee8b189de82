/** Workload identity as the world outside sees it: the public keys that verify it, and what issued it. */

import { issuerOf } from "#durable-objects/key-ring.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { KeyRingRpc } from "#shared/protocol/key-ring.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import { type Call, reply } from "./endpoint.ts"
import type { ControlEnv } from "./env.ts"
import { problem } from "./problems.ts"
import type { Rotation } from "./schemas-identity.ts"

type AnyCall = Call<object, object, undefined>

/** Anybody may keep it for a while, and for longer when control does not answer: keys are published long before they sign. */
const CACHING = `public, max-age=${LIMITS.keySetMaxAgeSeconds}, stale-if-error=${LIMITS.keySetMaxAgeSeconds * 6}`

export async function showKeySet({ env }: AnyCall): Promise<Response> {
  return cached(await ringOf(env).keySet(), "application/jwk-set+json")
}

/** For who verifies by an issuer's URL: clouds' workload identity federation, and libraries of OpenID Connect. */
export function showIssuer({ env }: AnyCall): Response {
  const issuer = issuerOf(env.WEFT_ISSUER)
  if (issuer === undefined) return problem(404, "This mesh has no issuer: its tokens name none.")
  return cached(
    {
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    },
    "application/json",
  )
}

export async function listKeys({ env }: AnyCall): Promise<Response> {
  return reply({ keys: await ringOf(env).keys() })
}

export async function rotateKeys({ env, body }: Call<object, object, Rotation>): Promise<Response> {
  const done = await ringOf(env).rotate(body.revoke)
  if (!done) return problem(404, body.revoke === undefined ? "There are too many keys." : "There is no such key.")
  return reply({ keys: await ringOf(env).keys() })
}

function ringOf(env: ControlEnv): KeyRingRpc {
  return env.KEY_RING.getByName(MESH) as unknown as KeyRingRpc
}

function cached(value: object, contentType: string): Response {
  return new Response(JSON.stringify(value), { headers: { "content-type": contentType, "cache-control": CACHING } })
}
