/**
 * Which headers of a request the mesh lets through (rule S5): first the hop-by-hop ones and what the client nominated go,
 * then every name that folds to a reserved one, unless a trusted peer sent it. What the mesh sets itself comes after.
 */

/** Of one connection only (RFC 9110 7.6.1), or of HTTP's own machinery. `upgrade` stays: WebSockets need it. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "expect",
  "http2-settings",
])

/** Said by the mesh or the platform about a public request, never by its sender. */
const RESERVED = new Set([
  "forwarded",
  "x-forwarded",
  "x-real-ip",
  "x-original-url",
  "x-original-uri",
  "x-original-host",
  "x-original-method",
  "x-rewrite-url",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  // Programs that run as CGI take it for the proxy that they are to use (httpoxy).
  "proxy",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
])

const RESERVED_PREFIXES = ["weft-", "x-weft-", "x-mesh-", "x-forwarded-", "proxy-", "cloudflare-workers-"]

/** Cannot be nominated away by a client's `Connection` header: it would drop who is asking. */
const NOT_NOMINATED = new Set([
  "authorization",
  "cookie",
  "host",
  "content-length",
  "content-type",
  "traceparent",
  "tracestate",
])

/** What the platform's edge says of a public request, above all `cf-connecting-ip`; it takes off what clients send by these names. */
const OF_EDGE = "cf-"

/** A token proves itself, whoever brings it; one that is dropped would make somebody of whom it says that he is not into nobody. */
const PROVEN = "cf-access-jwt-assertion"

/** Whether the edge alone may say this: where no edge stands before the proxy, the client did. */
export function isOfEdge(name: string): boolean {
  return name.startsWith(OF_EDGE) && name !== PROVEN
}

/** Whether some servers would read the name as another one: they take `_` and `.` for `-` (nginx: underscores_in_headers). */
export function isAmbiguous(name: string): boolean {
  return name.includes("_") || name.includes(".")
}

/** Whether a header of this lower-case name must not be passed on from an untrusted sender. */
export function isReserved(name: string): boolean {
  const folded = fold(name)
  if (RESERVED.has(folded)) return true
  // The edge knows only its own spelling.
  if (folded !== name && folded.startsWith(OF_EDGE)) return true
  for (const prefix of RESERVED_PREFIXES) if (folded.startsWith(prefix)) return true
  return false
}

/** The names that only look like others: servers that read `_` and `.` as `-` would take them for reserved ones. */
export function disguisedIn(headers: Headers): readonly string[] {
  const disguised: string[] = []
  headers.forEach((_, name) => {
    if (isAmbiguous(name) && isReserved(name)) disguised.push(name)
  })
  return disguised
}

export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name)
}

/** The lower-case names that a `Connection` header takes out of the request. */
export function nominated(connection: string): string[] {
  return connection
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && !NOT_NOMINATED.has(name) && !name.startsWith(OF_EDGE) && name !== "upgrade")
}

/** Some servers read `_` and `.` in a name as `-`: names that fold alike are alike. */
export function fold(name: string): string {
  return isAmbiguous(name) ? name.replace(/[_.]/g, "-") : name
}

/**
 * The names of an answer's headers that must not come back: what was for that connection only, what it nominated, and when it comes
 * from outside the mesh what only the mesh may say, so that nobody can pass an answer off as the mesh's refusal.
 */
export function droppedFromAnswer(headers: Headers, isOutside: boolean): readonly string[] {
  const dropped: string[] = []
  headers.forEach((value, name) => {
    if (name === "connection") dropped.push(name, ...nominated(value))
    else if (isHopByHop(name) || (isOutside && name.startsWith("weft-"))) dropped.push(name)
  })
  return dropped
}

/**
 * Cookies that came in several lines, as one line of them (RFC 9113, 8.2.3): the runtime has joined the lines with commas, which stand in no
 * cookie (RFC 6265, 4.1.1), and by which servers would read another cookie than the mesh has judged.
 */
export function oneLineOf(cookies: string): string {
  return cookies.replace(/,[ \t]*(?=[\w!#$%&'*+.^`|~-]+=)/g, "; ")
}
