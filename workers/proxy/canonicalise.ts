/**
 * The one canonical request, built first and from raw parts. Nothing after this reads what the sender sent (rule S1).
 */
import { isHopByHop, isReserved, nominated } from "#shared/identity/headers.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import { canonicalHost } from "#shared/std/host.ts"
import { canonicalPath } from "#shared/std/path.ts"
import type { Entrance } from "./exchange.ts"

export interface CanonicalRequest extends Address {
  readonly method: string
  /**
   * A copy that filters may change, with the canonical URL and free of hop-by-hop and reserved headers. One copy of the whole
   * request is the cheapest way to headers that can be set.
   */
  readonly request: Request
  /** The request's `origin` header, for CORS. */
  readonly origin: string | null
  /** Mesh hops the request has made before this one. */
  readonly hops: number
  readonly traceparent: string | null
  /** Whether the sender asked how the mesh decided. */
  readonly debug: boolean
}

/** Where a request is addressed to. */
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

export function canonicalise(request: Request, entrance: Entrance): CanonicalRequest | Refusal {
  const { method, url, headers } = request
  if (method === "TRACE" || method === "CONNECT") return refuse("method_not_supported")
  const raw = splitUrl(url, entrance.at === "gateway" ? headers.get("host") : null)
  if (raw.target.length > LIMITS.targetBytesMax) return refuse("uri_too_long")
  const address = canonicalAddress(raw)
  if ("refusal" in address) return address
  const dropped = droppedHeaders(headers, entrance)
  if (!Array.isArray(dropped)) return dropped

  const canonicalUrl = urlOf(address)
  const copy = canonicalUrl === url ? new Request(request) : withUrl(request, address)
  for (const name of dropped) copy.headers.delete(name)
  const { scheme, host, port, path, rawQuery } = address
  return {
    method,
    scheme,
    host,
    port,
    path,
    rawQuery,
    request: copy,
    origin: headers.get("origin"),
    hops: entrance.at === "service" ? hopsOf(headers.get(HEADER.hops)) : 0,
    traceparent: headers.get(HEADER.traceparent),
    debug: headers.has(HEADER.debug),
  }
}

/** The same request, addressed elsewhere. */
export function withUrl(request: Request, address: Address): Request {
  const moved = new Request(urlOf(address), request)
  if (moved.headers.has("host")) moved.headers.set("host", authorityOf(address))
  return moved
}

export function urlOf(address: Address): string {
  const query = address.rawQuery === "" ? "" : `?${address.rawQuery}`
  return `${address.scheme}://${authorityOf(address)}${address.path}${query}`
}

export function authorityOf({ scheme, host, port }: Pick<Address, "scheme" | "host" | "port">): string {
  return port === DEFAULT_PORT[scheme] ? host : `${host}:${port}`
}

export const DEFAULT_PORT = { http: 80, https: 443 } as const

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

function canonicalAddress({ scheme, authority, target }: RawTarget): Address | Refusal {
  const named = canonicalHost(authority)
  if (!named) return refuse("bad_request", "the Host header is not a host name with an optional port")
  const query = target.indexOf("?")
  const rawPath = query < 0 ? target : target.slice(0, query)
  const path = canonicalPath(rawPath === "" ? "/" : rawPath)
  if (typeof path !== "string") return refuse("bad_request", path.problem)
  const rawQuery = query < 0 ? "" : target.slice(query + 1)
  return { scheme, host: named.host, port: named.port ?? DEFAULT_PORT[scheme], path, rawQuery }
}

/** The names of the sender's headers that must not go on; a refusal when they are too many or too large. */
function droppedHeaders(headers: Headers, entrance: Entrance): string[] | Refusal {
  const untrusted = entrance.at === "gateway"
  const dropped: string[] = []
  let count = 0
  let bytes = 0
  headers.forEach((value, name) => {
    count += 1
    bytes += name.length + value.length
    if (isHopByHop(name)) {
      dropped.push(name)
      if (name === "connection" && untrusted) dropped.push(...nominated(value))
    } else if (untrusted ? isReserved(name) : name.startsWith("weft")) dropped.push(name)
  })
  if (count > LIMITS.headersMax) return refuse("headers_too_large", `more than ${LIMITS.headersMax} headers`)
  if (bytes > LIMITS.headerBytesMax) {
    return refuse("headers_too_large", `more than ${LIMITS.headerBytesMax} bytes of headers`)
  }
  return dropped
}

function hopsOf(header: string | null): number {
  return header !== null && /^\d{1,4}$/.test(header) ? Number(header) : 0
}
