/**
 * What one isolate knows of who people are: the keys of issuers, the tokens that it has verified, the API keys of the mesh. It
 * judges what a request presents at one checkpoint.
 */
import { type Checkpoint, Checkpoints } from "#shared/identity/checkpoint.ts"
import { endOf, judgeClaims } from "#shared/identity/claims.ts"
import type { CredentialFault } from "#shared/identity/credential-fault.ts"
import { API_KEY_PREFIX, credentialsAt, type Presented } from "#shared/identity/credentials.ts"
import { readToken, type Token } from "#shared/identity/jws.ts"
import { chooseKey, type KeySet, type VerifyKey } from "#shared/identity/key-set.ts"
import { type Mark, marksOfKey, marksOfToken } from "#shared/identity/marks.ts"
import type { CredentialPlace, KeyAcceptance, TokenProvider } from "#shared/model/authentication.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { EndUser, KeyHolder } from "#shared/model/principal.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import type { ApiKeys } from "./api-keys.ts"
import { fetchKeys } from "./fetch-keys.ts"
import { IssuerKeys } from "./key-source.ts"
import type { Mesh, Routes } from "./mesh.ts"
import { isSignedBy } from "./signature.ts"
import type { Surroundings } from "./snapshots.ts"

/** Who was established at a checkpoint, and what the request is to be on its way from there. */
export interface Known {
  readonly user: EndUser | undefined
  readonly key: KeyHolder | undefined
  /** The token's text: two that differ are two users. */
  readonly token: string | undefined
  readonly marks: readonly Mark[]
  /** Where credentials stand that must not go on. */
  readonly strip: readonly CredentialPlace[]
}

export interface Unknown {
  readonly fault: CredentialFault
  /** Of keys that could not be had: when to ask again. */
  readonly retryAfterMs?: number
}

/** What a judgement may use and cost. */
export interface Occasion {
  readonly routes: Routes
  readonly mesh: Mesh
  readonly patienceMs: number
}

/** A token whose signature was right, and the key that it was verified with. */
interface Verified {
  readonly token: Token
  readonly key: VerifyKey
}

type Accepted = { readonly user: EndUser; readonly provider: TokenProvider; readonly token: Token }

export class Authenticator {
  readonly #around: Surroundings
  readonly #apiKeys: ApiKeys
  readonly #checkpoints = new WeakMap<Routes, Checkpoints | undefined>()
  /** By what they are, so that they outlive the snapshot that named them first. */
  #issuers = new Map<string, IssuerKeys>()
  #issuersOf = new WeakMap<TokenProvider, IssuerKeys>()
  /** By the whole token, to the letter. Whether its key is still one of its issuer's is asked each time. */
  readonly #verified = new Map<string, Verified>()

  constructor(around: Surroundings, apiKeys: ApiKeys) {
    this.#around = around
    this.#apiKeys = apiKeys
  }

  checkpoints(routes: Routes): Checkpoints | undefined {
    if (!routes.authentications) return undefined
    const known = this.#checkpoints.get(routes)
    if (known) return known
    const checkpoints = new Checkpoints(routes.authentications)
    this.#checkpoints.set(routes, checkpoints)
    const issuers = new Map<string, IssuerKeys>()
    for (const provider of checkpoints.providers) {
      const name = canonicalJson(provider.keys)
      const issuer = issuers.get(name) ?? this.#issuers.get(name) ?? new IssuerKeys(provider.keys, this.#around)
      issuers.set(name, issuer)
      this.#issuersOf.set(provider, issuer)
    }
    // Exchanges under way keep theirs by their providers.
    this.#issuers = issuers
    return checkpoints
  }

