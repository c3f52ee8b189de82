/** What crosses boundaries about API keys: between control and the route table, and from there to proxies. Never a secret. */
import type { KeyHolder } from "#shared/model/principal.ts"

/** As proxies know a key. */
export interface ApiKeyEntry extends KeyHolder {
  /** SHA-256 of the whole key, lower-case hex. */
  readonly hash: string
  readonly expiresAtMs?: number
}

/** What happened to the keys since a version of their list. */
export interface ApiKeyNews {
  readonly version: number
  /** Forget all others. */
  readonly whole?: true
  readonly made: readonly ApiKeyEntry[]
  /** Ids of revoked keys. */
  readonly gone: readonly string[]
}

export interface ApiKeyUse {
  readonly id: string
  readonly atMs: number
}

/** The version of who knows no list yet: the first one is 0. */
export const NO_API_KEYS = -1
