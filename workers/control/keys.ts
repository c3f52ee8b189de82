/** API keys of end users: make, list, revoke. The key is shown once and never stored. */
import { LIMITS } from "#shared/model/limits.ts"
import type { ApiKeyCreated, ApiKeyList, NewApiKey } from "#shared/protocol/api-keys.ts"
import { sha256 } from "./auth.ts"
import { type Call, reply } from "./endpoint.ts"
import { routeTable } from "./mesh.ts"
import { problem } from "./problems.ts"
import { secret } from "./tokens.ts"

export async function listKeys(call: Call<object, object, undefined>): Promise<Response> {
  return reply<ApiKeyList>({ keys: await routeTable(call.env).listKeys() })
}

export async function createKey(call: Call<object, object, NewApiKey>): Promise<Response> {
  const { id, owner, scopes = [], expiresInSeconds = LIMITS.apiKeyLifeSecondsDefault } = call.body
  const key = `weft_key_${id}_${secret()}`
  const created = await routeTable(call.env).createKey({
    id,
    owner,
    scopes: [...new Set(scopes)].sort(),
    hash: await sha256(key),
    createdBy: call.caller.name,
    ...(expiresInSeconds !== "never" && { expiresAtMs: Date.now() + expiresInSeconds * 1000 }),
  })
  switch (created.outcome) {
    case "created":
      return reply<ApiKeyCreated>({ ...created.key, key }, { status: 201 })
    case "exists":
      return problem(409, `There is a key ${id} already; revoke it first.`)
    case "full":
      return problem(409, "There are too many keys; revoke some first.")
  }
}

export async function revokeKey(call: Call<{ id: string }, object, undefined>): Promise<Response> {
  const { id } = call.params
  const revoked = await routeTable(call.env).revokeKey(id)
  return revoked ? new Response(null, { status: 204 }) : problem(404, `There is no key ${id}.`)
}
