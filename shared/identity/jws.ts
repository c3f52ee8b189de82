/**
 * Signed tokens (RFC 7515, compact form) taken apart, by stricter rules than the format's own: one token has one spelling, and
 * what asks to be read in another way is refused. Whether the signature is right is for others to say.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Claims } from "#shared/model/principal.ts"
import { parseJson } from "#shared/std/json.ts"
import type { CredentialFault } from "./credential-fault.ts"

export interface Token {
  /** As it was presented. */
  readonly text: string
  readonly algorithm: string
  readonly keyId: string | undefined
  readonly type: string | undefined
  readonly claims: Claims
  /** The payload in base64url, as it stands in the token. */
  readonly payload: string
}

const FORM = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/
const EXTENSIONS = ["crit", "b64"]
const KEYS = ["jwk", "jku", "x5u", "x5c"]

export function readToken(text: string): Token | CredentialFault {
  if (text.length > LIMITS.jwtBytesMax) return "token_too_large"
  const [, first = "", payload = "", signature = ""] = FORM.exec(text) ?? []
  if (first === "" || !isCanonical(signature)) return "token_malformed"
  const header = objectIn(first)
  const claims = objectIn(payload)
  if (!header || !claims) return "token_malformed"
  if (EXTENSIONS.some((name) => name in header)) return "token_extension"
  if (KEYS.some((name) => name in header)) return "token_brings_key"
  const { alg: algorithm, kid: keyId, typ: type } = header
  if (typeof algorithm !== "string" || !isTextOrAbsent(keyId) || !isTextOrAbsent(type)) return "token_malformed"
  if (keyId !== undefined && keyId.length > LIMITS.keyIdCharsMax) return "token_malformed"
  return { text, algorithm, keyId, type, claims, payload }
}

/** The JSON object in a part of a token. */
function objectIn(part: string): Claims | undefined {
  const text = textIn(part)
  const parsed = text === undefined ? undefined : parseJson(text, { depthMax: LIMITS.jwtDepthMax })
  if (!parsed || !("value" in parsed)) return undefined
  const { value } = parsed
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

function textIn(part: string): string | undefined {
  if (!isCanonical(part)) return undefined
  const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"))
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  try {
    return UTF8.decode(bytes)
  } catch {
    return undefined
  }
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/** The bits of the last character that belong to no byte must be 0: else one token would have several spellings. */
function isCanonical(part: string): boolean {
  const over = part.length % 4
  if (over === 0) return true
  if (over === 1) return false
  const last = ALPHABET.indexOf(part[part.length - 1] as string)
  return (last & (over === 2 ? 0b1111 : 0b11)) === 0
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string"
}
