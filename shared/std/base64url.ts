/** Bytes as text that may stand in headers and URLs (RFC 4648, section 5), without padding. */

const PIECE = 8 * 1024

export function toBase64url(bytes: Uint8Array): string {
  let binary = ""
  // Not all at once: there is a limit to how many arguments a call may have.
  for (let at = 0; at < bytes.length; at += PIECE) binary += String.fromCharCode(...bytes.subarray(at, at + PIECE))
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

/** Undefined for what is not base64url, or is not the only way to write it. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"))
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0))
  return toBase64url(bytes) === text ? bytes : undefined
}