  async judge(checkpoint: Checkpoint, presented: Presented, occasion: Occasion): Promise<Known | Unknown> {
    const found = findCredentials(checkpoint, presented)
    if (!found) return { fault: "several_credentials" }
    const { token, key } = found
    const user = token && (await this.#judgeToken(token.text, token.providers, occasion))
    if (user && "fault" in user) return user
    const holder = key && (await this.#apiKeys.holder(key.text, this.#around.nowMs()))
    if (holder && "fault" in holder) return holder
    const keyMarks = key && holder ? marksOfKey(key.acceptance, holder) : []
    return {
      user: user?.user,
      key: holder,
      token: user?.token.text,
      marks: [...(user ? marksOfToken(user.provider, user.token) : []), ...keyMarks],
      strip: [
        ...(user && !user.provider.forward ? (token?.places ?? []) : []),
        ...(key && !key.acceptance.forward ? key.places : []),
      ],
    }
  }

  async #judgeToken(
    text: string,
    providers: readonly TokenProvider[],
    occasion: Occasion,
  ): Promise<Accepted | Unknown> {
    if (text.length > LIMITS.jwtBytesMax) return { fault: "token_too_large" }
    const verified = this.#remembered(text)
    const token = verified?.token ?? readToken(text)
    if (typeof token === "string") return { fault: token }
    let worst: Unknown = { fault: "unknown_issuer" }
    for (const provider of providers) {
      if (provider.issuer !== token.claims.iss) continue
      const accepted = await this.#judgeBy(provider, token, verified?.key, text, occasion)
      if (!("fault" in accepted)) return accepted
      // That nothing could be known of it outweighs what another provider found.
      if (worst.fault === "unknown_issuer" || accepted.fault === "keys_unavailable") worst = accepted
    }
    return worst
  }

  async #judgeBy(
    provider: TokenProvider,
    token: Token,
    verifiedBy: VerifyKey | undefined,
    text: string,
    occasion: Occasion,
  ): Promise<Accepted | Unknown> {
    if (!provider.algorithms.some((one) => one === token.algorithm)) return { fault: "algorithm_not_allowed" }
    const key = await this.#keyFor(provider, token, occasion)
    if ("fault" in key) return key
    if (key !== verifiedBy) {
      if (!(await isSignedBy(token, key))) return { fault: "bad_signature" }
      this.#remember(text, { token, key })
    }
    const user = judgeClaims(provider, token, this.#around.nowMs())
    return typeof user === "string" ? { fault: user } : { user, provider, token }
  }

  async #keyFor(provider: TokenProvider, token: Token, occasion: Occasion): Promise<VerifyKey | Unknown> {
    const issuer = this.#issuersOf.get(provider)!
    const { routes, mesh, patienceMs } = occasion
    const fetching = () => fetchKeys(provider.keys, routes, mesh)
    const chosen = choose(await issuer.current(fetching, mesh, patienceMs), token)
    const again = chosen === "unknown_key" ? choose(await issuer.renewed(fetching, mesh, patienceMs), token) : chosen
    if (typeof again !== "string") return again
    return again === "keys_unavailable" ? { fault: again, retryAfterMs: issuer.retryAfterMs } : { fault: again }
  }

  #remembered(text: string): Verified | undefined {
    const verified = this.#verified.get(text)
    if (!verified || this.#around.nowMs() < endOf(verified.token)) return verified
    this.#verified.delete(text)
    return undefined
  }

  #remember(text: string, verified: Verified): void {
    if (text.length > LIMITS.verifiedTokenCharsMax) return
    if (this.#verified.size >= LIMITS.verifiedTokensMax) {
      const [oldest] = this.#verified.keys()
      if (oldest !== undefined) this.#verified.delete(oldest)
    }
    this.#verified.set(text, verified)
  }
}

function choose(keys: KeySet | undefined, { keyId, algorithm }: Token) {
  return keys ? chooseKey(keys, keyId, algorithm) : "keys_unavailable"
}

interface Credentials {
  readonly token: { text: string; providers: TokenProvider[]; places: CredentialPlace[] } | undefined
  readonly key: { text: string; acceptance: KeyAcceptance; places: CredentialPlace[] } | undefined
}

/** Undefined when there are several: two tokens, or two keys. The same one at two places is one. */
function findCredentials({ tokenPlaces, keyPlaces }: Checkpoint, presented: Presented): Credentials | undefined {
  let token: Credentials["token"]
  let key: Credentials["key"]
  const isShared = (place: CredentialPlace, others: readonly { readonly place: CredentialPlace }[]) =>
    others.some((other) => other.place.in === place.in && other.place.name === place.name)
  // Where both may stand, a key is told by how it begins.
  for (const { place, providers } of tokenPlaces) {
    for (const text of credentialsAt(place, presented)) {
      if (text.startsWith(API_KEY_PREFIX) && isShared(place, keyPlaces)) continue
      if (token && token.text !== text) return undefined
      token ??= { text, providers: [], places: [] }
      token.providers.push(...providers)
      token.places.push(place)
    }
  }
  for (const { place, acceptance } of keyPlaces) {
    for (const text of credentialsAt(place, presented)) {
      if (!text.startsWith(API_KEY_PREFIX) && isShared(place, tokenPlaces)) continue
      if (key && key.text !== text) return undefined
      key ??= { text, acceptance, places: [] }
      key.places.push(place)
    }
  }
  return { token, key }
}
