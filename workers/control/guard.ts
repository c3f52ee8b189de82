/** What every request must pass before anybody asks who sent it, and what every response carries. */
import { canonicalHost } from "#shared/std/host.ts"
import { problem } from "./problems.ts"

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
}

/** A refusal when the request's host, path or origin is not one that this Worker answers; otherwise nothing. */
export function guard(request: Request): Response | undefined {
  const url = canonicalUrl(request)
  if (!url) return problem(400, "The host or the path is not in its canonical form.")
  const origin = request.headers.get("origin")
  if (origin !== null && origin !== url.origin) return problem(403, "Requests from other origins are refused.")
  // A browser sends no Origin with a plain GET. Following a link is harmless, embedding is not asked for by anybody.
  const followsLink = request.method === "GET" && request.headers.get("sec-fetch-mode") === "navigate"
  if (request.headers.get("sec-fetch-site") === "cross-site" && !followsLink) {
    return problem(403, "Requests from other sites are refused.")
  }
  return undefined
}

/** A copy of the response with the headers that every response has. What a handler set itself stays. */
export function secured(response: Response): Response {
  const copy = new Response(response.body, response)
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!copy.headers.has(name)) copy.headers.set(name, value)
  }
  return copy
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
