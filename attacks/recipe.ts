/** A token in the making: what a description does not say is as it should be. */
import { AUDIENCE, hmac, ISSUER, type KeyName, type Keys } from "./keys.ts"
import { jsonOf } from "./loose.ts"

/** `null` for a member that must not be there. */
export interface Recipe {
  header: Record<string, string | null>
  /** In their order; a name may stand there twice. */
  claims: [string, string | null][]
  /** The payload as text, in the place of the claims. */
  payload?: string
  key: KeyName
  /** Signs with a shared secret in the place of the key. */
  secret?: string
  /** The signature as text, in the place of a true one. */
  signature?: string
  /** What is done to the finished token. */
  finish?: (token: string) => string[]
}

export const LIFE_SECONDS = 3_600

/** A token that is good. */
export function fresh(nowSeconds: number): Recipe {
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: "alice", iat: nowSeconds, exp: nowSeconds + LIFE_SECONDS }
  return {
    header: { alg: '"RS256"', kid: '"k1"' },
    claims: Object.entries(claims).map(([name, value]) => [name, JSON.stringify(value)]),
    key: "k1",
  }
}

/** The finished tokens. */
export function bake(recipe: Recipe, keys: Keys): string[] {
  const present = (members: readonly (readonly [string, string | null])[]) =>
    jsonOf(members.filter((pair): pair is [string, string] => pair[1] !== null))
  const encoded = (json: string) => Buffer.from(json).toString("base64url")
  const input = `${encoded(present(Object.entries(recipe.header)))}.${encoded(recipe.payload ?? present(recipe.claims))}`
  const { secret, signature = secret === undefined ? keys.sign(recipe.key, input) : hmac(secret, input) } = recipe
  const token = `${input}.${signature}`
  return recipe.finish?.(token) ?? [token]
}
