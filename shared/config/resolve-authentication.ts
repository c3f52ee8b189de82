/** Authentications: whom they cover, and how people prove there who they are. */
import { covers } from "#shared/identity/coverage.ts"
import { readKeySet } from "#shared/identity/key-set.ts"
import type {
  Authentication,
  ClaimHeader,
  CredentialPlace,
  KeyAcceptance,
  KeySource,
  PublicJwk,
  TokenProvider,
} from "#shared/model/authentication.ts"
import type * as D from "#shared/model/authentication-document.ts"
import type { Resource } from "#shared/model/document.ts"
import { authenticationId, namespaceOf } from "#shared/model/names.ts"
import type { Attachment, Route } from "#shared/model/route.ts"
import type { Place } from "#shared/model/target.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain, quote, type Report } from "./complaint.ts"
import { compare } from "./merge.ts"
import { resolveTarget } from "./resolve-target.ts"
import { findService, notGranted, type Scope } from "./scope.ts"

type Path = readonly Step[]

const BEARER: CredentialPlace = { in: "header", name: "authorization", prefix: "Bearer" }
const API_KEY: CredentialPlace = { in: "header", name: "x-api-key", prefix: "" }
const JWKS_PATH = "/.well-known/jwks.json"

export function resolveAuthentication(resource: Resource, scope: Scope): Authentication {
  const document = resource.spec as D.AuthenticationDocument
  const tokens = (document.jwt ?? []).flatMap((jwt, index) => resolveJwt(scope, jwt, ["jwt", index]) ?? [])
  if (document.access) tokens.push(resolveAccess(document.access))
  checkTwins(scope, tokens)
  return {
    id: authenticationId(resource.namespace, resource.name),
    target: resolveTarget(scope, document),
    required: document.required ?? true,
    tokens,
    ...(document.keys && { keys: resolveKeys(scope, document.keys) }),
  }
}

function resolveJwt(scope: Scope, document: D.JwtDocument, path: Path): TokenProvider | undefined {
  const keys = resolveJwks(scope, document.jwks, [...path, "jwks"])
  const { type, payloadHeader } = document
  const claimHeaders = resolveClaimHeaders(document.claimHeaders)
  const payload = payloadHeader?.toLowerCase()
  if (payload !== undefined && claimHeaders.some(({ header }) => header === payload)) {
    const message = `The header ${quote(payload)} would be set twice`
    scope.report([...path, "payloadHeader"], complain("duplicate-name", message, "give it another name"))
  }
  return (
    keys && {
      issuer: document.issuer,
      audiences: [...new Set(document.audiences)].sort(compare),
      algorithms: [...new Set(document.algorithms ?? (["RS256", "ES256"] as const))].sort(compare),
      keys,
      from: resolvePlaces(scope, document.from, BEARER, [...path, "from"]),
      ...(type !== undefined && { type }),
      mayLiveForever: document.allowWithoutExpiry ?? false,
      forward: document.forward ?? false,
      claimHeaders,
      ...(payload !== undefined && { payloadHeader: payload }),
      listClaims: [...new Set(document.listClaims)].sort(compare),
    }
  )
}

/** https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/ */
function resolveAccess({ team, audiences, forward, claimHeaders }: D.AccessDocument): TokenProvider {
  const issuer = `https://${team}.cloudflareaccess.com`
  return {
    issuer,
    audiences: [...new Set(audiences)].sort(compare),
    algorithms: ["RS256"],
    keys: { kind: "url", url: `${issuer}/cdn-cgi/access/certs` },
    from: [
      { in: "header", name: "cf-access-jwt-assertion", prefix: "" },
      { in: "cookie", name: "CF_Authorization" },
    ],
    mayLiveForever: false,
    forward: forward ?? false,
    claimHeaders: resolveClaimHeaders(claimHeaders),
    listClaims: [],
  }
}

function resolveKeys(scope: Scope, { from, forward, headers }: D.KeysDocument): KeyAcceptance {
  return {
    from: resolvePlaces(scope, from, API_KEY, ["keys", "from"]),
    forward: forward ?? false,
    headers: Object.entries(headers ?? {}).map(([header, value]) => ({ header: header.toLowerCase(), value })),
  }
}

function resolveJwks(scope: Scope, document: D.JwtDocument["jwks"], path: Path): KeySource | undefined {
  if (typeof document === "string") return { kind: "url", url: new URL(document).href }
  const { url, service, keys } = document
  if (url !== undefined) return { kind: "url", url: new URL(url).href }
  if (keys) return { kind: "inline", keys: keys.map((key, index) => usable(scope, key, [...path, "keys", index])) }
  const id = findService(scope, service ?? "", [...path, "service"])
  if (id === undefined) return undefined
  if (namespaceOf(id) !== scope.namespace) {
    notGranted(scope, "service", id, [...path, "service"])
    return undefined
  }
  return { kind: "service", service: id, path: document.path ?? JWKS_PATH }
}

