/** Who has to prove who they are, where, and how. */
import type { AuthenticationId, ServiceId } from "./names.ts"
import type { Target } from "./target.ts"

export interface Authentication {
  readonly id: AuthenticationId
  readonly target: Target
  /** Requests of nobody in particular are refused. */
  readonly required: boolean
  /** Whose tokens are taken. */
  readonly tokens: readonly TokenProvider[]
  /** Absent: API keys are not looked for. */
  readonly keys?: KeyAcceptance
}

/** Signatures by a private key that only the issuer has. A shared secret would have to be in documents: there are no HS256 and its like. */
export const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** One issuer, and what its tokens must be like here. */
export interface TokenProvider {
  /** `iss`, to the letter. */
  readonly issuer: string
  /** `aud` must hold one of them; an empty list: whatever it is. */
  readonly audiences: readonly string[]
  /** What a token may be signed with. The token's own word only chooses among them. */
  readonly algorithms: readonly Algorithm[]
  readonly keys: KeySource
  /** Where tokens are looked for; at least one place. */
  readonly from: readonly CredentialPlace[]
  /** The `typ` of its tokens. Absent: none, `JWT`, `JOSE` or `at+jwt`. */
  readonly type?: string
  /** Tokens without `exp` are taken too. */
  readonly mayLiveForever: boolean
  /** The token stays in the request on its way to the service. */
  readonly forward: boolean
  /** What services read of a verified token. Nobody else can set these headers. */
  readonly claimHeaders: readonly ClaimHeader[]
  /** A header for the whole payload, as it stands in the token: JSON in base64url. */
  readonly payloadHeader?: string
  /** Claims that are lists in one text, parted by spaces, beside `scope` and `permission`. */
  readonly listClaims: readonly string[]
}

/** Where the public keys of an issuer come from (RFC 7517). */
export type KeySource =
  | { readonly kind: "url"; readonly url: string }
  /** Asked for through the service's own endpoint. */
  | { readonly kind: "service"; readonly service: ServiceId; readonly path: string }
  | { readonly kind: "inline"; readonly keys: readonly PublicJwk[] }

/** The public half of a key: nothing else of a JWK is kept. */
export interface PublicJwk {
  readonly kty: "RSA" | "EC" | "OKP"
  readonly kid?: string
  readonly alg?: string
  readonly use?: string
  readonly key_ops?: readonly string[]
  readonly crv?: string
  readonly n?: string
  readonly e?: string
  readonly x?: string
  readonly y?: string
}

/** Where in a request a credential stands. */
export type CredentialPlace =
  /** After `prefix`, in any case; "" for the whole value. The name is lower-case. */
  | { readonly in: "header"; readonly name: string; readonly prefix: string }
  /** At these paths and below them; an empty list: everywhere. */
  | { readonly in: "query"; readonly name: string; readonly paths: readonly string[] }
  | { readonly in: "cookie"; readonly name: string }

export interface ClaimHeader {
  /** Lower-case. */
  readonly header: string
  /** The way to the claim. */
  readonly claim: readonly string[]
}

export interface KeyAcceptance {
  readonly from: readonly CredentialPlace[]
  readonly forward: boolean
  /** What services read of a key. Nobody else can set these headers. */
  readonly headers: readonly { readonly header: string; readonly value: KeyFact }[]
}

export type KeyFact = "id" | "owner" | "scopes"
