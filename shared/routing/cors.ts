/**
 * Cross-origin requests (Fetch standard; Gateway API: HTTPCORSFilter). A preflight is answered by the mesh; on any
 * other request of an origin the response gets the headers. The policy is the route's: an upstream's own allowance of
 * an origin that the route does not allow is taken off.
 */
import type { Cors, Header, HeaderChange } from "#shared/model/route.ts"
import type { Answer } from "./filters.ts"
import type { RequestHead } from "./head.ts"

const ALLOW_ORIGIN = "access-control-allow-origin"
const ALLOW_CREDENTIALS = "access-control-allow-credentials"
const EXPOSE_HEADERS = "access-control-expose-headers"
const ANY = "*"
/** What a wildcard may stand for: labels, dots and a port, but nothing that ends the host. Browsers write hosts in lower case. */
const HOST_TEXT = /^[a-z0-9.:-]+$/

/**
 * The answer to a preflight; undefined for any other request. An origin that is not allowed gets 204 without CORS
 * headers.
 */
export function preflight(cors: Cors, head: RequestHead): Answer | undefined {
  const origin = head.headers.get("origin")
  const method = head.headers.get("access-control-request-method")
  if (head.method !== "OPTIONS" || origin === null || method === null) return undefined
  if (!allowsOrigin(cors, origin)) return { status: 204, headers: vary(cors), body: "" }
  const requested = head.headers.get("access-control-request-headers") ?? ""
  const headers = originHeaders(cors, origin)
  add(headers, "access-control-allow-methods", listed(cors, cors.methods, method))
  add(headers, "access-control-allow-headers", listed(cors, cors.headers, requested))
  add(headers, EXPOSE_HEADERS, listed(cors, cors.exposeHeaders, ""))
  add(headers, "access-control-max-age", String(cors.maxAgeSeconds))
  return { status: 204, headers: [...headers, ...vary(cors)], body: "" }
}

/**
 * What changes on the response to a request with this `origin` header (null: none). `responseNames` are the names of
 * the response's headers: with credentials a browser reads `*` as a name, so everything is exposed by listing it.
 */
export function corsHeaders(cors: Cors, origin: string | null, responseNames: Iterable<string> = []): HeaderChange {
  if (origin === null) return { set: [], add: vary(cors), remove: [] }
  if (!allowsOrigin(cors, origin)) {
    return { set: [], add: vary(cors), remove: [ALLOW_ORIGIN, ALLOW_CREDENTIALS, EXPOSE_HEADERS] }
  }
  const set = originHeaders(cors, origin)
  add(set, EXPOSE_HEADERS, listed(cors, cors.exposeHeaders, [...responseNames].join(", ")))
  return { set, add: vary(cors), remove: cors.credentials ? [] : [ALLOW_CREDENTIALS] }
}

/** `*`, an exact origin, or a pattern with one `*` at the left of its host, which takes any number of labels. */
export function allowsOrigin(cors: Cors, origin: string): boolean {
  return cors.origins.some((allowed) => {
    if (allowed === ANY || allowed === origin) return true
    const star = allowed.indexOf(ANY)
    if (star < 0) return false
    const before = allowed.slice(0, star)
    const after = allowed.slice(star + 1)
    if (!origin.startsWith(before) || !origin.endsWith(after)) return false
    return HOST_TEXT.test(origin.slice(before.length, origin.length - after.length))
  })
}

function originHeaders(cors: Cors, origin: string): Header[] {
  const headers: Header[] = [{ name: ALLOW_ORIGIN, value: allowsAnybody(cors) ? ANY : origin }]
  if (cors.credentials) headers.push({ name: ALLOW_CREDENTIALS, value: "true" })
  return headers
}

/** Caches must keep the answers to different origins apart, also the answer to one that is not allowed. */
function vary(cors: Cors): readonly Header[] {
  return allowsAnybody(cors) ? [] : [{ name: "vary", value: "origin" }]
}

/** The answer is the same for every origin. */
function allowsAnybody(cors: Cors): boolean {
  return cors.origins.includes(ANY) && !cors.credentials
}

/** The configured names; for `*` with credentials what was asked for, since a browser then takes `*` for a name. */
function listed(cors: Cors, configured: readonly string[], asked: string): string {
  if (!configured.includes(ANY)) return configured.join(", ")
  return cors.credentials ? asked : ANY
}

function add(headers: Header[], name: string, value: string): void {
  if (value !== "") headers.push({ name, value })
}