const MEMBERS = ["kty", "kid", "alg", "use", "key_ops", "crv", "n", "e", "x", "y"] as const

/** A key that could verify nothing is a mistake. One for encryption is none: sets of keys are copied as they were published. */
function usable(scope: Scope, document: D.JwkDocument, path: Path): PublicJwk {
  const jwk = publicMembers(document)
  const { use: _use, key_ops: _operations, ...bare } = jwk
  const read = readKeySet({ keys: [bare] })
  if ("reason" in read || read.keys.length === 0) {
    const message = "Nothing can be verified with this key: it is too short, not complete, or of an unknown kind"
    scope.report(
      path,
      complain("bad-key", message, "RSA keys have 2048 bits at least; curves are P-256, P-384, P-521, Ed25519"),
    )
  }
  return jwk
}

/** Certificates and whatever else an issuer writes beside the key mean nothing here. */
function publicMembers(document: D.JwkDocument): PublicJwk {
  const entries = MEMBERS.filter((member) => document[member] !== undefined).map((member) => [member, document[member]])
  return Object.fromEntries(entries) as unknown as PublicJwk
}

function resolvePlaces(
  scope: Scope,
  documents: readonly D.CredentialDocument[] | undefined,
  otherwise: CredentialPlace,
  path: Path,
): CredentialPlace[] {
  if (!documents) return [otherwise]
  const seen = new Set<string>()
  return documents.map((document, index) => {
    const place = placeOf(document)
    const identity = JSON.stringify([place.in, place.name])
    if (seen.has(identity)) {
      scope.report(
        [...path, index],
        complain("duplicate-name", `The ${place.in} ${quote(place.name)} stands here twice`),
      )
    }
    seen.add(identity)
    return place
  })
}

function placeOf({ header, prefix, query, paths, cookie }: D.CredentialDocument): CredentialPlace {
  if (header !== undefined) {
    const name = header.toLowerCase()
    return { in: "header", name, prefix: prefix ?? (name === BEARER.name ? "Bearer" : "") }
  }
  if (query !== undefined) return { in: "query", name: query, paths: paths ?? [] }
  return { in: "cookie", name: cookie ?? "" }
}

function resolveClaimHeaders(document: { readonly [header: string]: string } = {}): ClaimHeader[] {
  return Object.entries(document).map(([header, claim]) => {
    return { header: header.toLowerCase(), claim: parseMemberPath(claim) ?? [claim] }
  })
}

/**
 * A condition on claims where nobody proves anything would never hold, or always where it is negated: neither is what somebody means who
 * writes it, and the second lets everybody in.
 */
export function checkClaims(
  routes: readonly { readonly resource: Resource; readonly route: Route }[],
  authentications: readonly Authentication[],
  reportFor: (resource: Resource) => Report,
): void {
  const withTokens = authentications.filter(({ tokens }) => tokens.length > 0)
  for (const { resource, route } of routes) {
    const rule = route.rules.find(({ matches }) => matches.some(({ claims }) => claims !== undefined))
    if (!rule) continue
    const bare = route.attachments
      .map(placeOfAttachment)
      .find((place) => !withTokens.some((one) => covers(one.target, place)))
    if (!bare) continue
    const place = bare.at === "gateway" ? `the gateway ${quote(bare.gateway)}` : `the service ${quote(bare.service)}`
    const message = `The rule ${quote(rule.id)} asks for claims, and no authentication with "jwt" or "access" covers ${place}`
    const hint = 'cover it by an authentication, with "required: false" where nobody has to prove anything'
    reportFor(resource)(["rules"], complain("claims-without-authentication", message, hint))
  }
}

function placeOfAttachment(attachment: Attachment): Place {
  return attachment.to === "gateway"
    ? { at: "gateway", gateway: attachment.gateway }
    : { at: "service", service: attachment.service }
}

/** Of two that take the same tokens the second would never be asked. */
function checkTwins(scope: Scope, tokens: readonly TokenProvider[]): void {
  const seen = new Set<string>()
  for (const { issuer, audiences } of tokens) {
    const identity = JSON.stringify([issuer, audiences])
    if (seen.has(identity)) {
      const message = `The issuer ${quote(issuer)} stands here twice for the same audiences`
      scope.report(["jwt"], complain("duplicate-issuer", message, "join the two, or name other audiences"))
    }
    seen.add(identity)
  }
}
