/**
 * What authentications would say of a described request, place by place. Its end user and its key are as they were described:
 * nothing is verified, so the question is who would be taken at all, and what is required.
 */
import { type Checkpoint, Checkpoints } from "#shared/identity/checkpoint.ts"
import { credentialsAt } from "#shared/identity/credentials.ts"
import { marksOfKey, marksOfToken } from "#shared/identity/marks.ts"
import { joined, type Passage, takeThrough } from "#shared/identity/passage.ts"
import type { Authentication, CredentialPlace, TokenProvider } from "#shared/model/authentication.ts"
import type { Principals } from "#shared/model/principal.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Place } from "#shared/model/target.ts"
import type { DescribedRequest, ExplainedAuthentication } from "#shared/protocol/explain.ts"
import { type Arriving, principalsOf } from "./described.ts"
import { isPreflight } from "./reach.ts"

/** The stage `authenticate` of one described request. Its credentials stand wherever they are looked for. */
export class DescribedProof {
  readonly #checkpoints: Checkpoints
  readonly #described: DescribedRequest
  readonly #arriving: Arriving
  readonly #isPreflight: boolean
  readonly #passed = new Set<Checkpoint>()
  readonly #told: ExplainedAuthentication[] = []
  #principals: Principals

  constructor(authentications: readonly Authentication[], described: DescribedRequest, arriving: Arriving) {
    const { raw, entrance, rpc } = arriving
    this.#checkpoints = new Checkpoints(authentications)
    this.#described = described
    this.#arriving = arriving
    this.#isPreflight = rpc === undefined && isPreflight(raw.method, raw.headers)
    this.#principals = { ...principalsOf(described, entrance), user: undefined, key: undefined }
  }

  /** Who is known to ask, after the places that the request has passed. */
  get principals(): Principals {
    return this.#principals
  }

  get told(): readonly ExplainedAuthentication[] {
    return this.#told
  }

  /** Somebody was described whom no place has looked for. */
  get unproven(): string | undefined {
    const { user, key } = this.#described
    const missing = [
      user && !this.#principals.user && "a token: who the end user is stays unknown",
      key && !this.#principals.key && "an API key: whose it is stays unknown",
    ].filter((one) => typeof one === "string")
    return missing.length === 0 || this.#isPreflight ? undefined : `nothing on its way takes ${missing.join(", or ")}`
  }

