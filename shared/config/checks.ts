/** How names, durations, hosts and header fields are written: one check a kind of value. */
import { LIMITS } from "#shared/model/limits.ts"
import { isLabel } from "#shared/model/names.ts"
import { formatDuration, parseDuration } from "#shared/std/duration.ts"
import { type Check, type Complaint, complain, didYouMean, quote } from "./complaint.ts"

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/
const BINDING = /^[A-Za-z_$][A-Za-z0-9_$]{0,127}$/
const WORKER = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,254}$/
const METHOD = /^[A-Z][A-Z-]{0,31}$/
const RPC = /^[A-Za-z_$*][A-Za-z0-9_$*]{0,127}(\.[A-Za-z_$*][A-Za-z0-9_$*]{0,127}){0,3}$/
const VERSION_ID = /^[0-9a-fA-F][0-9a-fA-F-]{7,63}$/
// Visible ASCII, spaces and tabs between it: anything else is read differently by different peers.
const FIELD_VALUE = /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/

/** Headers that carry the connection itself; the mesh and the platform own them. */
const CONNECTION_HEADERS = new Set(
  ["connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer"].concat([
    "transfer-encoding",
    "upgrade",
  ]),
)

export function checkName(text: string): Complaint | undefined {
  if (isLabel(text)) return undefined
  const rule = "must be at most 63 lower-case letters, digits and dashes"
  const near = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "")
  return complain("bad-name", `${quote(text)} ${rule}`, near === "" ? undefined : didYouMean(near))
}

/** `name` or `namespace/name`. */
export function checkReference(text: string): Complaint | undefined {
  const parts = text.split("/")
  if (parts.length <= 2 && parts.every(isLabel)) return undefined
  return complain("bad-reference", `${quote(text)} must be a name or "namespace/name"`)
}

/** A Service of Kubernetes: `namespace/name`, with one port if need be. */
export function checkAlias(text: string): Complaint | undefined {
  const [name = "", port, ...more] = text.split(":")
  const isPort = port === undefined || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)
  if (name.includes("/") && isPort && more.length === 0 && !checkReference(name)) return undefined
  return complain("bad-reference", `${quote(text)} must be "namespace/name" or "namespace/name:port"`)
}

/** A reference, if need be with one listener: `public#https`. */
export function checkGatewayReference(text: string): Complaint | undefined {
  const [gateway = "", listener, ...more] = text.split("#")
  if (more.length > 0 || (listener !== undefined && !isLabel(listener)) || checkReference(gateway)) {
    return complain("bad-reference", `${quote(text)} must be "name", "namespace/name" or "name#listener"`)
  }
  return undefined
}

export function checkDuration(
  leastMs: number,
  mostMs: number = LIMITS.timeoutMsMax,
  shortHint = "leave it out to have no limit",
): Check {
  return (text) => {
    const ms = parseDuration(text)
    if (ms === undefined) return complain("bad-duration", `${quote(text)} is not a duration`, durationHint(text))
    if (ms < leastMs) {
      return complain("bad-duration", `${quote(text)} is too short; the least is ${formatDuration(leastMs)}`, shortHint)
    }
    if (ms > mostMs) {
      return complain("bad-duration", `${quote(text)} is too long; the most is ${formatDuration(mostMs)}`)
    }
    return undefined
  }
}

