/** The token that tells an upstream who calls (JWT-SVID): what stands in it, and as whom a workload is named. */
import type { Workload } from "#shared/model/workload-identity.ts"

export interface SvidClaims {
  readonly sub: string
  readonly aud: string
  readonly iat: number
  readonly exp: number
  /** Only where the mesh has the URL of an issuer. */
  readonly iss?: string
}

/** A trust domain as SPIFFE writes it: no upper case, no port. */
export function isTrustDomain(text: string): boolean {
  return /^[a-z0-9._-]{1,255}$/.test(text)
}

/** Labels with slashes between; `-` stands for the mesh itself. */
export function isWorkload(text: string): boolean {
  return (
    text.length <= 255 &&
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|-)(\/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){1,2}$/.test(text)
  )
}

export function spiffeId(trustDomain: string, workload: Workload): string {
  return `spiffe://${trustDomain}/${workload}`
}

export function svidClaims(
  { trustDomain, issuer }: { readonly trustDomain: string; readonly issuer: string | undefined },
  workload: Workload,
  audience: string,
  nowMs: number,
  lifeMs: number,
): SvidClaims {
  const iat = Math.floor(nowMs / 1000)
  const claims = { sub: spiffeId(trustDomain, workload), aud: audience, iat, exp: iat + Math.floor(lifeMs / 1000) }
  return issuer === undefined ? claims : { ...claims, iss: issuer }
}

/** What is signed: header and claims in base64url. */
export function signingInput(kid: string, claims: SvidClaims): string {
  return `${encoded({ alg: "ES256", typ: "JWT", kid })}.${encoded(claims)}`
}

function encoded(value: object): string {
  return base64url(new TextEncoder().encode(JSON.stringify(value)))
}

export function base64url(bytes: Uint8Array): string {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")
}
