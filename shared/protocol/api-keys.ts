/** What crosses boundaries about API keys: between control and the route table, and from there to proxies. Never a secret. */
import type { KeyHolder } from "#shared/model/principal.ts"

/** As proxies know a key. */
export interface ApiKeyEntry extends KeyHolder {
  /** SHA-256 of the whole key, lower-case hex. */
  readonly hash: string
  readonly expiresAtMs?: number
}

/** What happened to the keys since a version of their list; each change has a version of its own. */
export interface ApiKeyNews {
  readonly version: number
  /** Forget all others. */
  readonly whole?: true
  readonly made: readonly (ApiKeyEntry & { readonly version: number })[]
  /** Ids of revoked keys. */
  readonly gone: readonly { readonly id: string; readonly version: number }[]
}

export interface ApiKeyUse {
  readonly id: string
  readonly atMs: number
}

/** The version of who knows no list yet: the first one is 0. */
export const NO_API_KEYS = -1

export interface ApiKeyRecord extends ApiKeyEntry {
  /** The token that it was made with. */
  readonly createdBy: string
}

/** As people see a key. */
export interface ApiKeyInfo extends KeyHolder {
  readonly createdAtMs: number
  readonly createdBy: string
  readonly expiresAtMs?: number
  readonly lastUsedAtMs?: number
}

export type ApiKeyCreation =
  | { readonly outcome: "created"; readonly key: ApiKeyInfo }
  /** A key of this id is valid. */
  | { readonly outcome: "exists" }
  /** `LIMITS.apiKeysMax` keys are valid already. */
  | { readonly outcome: "full" }

export interface ApiKeyList {
  readonly keys: readonly ApiKeyInfo[]
}

export interface NewApiKey {
  readonly id: string
  readonly owner: string
  readonly scopes?: readonly string[]
  /** Default `LIMITS.apiKeyLifeSecondsDefault`; `never` has to be said. */
  readonly expiresInSeconds?: number | "never"
}

/** The only time the key itself is shown. */
export interface ApiKeyCreated extends ApiKeyInfo {
  readonly key: string
}

/** What the route table does with keys. */
export interface ApiKeysRpc {
  createKey(record: ApiKeyRecord): Promise<ApiKeyCreation>
  listKeys(): Promise<readonly ApiKeyInfo[]>
  /** Whether there was such a key. */
  revokeKey(id: string): Promise<boolean>
  /** From relays, which gather what their isolates tell. */
  noteKeyUses(uses: readonly ApiKeyUse[]): Promise<void>
}
