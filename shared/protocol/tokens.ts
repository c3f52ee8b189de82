/** What crosses the boundary between the control Worker and the `Tokens` object. Secrets never do: only their hashes. */
import type { Role, TokenInfo, WhoAmI } from "./control-api.ts"

/** The name under which a control Worker's API tokens are kept: `env.TOKENS.getByName(TOKENS)`. */
export const TOKENS = "tokens"

export interface TokenRecord {
  readonly name: string
  readonly role: Role
  /** SHA-256 of the whole token, lower-case hex. */
  readonly hash: string
  readonly expiresAtMs?: number
}

export type TokenCreation =
  | { readonly outcome: "created"; readonly token: TokenInfo }
  /** A token of this name is valid. */
  | { readonly outcome: "exists" }
  /** `LIMITS.tokensMax` tokens are valid already. */
  | { readonly outcome: "full" }

export interface TokensRpc {
  create(record: TokenRecord): Promise<TokenCreation>
  /** Whose token has this hash; undefined when it is unknown, revoked or expired. Notes the use. */
  verify(hash: string): Promise<WhoAmI | undefined>
  /** In the order of names, expired ones too. */
  list(): Promise<readonly TokenInfo[]>
  /** Whether there was such a token. */
  revoke(name: string): Promise<boolean>
}
