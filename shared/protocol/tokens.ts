/** What crosses the boundary between the control Worker and the `Tokens` object. Secrets never do: only their hashes. */
import type { Rate } from "#shared/model/rate-limit.ts"
import type { Permission, TokenInfo, WhoAmI } from "./control-api.ts"

/** The name under which a control Worker's API tokens are kept: `env.TOKENS.getByName(TOKENS)`. */
export const TOKENS = "tokens"

export interface TokenRecord extends Permission {
  readonly name: string
  /** SHA-256 of the whole token, lower-case hex. */
  readonly hash: string
  readonly createdBy: string
  readonly expiresAtMs?: number
}

export type TokenCreation =
  | { readonly outcome: "created"; readonly token: TokenInfo }
  /** A token of this name is valid. */
  | { readonly outcome: "exists" }
  /** `LIMITS.tokensMax` tokens are valid already. */
  | { readonly outcome: "full" }

/** One use of what may be a token. */
export interface Presented {
  /** SHA-256 of what was presented, lower-case hex. */
  readonly hash: string
  /** Where it came from, as far as the edge tells; what is wrong too often from there is no longer looked up. */
  readonly address: string
  /** What the request takes of the token's rate. */
  readonly cost: number
  /** Absent: no limit. */
  readonly rate?: Rate
}

export type Verdict =
  | { readonly known: WhoAmI }
  /** Unknown, revoked or expired. */
  | { readonly known: undefined }
  /** The token, or the address by wrong tokens, has used up its rate. */
  | { readonly waitMs: number; readonly because: "token" | "address" }

export interface TokensRpc {
  create(record: TokenRecord): Promise<TokenCreation>
  /** Whose token this is. Notes the use. */
  verify(presented: Presented): Promise<Verdict>
  /** In the order of names, expired ones too. */
  list(): Promise<readonly TokenInfo[]>
  /** Whether there was such a token. */
  revoke(name: string): Promise<boolean>
}