/** Exact, `*.suffix`, or `*`. */
export function checkHostname(text: string): Complaint | undefined {
  if (text === "*") return undefined
  const host = text.startsWith("*.") ? text.slice(2) : text
  if (text.length <= LIMITS.hostBytesMax && host.split(".").every(isLabel)) return undefined
  const near = text
    .toLowerCase()
    .replace(/^[a-z]+:\/\//, "")
    .replace(/[:/?#].*$/s, "")
    .replace(/\.$/, "")
  const hint = near !== text && checkHostname(near) === undefined ? didYouMean(near) : undefined
  return complain("bad-hostname", `${quote(text)} must be a hostname, "*.suffix" or "*"`, hint)
}

/** The host that a rewrite or redirect names: without wildcard. */
export function checkHost(text: string): Complaint | undefined {
  if (!text.includes("*")) return checkHostname(text)
  return complain("bad-hostname", `${quote(text)} must be one host, without "*"`)
}

export function checkBinding(text: string): Complaint | undefined {
  if (!BINDING.test(text))
    return complain("bad-binding", `${quote(text)} is not the name of a binding`, 'write it like "ORDERS"')
  return reservedBinding(text)
}

/** The proxy's bindings to the mesh's own objects. */
const OBJECTS = new Set(["ROUTE_TABLE", "RELAY", "BREAKER", "LIMITER", "KEY_RING", "TELEMETRY"])

/** The mesh's own bindings are those of its objects, and all that begin with `WEFT`: no document may send traffic to them. */
export function reservedBinding(binding: string): Complaint | undefined {
  if (OBJECTS.has(binding.toUpperCase()))
    return complain("reserved-binding", `The binding ${quote(binding)} is reserved: it leads to an object of the mesh`)
  if (!/^WEFT(_|$)/i.test(binding)) return undefined
  return complain("reserved-binding", `The binding ${quote(binding)} is reserved: names in "WEFT" are the mesh's own`)
}

export const checkWorker = pattern(WORKER, "bad-worker-name", "is not the name of a Worker")
export const checkVersionId = pattern(VERSION_ID, "bad-version-id", "is not the id of a Worker's version")
export const checkToken = pattern(TOKEN, "bad-token", "must be letters, digits and dashes")
export const checkRpc = pattern(RPC, "bad-rpc-method", 'must be a method\'s name, or a glob like "get*"')

export function checkMethod(text: string): Complaint | undefined {
  if (METHOD.test(text)) return undefined
  const upper = text.toUpperCase()
  return complain(
    "bad-method",
    `${quote(text)} is not an HTTP method`,
    METHOD.test(upper) ? didYouMean(upper) : undefined,
  )
}

export function checkHeaderName(text: string): Complaint | undefined {
  return TOKEN.test(text) ? undefined : complain("bad-header-name", `${quote(text)} is not the name of a header`)
}

/** The name of a header that a filter changes: those that carry identity or framing are out of its reach. */
export function checkChangedHeader(text: string): Complaint | undefined {
  const malformed = checkHeaderName(text)
  if (malformed) return malformed
  // Peers fold `_` and `.` to `-`; so does the proxy when it drops reserved names.
  const folded = text.toLowerCase().replace(/[_.]/g, "-")
  if (folded === "host")
    return complain(
      "reserved-header",
      `${quote(text)} is not changed as a header`,
      'use the filter "rewrite" with "host"',
    )
  if (folded.startsWith("weft-") || CONNECTION_HEADERS.has(folded)) {
    return complain("reserved-header", `The header ${quote(text)} belongs to the mesh`)
  }
  return undefined
}

export function checkHeaderValue(text: string): Complaint | undefined {
  if (text.length > LIMITS.headerValueCharsMax)
    return complain(
      "too-long",
      `The value has ${text.length} characters; at most ${LIMITS.headerValueCharsMax} are allowed`,
    )
  if (FIELD_VALUE.test(text)) return undefined
  return complain("bad-header-value", `${quote(text)} must be printable ASCII without space at its ends`)
}

export function checkQueryName(text: string): Complaint | undefined {
  if (text !== "" && text.length <= LIMITS.matchValueCharsMax) return undefined
  return complain("bad-query-name", `A query parameter's name must have 1 to ${LIMITS.matchValueCharsMax} characters`)
}

/** RFC 3339, with its zone: what a clock shows without one depends on where it hangs. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/

export function checkMoment(text: string): Complaint | undefined {
  if (MOMENT.test(text) && !Number.isNaN(Date.parse(text))) return undefined
  return complain("bad-moment", `${quote(text)} is no date with time and zone`, 'write it like "2026-12-01T09:00:00Z"')
}

export function checkPeriod({ after, before }: { after?: unknown; before?: unknown }): Complaint | undefined {
  if (typeof after !== "string" || typeof before !== "string") return undefined
  if (!(Date.parse(after) >= Date.parse(before))) return undefined
  return complain("empty-period", `No moment is both after ${quote(after)} and before ${quote(before)}`)
}

/** A query as it stands in a URL, without "?". */
export function checkQuery(text: string): Complaint | undefined {
  if (/^[!-~]*$/.test(text) && !/[#"<>`]/.test(text)) return text.startsWith("?") ? leading(text) : checkCompared(text)
  return complain("bad-query", `${quote(text)} must be a query as it stands in a URL`, 'write it like "a=b&c=%20"')
}

function leading(text: string): Complaint {
  return complain(
    "bad-query",
    `${quote(text)} begins with the "?" that stands before a query`,
    didYouMean(text.slice(1)),
  )
}

/** The text that a value is compared with. */
export function checkCompared(text: string): Complaint | undefined {
  if (text.length <= LIMITS.matchValueCharsMax) return undefined
  return complain(
    "too-long",
    `The value has ${text.length} characters; at most ${LIMITS.matchValueCharsMax} are allowed`,
  )
}

/** Every value begins with, ends with and contains the empty text. */
export function checkPartCompared(text: string): Complaint | undefined {
  if (text === "") return complain("empty-value", "An empty text is part of every value", 'use "present: true"')
  return checkCompared(text)
}

/** `*`, `https://a.test`, `https://*.a.test`, with a port if need be. */
export function checkOrigin(text: string): Complaint | undefined {
  if (text === "*") return undefined
  const found = /^(https?):\/\/([^/:]+)(?::(\d{1,5}))?$/.exec(text)
  if (found && !checkHostname(found[2]!) && found[2] !== "*" && Number(found[3] ?? 1) <= 65_535) return undefined
  const near = /^https?:\/\/[^/]+(?=\/)/.exec(text)?.[0]
  const hint = near !== undefined && !checkOrigin(near) ? didYouMean(near) : undefined
  return complain("bad-origin", `${quote(text)} must be an origin such as "https://shop.example.com"`, hint)
}

/** Every site of the web would act for whoever is signed in. */
export function checkCors({
  origins,
  credentials,
}: {
  origins?: unknown
  credentials?: unknown
}): Complaint | undefined {
  if (credentials !== true || !Array.isArray(origins) || !origins.includes("*")) return undefined
  return complain(
    "cors-credentials",
    'it lets every origin ("*") read answers with credentials',
    'name the origins, such as "https://*.example.com", or leave credentials out',
  )
}

export function checkTokenOrAny(text: string): Complaint | undefined {
  return text === "*" ? undefined : checkToken(text)
}

function pattern(expression: RegExp, rule: string, message: string): Check {
  return (text) => (expression.test(text) ? undefined : complain(rule, `${quote(text)} ${message}`))
}

function durationHint(text: string): string {
  const [, count, unit = "s"] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?[a-z]*$/i.exec(text) ?? []
  if (count === undefined) return 'write it like "250ms", "2s" or "1m30s"'
  const unitMs = parseDuration(`1${unit.toLowerCase()}`)!
  return didYouMean(count.includes(".") ? `${Math.round(Number(count) * unitMs)}ms` : `${count}${unit.toLowerCase()}`)
}
