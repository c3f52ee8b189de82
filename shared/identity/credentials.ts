/**
 * Where a request carries credentials: what stands at a place, and the request without it. A place that looks as if it held one
 * holds one, however badly it is written: nobody becomes anonymous by a mistake.
 */
import type { CredentialPlace } from "#shared/model/authentication.ts"
import { isUnder } from "#shared/std/path.ts"

/** What a request says, as far as credentials are looked for. */
export interface Presented {
  /** Canonical. */
  readonly path: string
  /** Without "?". */
  readonly rawQuery: string
  /** By lower-case name; values of a repeated header with ", " between them; undefined for one that cannot be read. */
  readonly headers: ReadonlyMap<string, string | undefined>
}

/** What API keys begin with. */
export const API_KEY_PREFIX = "weft_key_"

const API_KEY = /^weft_key_[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?_[0-9A-Za-z]{32}$/

export function isApiKey(text: string): boolean {
  return API_KEY.test(text)
}

/** Every text at the place. More than one, or what is no single credential, is for the caller to refuse. */
export function credentialsAt(place: CredentialPlace, { path, rawQuery, headers }: Presented): readonly string[] {
  switch (place.in) {
    case "header": {
      const value = headers.get(place.name)
      if (value === undefined) return headers.has(place.name) ? UNREADABLE : NONE
      return inHeader(value, place.prefix)
    }
    case "query":
      return rawQuery !== "" && isLookedAt(place, path) ? parametersIn(rawQuery).getAll(place.name) : NONE
    case "cookie": {
      const value = headers.get("cookie")
      if (value === undefined) return headers.has("cookie") ? UNREADABLE : NONE
      return cookiesIn(value).flatMap(({ name, text }) => (name === place.name ? text : []))
    }
  }
}

/** The query without a parameter, all others as they were. */
export function withoutParameter(rawQuery: string, name: string): string {
  return rawQuery
    .split("&")
    .filter((pair) => !parametersIn(pair).has(name))
    .join("&")
}

/** The `cookie` header without a cookie, all others as they were; "" when none is left. */
export function withoutCookie(header: string, name: string): string {
  const isOther = (part: string) => cookiesIn(part).every((cookie) => cookie.name !== name)
  return header
    .split(";")
    .map((part) => (isOther(part) ? part : part.split(",").filter(isOther).join(",")).trim())
    .filter((part) => part !== "")
    .join("; ")
}

export function isLookedAt({ paths }: Extract<CredentialPlace, { in: "query" }>, path: string): boolean {
  return paths.length === 0 || paths.some((prefix) => isUnder(path, prefix))
}

const NONE: readonly string[] = []
/** A credential, for it is there, and a bad one. */
const UNREADABLE: readonly string[] = [""]

/** By the URL standard. The constructor would take a leading "?" off, which upstreams see as part of the first name. */
function parametersIn(query: string): URLSearchParams {
  return new URLSearchParams(`&${query}`)
}

/**
 * `Bearer <token>`, the scheme in any case (RFC 9110 11.1). Two lines of one header arrive as one value with a comma: where one
 * of them is ours, the whole of it is presented, and is no token.
 */
function inHeader(value: string, prefix: string): readonly string[] {
  if (prefix === "") return [value]
  const parts = value.split(",").filter((part) => hasPrefix(part.trim(), prefix))
  if (parts.length === 0) return NONE
  if (value.includes(",")) return [value]
  return [value.slice(prefix.length).replace(/^ /, "")]
}

function hasPrefix(text: string, prefix: string): boolean {
  const next = text[prefix.length]
  return (
    text.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase() &&
    (next === undefined || next === " " || next === "\t")
  )
}

interface Cookie {
  readonly name: string
  readonly text: string
}

/** Also behind a comma, which stands between two `cookie` lines of one request, and in no cookie (RFC 6265 4.1.1). */
function cookiesIn(header: string): Cookie[] {
  return header.split(/[;,]/).map((part) => {
    const pair = part.trim()
    const equals = pair.indexOf("=")
    const [name, value] = equals < 0 ? ["", pair] : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
    const quoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"')
    return { name, text: quoted ? value.slice(1, -1) : value }
  })
}
