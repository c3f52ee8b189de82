/** API tokens: make, list, revoke. The secret is shown once and never stored. */
import { LIMITS } from "#shared/model/limits.ts"
import type { NewToken, TokenCreated, TokenList, WhoAmI } from "#shared/protocol/control-api.ts"
import { TOKENS } from "#shared/protocol/tokens.ts"
import { RESERVED, sha256 } from "./auth.ts"
import { type Call, reply } from "./endpoint.ts"
import { problem } from "./problems.ts"

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/** 32 characters of 62 are 190 bits. */
const SECRET_CHARS = 32

export function showCaller(call: Call<object, object, undefined>): Response {
  return reply<WhoAmI>(call.caller)
}

export async function listTokens(call: Call<object, object, undefined>): Promise<Response> {
  return reply<TokenList>({ tokens: await tokens(call).list() })
}

export async function createToken(call: Call<object, object, NewToken>): Promise<Response> {
  const { name, role, namespaces, expiresInSeconds = LIMITS.tokenLifeSecondsDefault } = call.body
  if (RESERVED.has(name)) return problem(409, `The name ${name} is kept for the control Worker itself.`)
  if (role === "admin" && namespaces) {
    return problem(422, "An admin makes tokens, and so cannot be limited to namespaces: make an operator.")
  }
  const token = `weft_${name}_${secret()}`
  const created = await tokens(call).create({
    name,
    role,
    ...(namespaces && { namespaces: [...new Set(namespaces)].sort() }),
    hash: await sha256(token),
    createdBy: call.caller.name,
    ...(expiresInSeconds !== "never" && { expiresAtMs: Date.now() + expiresInSeconds * 1000 }),
  })
  switch (created.outcome) {
    case "created":
      return reply<TokenCreated>({ ...created.token, token }, { status: 201 })
    case "exists":
      return problem(409, `There is a token ${name} already; revoke it first.`)
    case "full":
      return problem(409, "There are too many tokens; revoke some first.")
  }
}

export async function revokeToken(call: Call<{ name: string }, object, undefined>): Promise<Response> {
  const { name } = call.params
  const revoked = await tokens(call).revoke(name)
  return revoked ? new Response(null, { status: 204 }) : problem(404, `There is no token ${name}.`)
}

function tokens(call: Call<unknown, unknown, unknown>) {
  return call.env.TOKENS.getByName(TOKENS)
}

/** What makes a token or a key unguessable. */
export function secret(): string {
  let text = ""
  while (text.length < SECRET_CHARS) {
    for (const byte of crypto.getRandomValues(new Uint8Array(SECRET_CHARS))) {
      // 248 is the largest multiple of 62 in a byte: taking the rest would favour the first characters.
      if (byte < 248 && text.length < SECRET_CHARS) text += BASE62[byte % 62]
    }
  }
  return text
}
