/**
 * Who has applied revision N can ask to be served by N or a newer one. Services say so to each other in the clear; anybody else
 * shows what control has signed for him, so that nobody can make requests wait for revisions that do not exist:
 *
 *   weft-revision: 12.1795000000.<signature>        revision, seconds since 1970 until which it holds, Ed25519 in base64url
 */
import { LIMITS } from "#shared/model/limits.ts"

export interface ConsistencyToken {
  readonly revision: number
  readonly expiresAtMs: number
  /** What is signed. */
  readonly claims: string
  readonly signature: string
}

const TOKEN = /^((\d{1,15})\.(\d{1,11}))\.([A-Za-z0-9_-]{86})$/
const WHOLE = /^\d{1,15}$/

/** Of a service of the mesh: a revision's number, and 0 for what is none. */
export function floorOf(header: string | null): number {
  return header !== null && WHOLE.test(header) ? Number(header) : 0
}

export function claimsOf(revision: number, nowMs: number): string {
  return `${revision}.${Math.ceil((nowMs + LIMITS.consistencyTokenMs) / 1000)}`
}

/** What the signature is made of: no other text that the same key may sign one day looks like it. */
export function signedText(claims: string): string {
  return `weft-revision ${claims}`
}

/** Undefined for what is no token. Its signature is still to be checked. */
export function parseToken(header: string): ConsistencyToken | undefined {
  const [, claims, revision, seconds, signature] = TOKEN.exec(header) ?? []
  if (claims === undefined || signature === undefined) return undefined
  return { revision: Number(revision), expiresAtMs: Number(seconds) * 1000, claims, signature }
}

/**
 * What a hop tells the next of the revision that it goes by; undefined when that says nothing new. The next hop may be behind only for
 * a while after a revision came, and a header costs about as much as much of what is decided.
 */
export function revisionToTell(
  { revision, newUntilMs }: { readonly revision: number; readonly newUntilMs: number },
  floor: number,
  nowMs: number,
): number | undefined {
  return floor === 0 && nowMs >= newUntilMs ? undefined : Math.max(floor, revision)
}
