/**
 * Authentications, brought into the form in which requests are judged by them: for each place, a gateway or a service, all that
 * covers it together. Several authentications of one place add up: what one of them takes is taken, what one requires is required.
 */
import type { Authentication, CredentialPlace, KeyAcceptance, TokenProvider } from "#shared/model/authentication.ts"
import type { Place } from "#shared/model/target.ts"
import { covers } from "./coverage.ts"
import { fold } from "./headers.ts"

export interface Checkpoint {
  readonly authentications: readonly Authentication[]
  readonly required: boolean
  readonly tokenPlaces: readonly TokenPlace[]
  readonly keyPlaces: readonly KeyPlace[]
  /** The headers that only this checkpoint may set, as names fold that servers take for the same. */
  readonly marks: ReadonlySet<string>
  /** What a refused sender could bring along (RFC 9110 11.6.1). */
  readonly challenge: string
}

export interface TokenPlace {
  readonly place: CredentialPlace
  /** Those who take tokens that stand there. */
  readonly providers: readonly TokenProvider[]
}

export interface KeyPlace {
  readonly place: CredentialPlace
  readonly acceptance: KeyAcceptance
}

/** The checkpoints of one snapshot. */
export class Checkpoints {
  readonly #authentications: readonly Authentication[]
  /** Places that the same authentications cover have one checkpoint, so that nothing is asked twice. */
  readonly #byCoverage = new Map<string, Checkpoint>()
  readonly #byPlace = new Map<string, Checkpoint | undefined>()
  /** The headers that credentials are looked for in, by any checkpoint. */
  readonly headers: ReadonlySet<string>

  constructor(authentications: readonly Authentication[]) {
    this.#authentications = authentications
    const places = authentications.flatMap(({ tokens, keys }) => [
      ...tokens.flatMap(({ from }) => from),
      ...(keys?.from ?? []),
    ])
    this.headers = new Set(places.flatMap((place) => headerOf(place) ?? []))
  }

  get providers(): readonly TokenProvider[] {
    return this.#authentications.flatMap(({ tokens }) => tokens)
  }

  get takeKeys(): boolean {
    return this.#authentications.some(({ keys }) => keys !== undefined)
  }

  /** Undefined where nobody has to prove anything. */
  at(place: Place): Checkpoint | undefined {
    const name = place.at === "gateway" ? `gateway ${place.gateway}` : `service ${place.service}`
    if (!this.#byPlace.has(name)) this.#byPlace.set(name, this.#joined(place))
    return this.#byPlace.get(name)
  }

  #joined(place: Place): Checkpoint | undefined {
    const covering = this.#authentications.filter(({ target }) => covers(target, place))
    if (covering.length === 0) return undefined
    const coverage = covering.map(({ id }) => id).join(" ")
    const known = this.#byCoverage.get(coverage) ?? join(covering)
    this.#byCoverage.set(coverage, known)
    return known
  }
}

function headerOf(place: CredentialPlace): string | undefined {
  if (place.in === "query") return undefined
  return place.in === "cookie" ? "cookie" : place.name
}

function join(authentications: readonly Authentication[]): Checkpoint {
  const tokens = authentications.flatMap((one) => one.tokens)
  const keys = authentications.flatMap((one) => one.keys ?? [])
  return {
    authentications,
    required: authentications.some(({ required }) => required),
    tokenPlaces: tokenPlacesOf(tokens),
    keyPlaces: keys.flatMap((acceptance) => acceptance.from.map((place) => ({ place, acceptance }))),
    marks: new Set(marksOf(tokens, keys).map(fold)),
    challenge: [tokens.length > 0 && "Bearer", keys.length > 0 && "ApiKey"].filter(Boolean).join(", "),
  }
}

function tokenPlacesOf(tokens: readonly TokenProvider[]): TokenPlace[] {
  const places = new Map<string, { place: CredentialPlace; providers: TokenProvider[] }>()
  for (const provider of tokens) {
    for (const place of provider.from) {
      const identity = JSON.stringify(place)
      const known = places.get(identity)
      if (known) known.providers.push(provider)
      else places.set(identity, { place, providers: [provider] })
    }
  }
  return [...places.values()]
}

function marksOf(tokens: readonly TokenProvider[], keys: readonly KeyAcceptance[]): string[] {
  return [
    ...tokens.flatMap(({ claimHeaders, payloadHeader }) => [
      ...claimHeaders.map(({ header }) => header),
      ...(payloadHeader === undefined ? [] : [payloadHeader]),
    ]),
    ...keys.flatMap(({ headers }) => headers.map(({ header }) => header)),
  ]
}
