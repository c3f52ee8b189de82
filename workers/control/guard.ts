/** What every request must pass before anybody asks who sent it, and what every response carries. */
import { canonicalHost } from "#shared/std/host.ts"
import { problem } from "./problems.ts"

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // For browsers that do not know frame-ancestors.
  "x-frame-options": "DENY",
}

/** Only said over TLS does it mean anything (RFC 6797, 7.2). */
const TRANSPORT = "max-age=31536000"

export interface GuardOptions {
  /** The Worker's `WEFT_ADMIN_HOSTS`. */
  readonly hosts?: string | undefined
  /** The most that any endpoint reads of a body. */
  readonly bodyBytesMax: number
}

/** A refusal when the request's host, path, origin or size is not one that this Worker answers; otherwise nothing. */
export function guard(request: Request, { hosts, bodyBytesMax }: GuardOptions): Response | undefined {
  const url = canonicalUrl(request)
  if (!url) return problem(400, "The host or the path is not in its canonical form.")
  // A page that makes its own name lead to this address (DNS rebinding) still sends that name.
  if (hosts !== undefined && !isAllowed(url, hosts)) return problem(421, "This host is not in WEFT_ADMIN_HOSTS.")
  const origin = request.headers.get("origin")
  if (origin !== null && origin !== url.origin) return problem(403, "Requests from other origins are refused.")
  if (isFromElsewhere(request.headers, request.method)) return problem(403, "Requests from other sites are refused.")
  if (Number(request.headers.get("content-length") ?? 0) > bodyBytesMax) {
    return problem(413, `At most ${bodyBytesMax} bytes are read.`)
  }
  return undefined
}

/** A copy of the response with the headers that every response has. What a handler set itself stays. */
export function secured(response: Response, request: Request, requestId: string): Response {
  // A WebSocket has nobody who would read them.
  if (response.webSocket) return response
  const copy = new Response(response.body, response)
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!copy.headers.has(name)) copy.headers.set(name, value)
  }
  if (request.url.startsWith("https:")) copy.headers.set("strict-transport-security", TRANSPORT)
  copy.headers.set("weft-request-id", requestId)
  return copy
}

let known: { readonly text: string; readonly hosts: ReadonlySet<string> } = { text: "", hosts: new Set() }

/** An entry without a port is good for every port: on one's own machine it is any free one. */
function isAllowed(url: URL, text: string): boolean {
  if (known.text !== text)
    known = {
      text,
      hosts: new Set(
        text
          .toLowerCase()
          .split(/[\s,]+/)
          .filter(Boolean),
      ),
    }
  const hostname = url.hostname.replace(/\.$/, "")
  const port = url.port || (url.protocol === "https:" ? "443" : "80")
  return known.hosts.has(hostname) || known.hosts.has(`${hostname}:${port}`)
}

/**
 * A browser says which page sent a request, and sends no Origin with a plain GET. Following a link is harmless; embedding and
 * reading from another page, also from one of a sibling host, is nobody's wish.
 */
function isFromElsewhere(headers: Headers, method: string): boolean {
  const site = headers.get("sec-fetch-site")
  if (site === null || site === "same-origin" || site === "none") return false
  const followsLink = method === "GET" && headers.get("sec-fetch-mode") === "navigate"
  return !(followsLink && [null, "document"].includes(headers.get("sec-fetch-dest")))
}

/** The runtime joins scheme, Host header and target unread: only what comes out of the URL parser unchanged is taken. */
function canonicalUrl(request: Request): URL | undefined {
  const host = request.headers.get("host")
  if (host !== null && !canonicalHost(host)) return undefined
  if (!URL.canParse(request.url)) return undefined
  const url = new URL(request.url)
  if (!canonicalHost(url.host)) return undefined
  const start = request.url.indexOf("/", request.url.indexOf("//") + 2)
  const path = start === -1 ? "/" : request.url.slice(start).split(/[?#]/, 1)[0]
  return path === url.pathname ? url : undefined
}
