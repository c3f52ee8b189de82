/**
 * The one canonical form of a request's path. Routing, policy, logs and the upstream's URL all read this form, so that
 * no two of them can understand one request differently (rule S2; the bug class of Envoy CVE-2019-9901).
 *
 *   decoded       only unreserved %XX (RFC 3986 2.3), once; other escapes become upper-case
 *   escaped       characters that a URL parser would escape on the way out: " < > ^ ` { | }
 *   resolved      `.` and `..` segments, after decoding; `//` is one `/`
 *   refused       malformed %, controls, non-ASCII, `\`, and the escapes %00-%1F, %7F, %2F, %5C, which name a character
 *                 that cannot stand in a segment; a dot segment with parameters (`..;x`), which some servers resolve
 *
 * With `keep-slashes` the escape %2F stays, as a character of its segment, unless who decodes it would find a dot segment: whether a
 * request may have one is for its rule to say.
 */

export interface PathProblem {
  readonly problem: string
}

const PLAIN = 0
const ESCAPE = 1
const REFUSE = 2
const PERCENT = 3

/** What to do with each ASCII character. */
const CLASS = new Uint8Array(128)
for (let code = 0; code < 128; code++) CLASS[code] = code < 0x20 || code === 0x7f ? REFUSE : PLAIN
for (const char of ' "<>^`{|}') CLASS[char.charCodeAt(0)] = ESCAPE
CLASS["\\".charCodeAt(0)] = REFUSE
CLASS["%".charCodeAt(0)] = PERCENT

const SLASH = 0x2f
const DOT = 0x2e

export const ENCODED_SLASH = "%2F"
export type EncodedSlashes = "refuse-slashes" | "keep-slashes"

/** The canonical form of a raw path, which must begin with "/". Canonical paths come back as they are. */
export function canonicalPath(raw: string, slashes: EncodedSlashes = "refuse-slashes"): string | PathProblem {
  if (raw.charCodeAt(0) !== SLASH) return { problem: 'the path must begin with "/"' }
  return isCanonical(raw) ? raw : normalise(raw, slashes)
}

/** A canonical path at or below a prefix, by whole segments. */
export function isUnder(path: string, prefix: string): boolean {
  if (prefix === "/" || path === prefix) return true
  return path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`)
}

/** One pass without allocation: nearly every request takes only this. Errs on the side of `false`. */
function isCanonical(raw: string): boolean {
  let previous = 0
  for (let index = 0; index < raw.length; index++) {
    const code = raw.charCodeAt(index)
    if (code >= 128 || CLASS[code] !== PLAIN) return false
    if (previous === SLASH && (code === SLASH || code === DOT)) return false
    previous = code
  }
  return true
}

function normalise(raw: string, slashes: EncodedSlashes): string | PathProblem {
  const decoded = decodeUnreserved(raw, slashes)
  return typeof decoded === "string" ? resolveSegments(decoded) : decoded
}

function decodeUnreserved(raw: string, slashes: EncodedSlashes): string | PathProblem {
  let out = ""
  for (let index = 0; index < raw.length; index++) {
    const code = raw.charCodeAt(index)
    const kind = code < 128 ? CLASS[code] : REFUSE
    if (kind === PLAIN) {
      out += raw[index]
    } else if (kind === ESCAPE) {
      out += escapeOf(code)
    } else if (kind === REFUSE) {
      return { problem: `the path holds the character ${describe(code)}` }
    } else {
      const byte = hexByte(raw, index + 1)
      if (byte === undefined) return { problem: 'the path holds a "%" that two hex digits do not follow' }
      const isRefused = byte === SLASH ? slashes === "refuse-slashes" : byte < 0x20 || byte === 0x7f || byte === 0x5c
      if (isRefused) return { problem: `the path holds the escape ${escapeOf(byte)}` }
      out += isUnreserved(byte) ? String.fromCharCode(byte) : escapeOf(byte)
      index += 2
    }
  }
  return out
}

function resolveSegments(path: string): string | PathProblem {
  const kept: string[] = []
  let endsWithSlash = false
  for (const segment of path.slice(1).split("/")) {
    endsWithSlash = segment === "" || segment === "." || segment === ".."
    if (segment === "..") kept.pop()
    else if (!endsWithSlash) {
      if (/^\.\.?;/.test(segment)) return { problem: "the path holds a dot segment with parameters" }
      if (hidesDots(segment)) return { problem: `the path holds a dot segment beside the escape ${ENCODED_SLASH}` }
      kept.push(segment)
    }
  }
  if (kept.length === 0) return "/"
  return `/${kept.join("/")}${endsWithSlash ? "/" : ""}`
}

/** What a server would find that takes an escaped slash for one. */
function hidesDots(segment: string): boolean {
  return segment.includes(ENCODED_SLASH) && segment.split(ENCODED_SLASH).some((part) => /^\.\.?(;|$)/.test(part))
}

function hexByte(text: string, index: number): number | undefined {
  const high = hexDigit(text.charCodeAt(index))
  const low = hexDigit(text.charCodeAt(index + 1))
  return high < 0 || low < 0 ? undefined : high * 16 + low
}

/** -1 for what is no hex digit, NaN (past the end) included. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function isUnreserved(byte: number): boolean {
  const letter = byte | 0x20
  return (
    (letter >= 0x61 && letter <= 0x7a && byte < 128) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === DOT ||
    byte === 0x5f ||
    byte === 0x7e
  )
}

function escapeOf(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
}

function describe(code: number): string {
  return code > 0x20 && code < 0x7f
    ? JSON.stringify(String.fromCharCode(code))
    : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`
}
