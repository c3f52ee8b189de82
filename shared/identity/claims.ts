/** What a genuine token says, and whether it says it to us, now (RFC 7519, RFC 8725). */
import type { TokenProvider } from "#shared/model/authentication.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Claim, Claims, EndUser } from "#shared/model/principal.ts"
import type { CredentialFault } from "./credential-fault.ts"
import type { Token } from "./jws.ts"

/** Types that say no more than that it is a token: a logout token or a proof of possession is nobody's access token. */
const PLAIN_TYPES: ReadonlySet<string | undefined> = new Set([undefined, "jwt", "jose", "at+jwt"])
/** Lists in one text: OAuth's, and what Istio adds. */
const LISTS = ["scope", "permission"]

/** The end user, or why the provider does not take the token. */
export function judgeClaims(provider: TokenProvider, token: Token, nowMs: number): EndUser | CredentialFault {
  const { claims } = token
  if (!isOfType(provider, token.type)) return "token_type"
  const { iss, sub, aud, azp } = claims
  if (typeof iss !== "string" || !isTextOrAbsent(sub) || !isTextOrAbsent(azp)) return "bad_claim"
  if (iss !== provider.issuer) return "unknown_issuer"
  const audiences = audiencesOf(aud)
  if (!audiences) return "bad_claim"
  if (provider.audiences.length > 0 && !audiences.some((one) => provider.audiences.includes(one))) {
    return "wrong_audience"
  }
  const untimely = judgeTimes(claims, provider.mayLiveForever, nowMs / 1000)
  if (untimely) return untimely
  return {
    issuer: iss,
    subject: sub ?? "",
    audiences,
    presenter: azp,
    claims: withLists(claims, provider.listClaims),
  }
}

/** Until when a token can be good, in ms; infinity for ever. */
export function endOf({ claims: { exp } }: Token): number {
  return isTime(exp) ? exp * 1000 + LIMITS.clockSkewMs : Number.POSITIVE_INFINITY
}

function judgeTimes({ exp, nbf, iat }: Claims, mayLiveForever: boolean, now: number): CredentialFault | undefined {
  const skew = LIMITS.clockSkewMs / 1000
  if (!isTimeOrAbsent(exp) || !isTimeOrAbsent(nbf) || !isTimeOrAbsent(iat)) return "bad_claim"
  if (exp === undefined && !mayLiveForever) return "no_expiry"
  if (exp !== undefined && now >= exp + skew) return "expired"
  if (nbf !== undefined && nbf > now + skew) return "not_yet_valid"
  return iat !== undefined && iat > now + skew ? "issued_in_future" : undefined
}

function isOfType({ type: wanted }: TokenProvider, type: string | undefined): boolean {
  const found = type === undefined ? undefined : bare(type)
  return wanted === undefined ? PLAIN_TYPES.has(found) : found === bare(wanted)
}

/** RFC 7515 4.1.9: "application/" may be left out; media types are the same in any case. */
function bare(type: string): string {
  const lower = type.toLowerCase()
  return lower.startsWith("application/") ? lower.slice("application/".length) : lower
}

/** A text, or a list of texts; nothing that merely holds one. */
function audiencesOf(aud: Claim | undefined): readonly string[] | undefined {
  if (aud === undefined) return []
  if (typeof aud === "string") return [aud]
  return Array.isArray(aud) && aud.every((one) => typeof one === "string") ? (aud as readonly string[]) : undefined
}

/** Whole seconds since 1970. */
function isTime(value: Claim | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}

function isTimeOrAbsent(value: Claim | undefined): value is number | undefined {
  return value === undefined || isTime(value)
}

function isTextOrAbsent(value: Claim | undefined): value is string | undefined {
  return value === undefined || typeof value === "string"
}

/** The payload with lists for the texts that are meant as lists. */
export function withLists(claims: Claims, names: readonly string[]): Claims {
  let copy: Record<string, Claim> | undefined
  for (const name of [...LISTS, ...names]) {
    const text = claims[name]
    if (typeof text !== "string") continue
    copy ??= Object.assign(Object.create(null) as Record<string, Claim>, claims)
    copy[name] = text.split(" ").filter((word) => word !== "")
  }
  return copy ?? claims
}
