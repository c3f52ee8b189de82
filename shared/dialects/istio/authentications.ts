/** RequestAuthentications as authentications: a token that is there must be a good one, and nobody needs one. */
import { checkClaimHeader, checkJwksUrl } from "#shared/config/authentication-checks.ts"
import { isNative, type NativeNames } from "#shared/config/dialect.ts"
import { labelOf } from "#shared/dialects/gateway-api/names.ts"
import type { Notes, Write } from "#shared/dialects/gateway-api/notes.ts"
import { readKeySet } from "#shared/identity/key-set.ts"
import {
  ALGORITHMS,
  type Authentication,
  type CredentialPlace,
  type KeySource,
  type TokenProvider,
} from "#shared/model/authentication.ts"
import type { Resource } from "#shared/model/document.ts"
import { authenticationId, type ServiceId, serviceId } from "#shared/model/names.ts"
import { parseJson } from "#shared/std/json.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"
import { freeId } from "./ids.ts"
import type { JwtRuleSpec, RequestAuthenticationObject } from "./types.ts"
import type { Workloads } from "./workloads.ts"

type Path = readonly (string | number)[]

const DEFAULT_PLACES: readonly CredentialPlace[] = [
  { in: "header", name: "authorization", prefix: "Bearer" },
  { in: "query", name: "access_token", paths: [] },
]
/** Of a service in a cluster: `orders.shop.svc.cluster.local`, `orders.shop`. */
const IN_CLUSTER = /^([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?$/
/** No token can be verified with these: who cannot say where an issuer's keys are has not said that anybody is let in. */
const NO_KEYS: KeySource = { kind: "inline", keys: [] }

export function translateAuthentications(
  resources: readonly Resource[],
  native: NativeNames,
  workloads: Workloads,
  notes: Notes,
): Authentication[] {
  const taken = new Set<string>(
    resources
      .filter((resource) => resource.kind === "Authentication" && isNative(resource))
      .map(({ namespace, name }) => authenticationId(namespace, name)),
  )
  return resources
    .filter(({ kind }) => kind === "RequestAuthentication")
    .flatMap(({ namespace, name, spec: object }) => {
      const write = notes.about({ kind: "RequestAuthentication", namespace, name })
      const { spec = {} } = object as RequestAuthenticationObject
      const { wholly, partly } = workloads.selected(namespace, spec, write)
      const targets = [...wholly, ...partly]
      const rules = spec.jwtRules ?? []
      const tokens = rules.map((rule, index) => providerOf(rule, namespace, native, ["spec", "jwtRules", index], write))
      if (targets.length === 0 || tokens.length === 0) return []
      write(
        [],
        "applied",
        "Accepted",
        "Accepted",
        `tokens of ${[...new Set(tokens.map(({ issuer }) => issuer))].join(", ")}`,
      )
      return targets.map((target): Authentication => {
        return { id: freeId((one) => authenticationId(namespace, one), name, taken), target, required: false, tokens }
      })
    })
}

function providerOf(
  rule: JwtRuleSpec,
  namespace: string,
  native: NativeNames,
  path: Path,
  write: Write,
): TokenProvider {
  const { issuer, audiences = [], forwardOriginalToken, outputPayloadToHeader: payload, spaceDelimitedClaims } = rule
  if (rule.timeout !== undefined) {
    const message = "How long keys may take to come is the same for all issuers"
    write([...path, "timeout"], "unsupported", "Accepted", "UnsupportedValue", message)
  }
  if (audiences.length === 0) {
    const message = "Without audiences, tokens that were made for others are taken too"
    write([...path, "audiences"], "applied", "Accepted", "Accepted", message)
  }
  const mayBeSet = (header: string, at: Path) => {
    const complaint = checkClaimHeader(header)
    if (complaint) write(at, "unsupported", "Accepted", "UnsupportedValue", complaint.message)
    return complaint === undefined
  }
  const claims = (rule.outputClaimToHeaders ?? []).filter(({ header }, index) =>
    mayBeSet(header, [...path, "outputClaimToHeaders", index]),
  )
  const hasPayload = payload !== undefined && mayBeSet(payload, [...path, "outputPayloadToHeader"])
  return {
    issuer,
    audiences: [...new Set(audiences)].sort(),
    algorithms: [...ALGORITHMS].sort(),
    keys: keysOf(rule, namespace, native, path, write),
    from: placesOf(rule),
    mayLiveForever: true,
    forward: forwardOriginalToken ?? false,
    claimHeaders: claims.map(({ header, claim }) => {
      return { header: header.toLowerCase(), claim: parseMemberPath(claim) ?? [claim] }
    }),
    ...(hasPayload && { payloadHeader: payload.toLowerCase() }),
    listClaims: spaceDelimitedClaims ?? [],
  }
}

function placesOf({ fromHeaders = [], fromParams = [], fromCookies = [] }: JwtRuleSpec): readonly CredentialPlace[] {
  const places: CredentialPlace[] = [
    ...fromHeaders.map(
      ({ name, prefix = "" }) => ({ in: "header", name: name.toLowerCase(), prefix: prefix.trim() }) as const,
    ),
    ...fromParams.map((name) => ({ in: "query", name, paths: [] }) as const),
    ...fromCookies.map((name) => ({ in: "cookie", name }) as const),
  ]
  return places.length === 0 ? DEFAULT_PLACES : places
}

function keysOf(
  { jwks, jwksUri }: JwtRuleSpec,
  namespace: string,
  { services }: NativeNames,
  path: Path,
  write: Write,
): KeySource {
  const refuse = (key: string, message: string): KeySource => {
    write([...path, key], "invalid", "ResolvedRefs", "InvalidKeys", `${message}: no token of this issuer is taken`)
    return NO_KEYS
  }
  if (jwks !== undefined) {
    const parsed = parseJson(jwks)
    const read = "problem" in parsed ? undefined : readKeySet(parsed.value)
    if (!read || "reason" in read || read.keys.length === 0) return refuse("jwks", "It is no set of public keys")
    return { kind: "inline", keys: read.keys.map((key) => key.jwk) }
  }
  if (jwksUri === undefined) return refuse("jwksUri", "Keys are not looked for by OpenID discovery")
  const inside = serviceOf(jwksUri, namespace)
  if (inside && services.has(inside.service)) return { kind: "service", ...inside }
  const complaint = checkJwksUrl(jwksUri)
  return complaint ? refuse("jwksUri", complaint.message) : { kind: "url", url: new URL(jwksUri).href }
}

/** A URL whose host is a service of the cluster is asked over the service's own binding. */
function serviceOf(url: string, namespace: string): { service: ServiceId; path: string } | undefined {
  if (!URL.canParse(url)) return undefined
  const { hostname, pathname, search } = new URL(url)
  const [, name, space = namespace] = IN_CLUSTER.exec(hostname) ?? /^([a-z0-9-]+)$/.exec(hostname) ?? []
  return name === undefined ? undefined : { service: serviceId(space, labelOf(name)), path: pathname + search }
}
