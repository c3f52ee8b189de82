/**
 * How documents say who has to prove who they are.
 *
 *   authentication:
 *     customers:
 *       gateways: [default]
 *       jwt:
 *         - issuer: https://login.example.com
 *           audiences: [shop]
 *           jwks: https://login.example.com/.well-known/jwks.json
 *           claimHeaders: { x-user-id: sub }
 */
import type { Algorithm, KeyFact } from "./authentication.ts"
import type { TargetDocument } from "./target-document.ts"

/** Without `services`, `gateways` and `mesh`: it covers every service of its namespace. At least one of `jwt`, `access`, `keys`. */
export interface AuthenticationDocument extends TargetDocument {
  /** Refuse requests of nobody in particular. What claims to be somebody and is not is refused in any case. Default true. */
  required?: boolean
  /** Issuers whose tokens are taken. */
  jwt?: JwtDocument[]
  /** Tokens of Cloudflare Access, which stands before the mesh. */
  access?: AccessDocument
  /** API keys, which `weft key create` makes. */
  keys?: KeysDocument
}

export interface JwtDocument {
  /** `iss`, to the letter. */
  issuer: string
  /** `aud` must hold one of them. Without: whatever it is, which lets in tokens that were made for others. */
  audiences?: string[]
  /** What tokens may be signed with. Default `RS256` and `ES256`. */
  algorithms?: Algorithm[]
  /** Where the issuer's public keys are: a string is a URL. */
  jwks: string | JwksDocument
  /** Where tokens are looked for. Default the header `authorization` with the prefix `Bearer`. */
  from?: CredentialDocument[]
  /** The `typ` of its tokens, such as `at+jwt`. Without: none, `JWT`, `JOSE` or `at+jwt`. */
  type?: string
  /** Take tokens without `exp` too. */
  allowWithoutExpiry?: boolean
  /** Leave the token in the request on its way to the service. Default false. */
  forward?: boolean
  /** Headers for claims: `x-user-id: sub`. Nobody else can set them where this covers. */
  claimHeaders?: { [header: string]: string }
  /** A header for the whole payload: JSON in base64url. */
  payloadHeader?: string
  /** Claims that are lists in one text, parted by spaces, beside `scope` and `permission`. */
  listClaims?: string[]
}

/** Exactly one of `url`, `service`, `keys`. */
export interface JwksDocument {
  url?: string
  /** A service of the mesh that serves the keys at `path`. */
  service?: string
  /** Default `/.well-known/jwks.json`. */
  path?: string
  /** The public keys themselves. */
  keys?: JwkDocument[]
}

/** A public key as its issuer writes it (RFC 7517). */
export interface JwkDocument {
  kty: "RSA" | "EC" | "OKP"
  kid?: string
  [member: string]: unknown
}

/** One of `header`, `query`, `cookie`. */
export interface CredentialDocument {
  header?: string
  /** What stands before it in the header, in any case, parted by a space. Default for `authorization`: `Bearer`. */
  prefix?: string
  query?: string
  /** Look for the query parameter only at these paths and below. */
  paths?: string[]
  cookie?: string
}

export interface AccessDocument {
  /** The team's name: `acme` of `acme.cloudflareaccess.com`. */
  team: string
  /** The AUD tags of the Access applications. */
  audiences: string[]
  /** Leave the token in the request on its way to the service. Default false. */
  forward?: boolean
  /** Headers for claims: `x-user-email: email`. Nobody else can set them where this covers. */
  claimHeaders?: { [header: string]: string }
}

export interface KeysDocument {
  /** Where keys are looked for. Default the header `x-api-key`. */
  from?: CredentialDocument[]
  /** Leave the key in the request on its way to the service. Default false. */
  forward?: boolean
  /** Headers for what is known of the key: `x-customer: owner`. Nobody else can set them where this covers. */
  headers?: { [header: string]: KeyFact }
}
