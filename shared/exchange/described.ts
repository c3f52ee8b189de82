/** A request in words, as the proxy would get it: raw, so that it is judged like any other. */
import { withLists } from "#shared/identity/claims.ts"
import { peerFromProps } from "#shared/identity/peer.ts"
import { DEFAULT_GATEWAY, type GatewayId, gatewayId } from "#shared/model/names.ts"
import type { Claims, Principals } from "#shared/model/principal.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { DescribedRequest, DescribedUser } from "#shared/protocol/explain.ts"
import type { RawRequest } from "./admit.ts"
import type { Entrance } from "./decide.ts"

export interface Arriving {
  readonly raw: RawRequest
  readonly entrance: Entrance
  readonly rpc: string | undefined
}

export function arriving(described: DescribedRequest): Arriving | Refusal {
  const entrance = entranceOf(described)
  if ("refusal" in entrance) return entrance
  const headers = headersOf(described)
  if (!(headers instanceof Headers)) return headers
  const url = urlAsSent(described, headers)
  if (typeof url !== "string") return url
  return { raw: { method: (described.method ?? "GET").toUpperCase(), url, headers }, entrance, rpc: described.rpc }
}

/** Who asks, if what was described is proven. */
export function principalsOf(
  { user, key, address }: DescribedRequest,
  entrance: Entrance,
  listClaims: readonly string[] = [],
): Principals {
  return {
    caller: entrance.at === "service" ? entrance.peer.from : undefined,
    user: user && {
      issuer: user.issuer,
      subject: user.subject,
      audiences: user.audiences ?? [],
      presenter: user.presenter,
      claims: withLists(claimsOf(user), listClaims),
    },
    key,
    address,
  }
}

/** The whole payload, with what was told of it by other names. */
function claimsOf({ issuer, subject, audiences, presenter, claims }: DescribedUser): Claims {
  const told = Object.entries({ iss: issuer, sub: subject, aud: audiences, azp: presenter })
  const known = told.filter(([, value]) => value !== undefined && value !== "")
  return { ...(Object.fromEntries(known) as Claims), ...(claims as Claims) }
}

/** Who calls by a binding is named by its props: the proxy refuses one that is not. */
function entranceOf({ gateway, from, to, rpc }: DescribedRequest): Entrance | Refusal {
  if (from === undefined && to === undefined && rpc === undefined) {
    return { at: "gateway", gateway: gateway === undefined ? DEFAULT_GATEWAY : gatewayIdOf(gateway) }
  }
  const peer = peerFromProps({ from, to })
  return peer ? { at: "service", peer } : refuse("unauthenticated", "the binding's props must name the caller")
}

function gatewayIdOf(reference: string): GatewayId {
  const [first = "", second] = reference.split("/")
  return second === undefined ? gatewayId("default", first) : gatewayId(first, second)
}

function headersOf({ headers = [] }: DescribedRequest): Headers | Refusal {
  const built = new Headers()
  for (const { name, value } of headers) {
    try {
      built.append(name, value)
    } catch {
      return refuse("bad_request", `${JSON.stringify(name)} with this value is not a header`)
    }
  }
  return built
}

/** The URL that the platform makes of scheme, Host header and target. */
function urlAsSent({ url = "/", to, rpc }: DescribedRequest, headers: Headers): string | Refusal {
  const [, scheme, rest = url] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url) ?? []
  if (scheme !== undefined && !/^https?$/i.test(scheme)) return refuse("bad_request", "only http and https are spoken")
  // A service's name, where a binding names the service and nobody looks at the host.
  const host = headers.get("host") ?? to?.split("/").at(-1)
  const bare = scheme === undefined && url.startsWith("/")
  if (bare && host === undefined && rpc === undefined) return refuse("bad_request", "the URL names no host")
  const end = bare ? 0 : rest.search(/[/?#]|$/)
  const authority = headers.get("host") ?? (bare ? (host ?? "rpc") : rest.slice(0, end))
  if (!headers.has("host") && /^[!-~]+$/.test(authority)) headers.set("host", authority)
  return `${scheme?.toLowerCase() ?? "http"}://${authority}${rest.slice(end)}`
}
