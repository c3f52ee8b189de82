/** The shape of authentications in documents. */
import * as z from "zod"
import { ALGORITHMS, type Algorithm } from "#shared/model/authentication.ts"
import type * as D from "#shared/model/authentication-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import * as own from "./authentication-checks.ts"
import * as check from "./checks.ts"
import { type Complaint, complain } from "./complaint.ts"
import { checkPath } from "./path-syntax.ts"
import { list, named, object, optional, raise, text } from "./schema-kit.ts"
import { checkTarget, targetShape } from "./schema-target.ts"

const lower = (name: string): string => name.toLowerCase()
const path = text(checkPath, { pattern: "^/" })
const claim = text(own.checkClaim, { examples: ["sub", "realm_access.roles"] })
const claimHeaders = named(own.checkClaimHeader, claim, { max: LIMITS.claimHeadersMax, fold: lower })
const audiences = list(text(own.checkAudience), { min: 1, max: LIMITS.audiencesMax })
const algorithm = text(own.checkAlgorithm, { enum: [...ALGORITHMS] }) as unknown as z.ZodType<Algorithm>

const credential = object<D.CredentialDocument>(
  "Credential",
  {
    header: optional(text(own.checkCredentialHeader)),
    prefix: optional(
      text(check.checkHeaderValue),
      "What stands before it in the header, in any case, parted by a space. Default for `authorization`: `Bearer`.",
    ),
    query: optional(text(check.checkQueryName)),
    paths: optional(
      list(path, { min: 1, max: LIMITS.credentialPlacesMax }),
      "Look for the query parameter only at these paths and below.",
    ),
    cookie: optional(text(check.checkToken)),
  },
  own.checkCredential,
)
const credentials = list(credential, { min: 1, max: LIMITS.credentialPlacesMax })

const jwk = z
  .record(z.string(), z.unknown())
  .superRefine((value, context) => raise(context, own.checkJwk(value)))
  .meta({
    id: "Jwk",
    description: "A public key as its issuer writes it (RFC 7517).",
  }) as unknown as z.ZodType<D.JwkDocument>

const jwks = z.union([
  text(own.checkJwksUrl),
  object<D.JwksDocument>(
    "Jwks",
    {
      url: optional(text(own.checkJwksUrl)),
      service: optional(text(check.checkReference), "A service of the mesh that serves the keys at `path`."),
      path: optional(path, "Default `/.well-known/jwks.json`."),
      keys: optional(list(jwk, { min: 1, max: LIMITS.jwksKeysMax }), "The public keys themselves."),
    },
    own.checkJwksSource,
  ),
])

const jwt = object<D.JwtDocument>("Jwt", {
  issuer: text(own.checkIssuer).meta({ description: "`iss`, to the letter." }),
  audiences: optional(
    audiences,
    "`aud` must hold one of them. Without: whatever it is, which lets in tokens that were made for others.",
  ),
  algorithms: optional(
    list(algorithm, { min: 1, max: ALGORITHMS.length }),
    "What tokens may be signed with. Default `RS256` and `ES256`.",
  ),
  jwks: jwks.meta({ description: "Where the issuer's public keys are: a string is a URL." }),
  from: optional(
    credentials,
    "Where tokens are looked for. Default the header `authorization` with the prefix `Bearer`.",
  ),
  type: optional(
    text(own.checkTokenType),
    "The `typ` of its tokens, such as `at+jwt`. Without: none, `JWT`, `JOSE` or `at+jwt`.",
  ),
  allowWithoutExpiry: optional(z.boolean(), "Take tokens without `exp` too."),
  forward: optional(z.boolean(), "Leave the token in the request on its way to the service. Default false."),
  claimHeaders: optional(
    claimHeaders,
    "Headers for claims: `x-user-id: sub`. Nobody else can set them where this covers.",
  ),
  payloadHeader: optional(text(own.checkClaimHeader), "A header for the whole payload: JSON in base64url."),
  listClaims: optional(
    list(text(own.checkAudience), { min: 1, max: LIMITS.claimHeadersMax }),
    "Claims that are lists in one text, parted by spaces, beside `scope` and `permission`.",
  ),
})

const access = object<D.AccessDocument>("Access", {
  team: text(own.checkTeam).meta({ description: "The team's name: `acme` of `acme.cloudflareaccess.com`." }),
  audiences: audiences.meta({ description: "The AUD tags of the Access applications." }),
  forward: optional(z.boolean(), "Leave the token in the request on its way to the service. Default false."),
  claimHeaders: optional(
    claimHeaders,
    "Headers for claims: `x-user-email: email`. Nobody else can set them where this covers.",
  ),
})

const keys = object<D.KeysDocument>("Keys", {
  from: optional(credentials, "Where keys are looked for. Default the header `x-api-key`."),
  forward: optional(z.boolean(), "Leave the key in the request on its way to the service. Default false."),
  headers: optional(
    named(own.checkClaimHeader, z.enum(["id", "owner", "scopes"]), { max: LIMITS.claimHeadersMax, fold: lower }),
    "Headers for what is known of the key: `x-customer: owner`. Nobody else can set them where this covers.",
  ),
})

function checkAuthentication(value: D.AuthenticationDocument): Complaint | undefined {
  const proves = "jwt" in value || "access" in value || "keys" in value
  return (
    checkTarget(value) ?? (proves ? undefined : complain("missing-key", 'One of "jwt", "access", "keys" must be there'))
  )
}

export const authentication = object<D.AuthenticationDocument>(
  "Authentication",
  {
    ...targetShape,
    required: optional(
      z.boolean(),
      "Refuse requests of nobody in particular. What claims to be somebody and is not is refused in any case. Default true.",
    ),
    jwt: optional(list(jwt, { min: 1, max: LIMITS.tokenProvidersMax }), "Issuers whose tokens are taken."),
    access: optional(access, "Tokens of Cloudflare Access, which stands before the mesh."),
    keys: optional(keys, "API keys, which `weft key create` makes."),
  },
  checkAuthentication,
)
