/**
 * The API keys of the mesh, as one isolate knows them: it hears what is new with its pulls, so that no request waits for anybody,
 * and a revoked key is refused as soon as the next pull is answered.
 */
import type { CredentialFault } from "#shared/identity/credential-fault.ts"
import { isApiKey } from "#shared/identity/credentials.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { KeyHolder } from "#shared/model/principal.ts"
import { digest } from "#shared/model/snapshot-codec.ts"
import { type ApiKeyEntry, type ApiKeyNews, type ApiKeyUse, NO_API_KEYS } from "#shared/protocol/api-keys.ts"

export class ApiKeys {
  #version = NO_API_KEYS
  readonly #byId = new Map<string, ApiKeyEntry>()
  readonly #byHash = new Map<string, ApiKeyEntry>()
  readonly #used = new Map<string, number>()

  get version(): number {
    return this.#version
  }

  /** Asks for what is new, if the list has another version by now. What does not come is asked for with the next answer again. */
  async follow(version: number, ask: (known: number) => Promise<ApiKeyNews | undefined>): Promise<void> {
    if (version === this.#version) return
    if (version === 0) return this.hear({ version, whole: true, made: [], gone: [] })
    const news = await ask(this.#version).catch(() => undefined)
    if (news) this.hear(news)
  }

  hear({ version, whole, made, gone }: ApiKeyNews): void {
    // News that was overtaken would bring back what is gone.
    if (version <= this.#version) return
    if (whole) for (const id of [...this.#byId.keys()]) this.#forget(id)
    for (const { id } of gone) this.#forget(id)
    for (const key of made) {
      this.#forget(key.id)
      this.#byId.set(key.id, key)
      this.#byHash.set(key.hash, key)
    }
    this.#version = version
  }

  /** By hash: how long it takes says nothing of how much of a guess was right. */
  async holder(text: string, nowMs: number): Promise<KeyHolder | { readonly fault: CredentialFault }> {
    if (!isApiKey(text)) return { fault: "unknown_api_key" }
    if (this.#version === NO_API_KEYS) return { fault: "keys_unavailable" }
    const key = this.#byHash.get(await digest(text))
    if (!key) return { fault: "unknown_api_key" }
    if (key.expiresAtMs !== undefined && nowMs >= key.expiresAtMs) return { fault: "expired_api_key" }
    if (this.#used.size < LIMITS.apiKeyUsesMax || this.#used.has(key.id)) this.#used.set(key.id, nowMs)
    return { id: key.id, owner: key.owner, scopes: key.scopes }
  }

  /** What was used since this was last asked. A pull that fails loses it: the next use will be told. */
  uses(): readonly ApiKeyUse[] | undefined {
    if (this.#used.size === 0) return undefined
    const uses = [...this.#used].map(([id, atMs]) => ({ id, atMs }))
    this.#used.clear()
    return uses
  }

  #forget(id: string): void {
    const key = this.#byId.get(id)
    if (!key) return
    this.#byId.delete(id)
    this.#byHash.delete(key.hash)
  }
}
