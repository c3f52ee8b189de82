/** How the values of these objects are written, where a cluster would refuse them. */
import { checkHostname, checkToken } from "#shared/config/checks.ts"
import { type Complaint, complain, didYouMean, quote } from "#shared/config/complaint.ts"
import { isLabel } from "#shared/model/names.ts"
import { parseDuration } from "#shared/std/duration.ts"
import { GATEWAY_API_LIMITS as MAX } from "./limits.ts"

/** RFC 1123 subdomain. */
export function checkObjectName(text: string): Complaint | undefined {
  if (text.length <= MAX.nameCharsMax && text.split(".").every(isLabel)) return undefined
  return complain("bad-name", `${quote(text)} must be lower-case letters, digits, dashes and dots`)
}

export function checkNamespace(text: string): Complaint | undefined {
  if (isLabel(text)) return undefined
  return complain("bad-name", `${quote(text)} must be at most 63 lower-case letters, digits and dashes`)
}

/** Exact or `*.suffix`; unlike in native documents there is no `*`, which is said by leaving it out. */
export function checkRouteHostname(text: string): Complaint | undefined {
  if (text === "*") return complain("bad-hostname", '"*" is no hostname here', "leave it out to take every host")
  if (/^[0-9.]+$/.test(text)) return complain("bad-hostname", `${quote(text)} is an IP address, not a hostname`)
  return checkHostname(text)
}

export function checkHost(text: string): Complaint | undefined {
  if (!text.includes("*")) return checkRouteHostname(text)
  return complain("bad-hostname", `${quote(text)} must be one host, without "*"`)
}

/** GEP-2257; "0s" is one: it means without limit. */
export function checkGepDuration(text: string): Complaint | undefined {
  if (parseDuration(text) !== undefined) return undefined
  const hint = /^\d+(\.\d+)?$/.test(text)
    ? didYouMean(`${Math.round(Number(text))}s`)
    : 'write it like "500ms" or "1m30s"'
  return complain("bad-duration", `${quote(text)} is not a duration`, hint)
}

/** Of an exact or prefix match, and of a path that replaces another one. */
export function checkPathValue(text: string): Complaint | undefined {
  if (text.length > MAX.pathCharsMax)
    return complain("too-long", `The path has more than ${MAX.pathCharsMax} characters`)
  if (!text.startsWith("/")) return complain("path-slash", `${quote(text)} must begin with "/"`, didYouMean(`/${text}`))
  const refused = ["//", "/./", "/../", "%2f", "%2F", "#"].find((part) => text.includes(part))
  if (refused !== undefined) return complain("bad-path", `${quote(text)} must not contain ${quote(refused)}`)
  const end = ["/..", "/."].find((part) => text.endsWith(part))
  return end === undefined ? undefined : complain("bad-path", `${quote(text)} must not end with ${quote(end)}`)
}

/** Replacements may also be empty. */
export function checkReplacement(text: string): Complaint | undefined {
  if (text.length <= MAX.pathCharsMax) return undefined
  return complain("too-long", `The path has more than ${MAX.pathCharsMax} characters`)
}

export function checkValue(text: string): Complaint | undefined {
  if (text.length <= MAX.valueCharsMax) return undefined
  return complain("too-long", `The value has more than ${MAX.valueCharsMax} characters`)
}

export function checkQueryName(text: string): Complaint | undefined {
  return text === "" ? complain("bad-query-name", "A query parameter needs a name") : checkValue(text)
}

export function checkTokenOrAny(text: string): Complaint | undefined {
  return text === "*" ? undefined : checkToken(text)
}

/** `*`, or scheme, host and port; one `*` may stand at the left of the host. */
export function checkCorsOrigin(text: string): Complaint | undefined {
  const found = /^[a-z][a-z0-9+.-]*:\/\/([^/:]+)(?::(\d{1,5}))?$/.exec(text)
  const fits = text === "*" || (found && (found[1] === "*" || checkHostname(found[1]!) === undefined))
  return fits
    ? undefined
    : complain("bad-origin", `${quote(text)} must be "*" or an origin such as "https://*.example.com"`)
}
