/**
 * What `weft doctor` and a deployed proxy say to each other. A request with a ticket of control's is told what the proxy received of
 * it, and goes nowhere:
 *
 *   weft-probe: 1795000000.<signature>            seconds since 1970 until which it holds, Ed25519 in base64url
 *   weft-probe: 1795000000.<signature> objects    asks how far the objects are, too
 */
import { LIMITS } from "#shared/model/limits.ts"

export interface Ticket {
  readonly expiresAtMs: number
  /** What is signed. */
  readonly claims: string
  readonly signature: string
  readonly asksObjects: boolean
}

/** The answer's content type, by which nobody else's answer is taken for it. */
export const PROBE_TYPE = "application/weft-probe+json"

/** The answer. */
export interface ProbeReport {
  readonly received: {
    readonly method: string
    /** As the runtime gives it: scheme, Host header and target. */
    readonly url: string
    /** Credentials are hidden. */
    readonly headers: readonly (readonly [name: string, value: string])[]
  }
  /** What the mesh would go on with, or why it would not. */
  readonly canonical:
    | { readonly host: string; readonly path: string; readonly query: string }
    | { readonly refusal: string; readonly detail?: string }
  /** The data centre; absent where no edge of the platform stands before the proxy. */
  readonly colo?: string
  /** Of the connection to the client. */
  readonly protocol?: string
  readonly nowMs: number
  /** 0 before the first. */
  readonly revision: number
  readonly settings: ProbeSettings
  /** By binding, how long a call took; absent unless asked for. */
  readonly objects?: { readonly [binding: string]: { readonly ms: number } | { readonly failed: true } }
}

/** Variables and bindings of the proxy that weaken it, or that it goes without. */
export interface ProbeSettings {
  readonly debug: boolean
  readonly localOrigins: boolean
  readonly ambiguousHeaders: boolean
  /** Optional bindings that it does not have. */
  readonly missing: readonly string[]
}

const TICKET = /^(\d{1,11})\.([A-Za-z0-9_-]{86})( objects)?$/

export function ticketClaims(nowMs: number): string {
  return String(Math.ceil((nowMs + LIMITS.probeTicketMs) / 1000))
}

/** What the signature is made of: no other text that the same key signs looks like it. */
export function ticketText(claims: string): string {
  return `weft-probe ${claims}`
}

/** Undefined for what is no ticket. Its signature is still to be checked. */
export function parseTicket(header: string): Ticket | undefined {
  const [, claims, signature, objects] = TICKET.exec(header) ?? []
  if (claims === undefined || signature === undefined) return undefined
  return { expiresAtMs: Number(claims) * 1000, claims, signature, asksObjects: objects !== undefined }
}