  /** The request at these places; what a refusal holds is told of too. Changes the headers as checkpoints do. */
  pass(places: readonly Place[], headers: Headers): Refusal | undefined {
    const passages: Passage[] = []
    for (const place of places) {
      const checkpoint = this.#checkpoints.at(place)
      if (!checkpoint || this.#passed.has(checkpoint)) continue
      const passage = this.#passOne(checkpoint, place, headers)
      if (isRefusal(passage)) return passage
      this.#passed.add(checkpoint)
      passages.push(passage)
    }
    if (passages.length > 0) takeThrough(joined(passages), headers, "")
    return undefined
  }

  /** A preflight that no rule answers goes to a service, which requires what it cannot have. */
  preflightRefused(isAnswered: boolean): Refusal | undefined {
    const isRequired = [...this.#passed].some(({ required }) => required)
    return this.#isPreflight && isRequired && !isAnswered ? refuse("unauthenticated") : undefined
  }

  #passOne(checkpoint: Checkpoint, place: Place, headers: Headers): Passage | Refusal {
    const { tokenPlaces, keyPlaces, marks: cleared } = checkpoint
    const places = [...tokenPlaces, ...keyPlaces].map((one) => one.place)
    if (this.#isPreflight) {
      this.#tell(checkpoint, place, true, "a browser's preflight carries no credentials, and passes as nobody's")
      return { cleared, marks: [], strip: places }
    }
    const { user, key } = this.#described
    const provider = user && tokenPlaces.flatMap(({ providers }) => providers).find((one) => takes(one, user))
    if (user && tokenPlaces.length > 0 && !provider) {
      return this.#refuse(checkpoint, place, `it takes no token of ${user.issuer}${audiencesOf(user)}`)
    }
    const acceptance = key && keyPlaces[0]?.acceptance
    if (checkpoint.required && !provider && !acceptance) {
      return this.#refuse(checkpoint, place, nobodyAt(places, headers))
    }
    const established = principalsOf(this.#described, this.#arriving.entrance, provider?.listClaims)
    if (provider) this.#principals = { ...this.#principals, user: established.user }
    if (acceptance) this.#principals = { ...this.#principals, key: established.key }
    const names = [provider && `user ${user!.issuer}/${user!.subject}`, acceptance && `key of ${key.owner}`]
    const known = names.filter((name) => name !== undefined).join(" and ")
    this.#tell(checkpoint, place, true, known === "" ? "nobody is asking, which is allowed" : `as ${known}`)
    const claims = established.user?.claims ?? {}
    return {
      cleared,
      marks: [
        ...(provider ? marksOfToken(provider, { claims, payload: "..." }) : []),
        ...(acceptance ? marksOfKey(acceptance, key) : []),
      ],
      strip: [
        ...(provider && !provider.forward ? tokenPlaces.map((one) => one.place) : []),
        ...(acceptance && !acceptance.forward ? keyPlaces.map((one) => one.place) : []),
      ],
    }
  }

  #refuse(checkpoint: Checkpoint, place: Place, because: string): Refusal {
    this.#tell(checkpoint, place, false, because)
    return refuse("unauthenticated")
  }

  #tell({ authentications, required }: Checkpoint, place: Place, passes: boolean, because: string): void {
    this.#told.push({
      place: place.at === "gateway" ? `gateway ${place.gateway}` : `service ${place.service}`,
      passes,
      because,
      required,
      by: authentications.map(({ id }) => id),
      takes: authentications.flatMap(describeAcceptance),
    })
  }
}

/** A user without issuer or audiences is one whom any would do for. */
function takes({ issuer, audiences }: TokenProvider, user: NonNullable<DescribedRequest["user"]>): boolean {
  const isIssuer = user.issuer === "" || user.issuer === issuer
  const isFor = audiences.length === 0 || !user.audiences || user.audiences.some((one) => audiences.includes(one))
  return isIssuer && isFor
}

function audiencesOf({ audiences = [] }: NonNullable<DescribedRequest["user"]>): string {
  return audiences.length === 0 ? "" : ` for ${audiences.join(" or ")}`
}

function nobodyAt(places: readonly CredentialPlace[], headers: Headers): string {
  const found = places.find((place) => {
    const name = place.in === "header" ? place.name : "cookie"
    const value = headers.get(name)
    if (place.in === "query" || value === null) return false
    return credentialsAt(place, { path: "", rawQuery: "", headers: new Map([[name, value]]) }).length > 0
  })
  if (!found) return "nobody is asking, and somebody must"
  return `what stands in the ${placeWords(found)} is not verified here: describe its user or key instead`
}

/** `tokens of https://login.test for shop: header authorization (Bearer), cookie session`. */
function describeAcceptance({ tokens, keys }: Authentication): string[] {
  const where = (places: readonly CredentialPlace[]) => places.map(placeWords).join(", ")
  return [
    ...tokens.map(({ issuer, audiences, from }) => {
      const aud = audiences.length === 0 ? "" : ` for ${audiences.join(" or ")}`
      return `tokens of ${issuer}${aud}: ${where(from)}`
    }),
    ...(keys ? [`API keys: ${where(keys.from)}`] : []),
  ]
}

function placeWords(place: CredentialPlace): string {
  switch (place.in) {
    case "header":
      return place.prefix === "" ? `header ${place.name}` : `header ${place.name} (${place.prefix})`
    case "cookie":
      return `cookie ${place.name}`
    case "query":
      return `query ${place.name}${place.paths.length === 0 ? "" : ` below ${place.paths.join(" and ")}`}`
  }
}
