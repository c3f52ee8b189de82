/** What is kept of a request's head: what decides where it goes, and nothing that tells who somebody is or what he may. */

/** Conditions of routes look at these; anything else of a request is not kept. */
export interface Wanted {
  readonly headers: ReadonlySet<string>
  readonly query: ReadonlySet<string>
}

const SEGMENT_CHARS_MAX = 24
const VALUE_CHARS_MAX = 64
const PATH_CHARS_MAX = 512
/** What carries a credential, or somebody's address, whatever a route matches by. */
const PRIVATE = /auth|cookie|token|secret|key|session|password|signature|credential|jwt|csrf|forwarded|-ip$|^ip$|email/i

/** Whether a header or parameter of this name may be kept at all. */
export function isPublicName(name: string): boolean {
  return !PRIVATE.test(name)
}

/** A path whose segments that look like ids, secrets or persons have their shape left: letters are `x`, digits `0`. */
export function scrubPath(path: string): string {
  const kept = path.slice(0, PATH_CHARS_MAX)
  return kept.split("/").map(scrubSegment).join("/")
}

/** The parameters that are wanted, in their order; "" for none. */
export function scrubQuery(rawQuery: string, wanted: ReadonlySet<string>): string {
  if (rawQuery === "" || wanted.size === 0) return ""
  const kept = rawQuery.split("&").filter((part) => {
    const [name = "", value = ""] = part.split("=", 2)
    return wanted.has(name) && isPublicName(name) && value.length <= VALUE_CHARS_MAX
  })
  return kept.join("&")
}

/** The value of a header that is wanted; undefined for one that is not kept. */
export function scrubHeader(name: string, value: string | null): string | undefined {
  return value === null || !isPublicName(name) || value.length > VALUE_CHARS_MAX ? undefined : value
}

function scrubSegment(segment: string): string {
  // What is left of an escape might be another one.
  return looksPrivate(segment)
    ? segment
        .replace(/%[0-9a-f]{2}/gi, "x")
        .replace(/[A-Z]/g, "X")
        .replace(/[a-z]/g, "x")
        .replace(/[0-9]/g, "0")
    : segment
}

/** Long, or with an address's at-sign, or digits that are more than a version or a year, or that stand between letters. */
function looksPrivate(segment: string): boolean {
  if (segment.length > SEGMENT_CHARS_MAX || /@|%40/i.test(segment)) return true
  const digits = segment.replace(/[^0-9]/g, "").length
  return digits >= 5 || (digits >= 2 && /[a-z][0-9]+[a-z]/i.test(segment))
}
