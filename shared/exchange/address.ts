/**
 * Where a request is addressed to, in canonical form, and where it goes after rewrites. The proxy reads real requests with
 * this, `explain` described ones: they cannot differ in what they understand.
 */
import { LIMITS } from "#shared/model/limits.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Rewrite } from "#shared/model/rewrite.ts"
import type { Matched } from "#shared/routing/candidate.ts"
import { rewriteOf, staysInPlace } from "#shared/routing/filters.ts"
import { canonicalHost } from "#shared/std/host.ts"
import { canonicalPath } from "#shared/std/path.ts"

export interface Address {
  readonly scheme: "http" | "https"
  /** Lower-case, no port, no trailing dot. */
  readonly host: string
  readonly port: number
  /** Canonical. */
  readonly path: string
  /** Without "?". */
  readonly rawQuery: string
}

export const DEFAULT_PORT = { http: 80, https: 443 } as const

/** `host` is the raw Host header, which says where the URL's authority ends; null to judge the URL's own. */
export function canonicalAddress(url: string, host: string | null): Address | Refusal {
  const { scheme, authority, target } = splitUrl(url, host)
  if (target.length > LIMITS.targetBytesMax) return refuse("uri_too_long")
  const named = canonicalHost(authority)
  if (!named) return refuse("bad_request", "the Host header is not a host name with an optional port")
  const query = target.indexOf("?")
  const rawPath = query < 0 ? target : target.slice(0, query)
  // Whether an escaped slash may stay is for the request's rule to say (`choose`).
  const path = canonicalPath(rawPath === "" ? "/" : rawPath, "keep-slashes")
  if (typeof path !== "string") return refuse("bad_request", path.problem)
  const rawQuery = query < 0 ? "" : target.slice(query + 1)
  return { scheme, host: named.host, port: named.port ?? DEFAULT_PORT[scheme], path, rawQuery }
}

/** Where the request goes after rewrites: canonical again, and still under the literal part of the new path (rule S3). */
export function rewriteAddress(
  from: Address,
  rewrites: readonly { readonly rewrite: Rewrite }[],
  matched: Matched | undefined,
): Address | Refusal {
  let address = from
  for (const { rewrite } of rewrites) {
    if (!matched) break
    const { host, path: raw, rawQuery } = rewriteOf(rewrite, address, matched)
    const path = canonicalPath(raw, "keep-slashes")
    if (typeof path !== "string") return refuse("bad_request", path.problem)
    if (rewrite.path && !staysInPlace(rewrite.path, raw, path)) {
      return refuse("bad_request", "the path leaves the place that the route rewrites it to")
    }
    const { scheme } = address
    address = { scheme, host, path, rawQuery, port: host === address.host ? address.port : DEFAULT_PORT[scheme] }
  }
  return address
}

export function urlOf(address: Address): string {
  return `${address.scheme}://${authorityOf(address)}${targetOf(address)}`
}

/** Whether a URL is written as `urlOf` would write it. A string to compare with would cost each request a microsecond. */
export function isWrittenAs(url: string, address: Address): boolean {
  const { scheme, path, rawQuery } = address
  const authority = authorityOf(address)
  const start = scheme.length + 3
  const end = start + authority.length
  const targetChars = path.length + (rawQuery === "" ? 0 : 1 + rawQuery.length)
  return (
    url.length === end + targetChars &&
    url.startsWith(authority, start) &&
    url.startsWith(path, end) &&
    (rawQuery === "" || (url[end + path.length] === "?" && url.endsWith(rawQuery))) &&
    url.startsWith(scheme) &&
    url.startsWith("://", scheme.length)
  )
}

export function authorityOf({ scheme, host, port }: Pick<Address, "scheme" | "host" | "port">): string {
  return port === DEFAULT_PORT[scheme] ? host : `${host}:${port}`
}

/** The path and query. */
export function targetOf({ path, rawQuery }: Address): string {
  return rawQuery === "" ? path : `${path}?${rawQuery}`
}

/** The target at an endpoint of its own origin: the endpoint's path is a prefix of the request's. */
export function urlAt(origin: string, target: string): string {
  return origin.endsWith("/") ? origin.slice(0, -1) + target : origin + target
}

interface RawTarget {
  readonly scheme: "http" | "https"
  readonly authority: string
  /** Path and query as they came, without fragment. */
  readonly target: string
}

/**
 * Takes `scheme://authority/target` apart without a URL parser, which would repair what must be judged. A Host header says
 * where the authority ends; if the platform has put another authority into the URL, the URL's own is judged.
 */
function splitUrl(url: string, host: string | null): RawTarget {
  const start = url.indexOf("://") + 3
  const scheme = url.startsWith("https:") ? "https" : "http"
  const end = host !== null && url.startsWith(host, start) ? start + host.length : endOfAuthority(url, start)
  const hash = url.indexOf("#", end)
  return { scheme, authority: url.slice(start, end), target: hash < 0 ? url.slice(end) : url.slice(end, hash) }
}

function endOfAuthority(url: string, start: number): number {
  for (let index = start; index < url.length; index++) {
    const char = url[index]
    if (char === "/" || char === "?" || char === "#") return index
  }
  return url.length
}
