/** How issuers, claims, keys and the places of credentials are written. */
import { ALGORITHMS } from "#shared/model/authentication.ts"
import type { CredentialDocument, JwksDocument } from "#shared/model/authentication-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { isLabel } from "#shared/model/names.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"
import { checkChangedHeader, checkCompared, checkHeaderName } from "./checks.ts"
import { type Complaint, complain, didYouMean, hintFrom, quote } from "./complaint.ts"
import { conflict } from "./schema-kit.ts"
import { checkUrl } from "./url.ts"

/** Members of a JWK that only its owner may know. */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
const KEY_TYPES = ["RSA", "EC", "OKP"]
const QUERY = /^[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*$/

/** A text that is compared to the letter, and shown to people. */
export function checkIssuer(text: string): Complaint | undefined {
  if (text === "" || /[^\x21-\x7e]/.test(text)) {
    return complain("bad-issuer", `${quote(text)} must be printable ASCII without spaces, as in the tokens' "iss"`)
  }
  return checkCompared(text)
}

export function checkAudience(text: string): Complaint | undefined {
  return text === "" ? complain("bad-audience", "An audience must not be empty") : checkCompared(text)
}

export function checkClaim(text: string): Complaint | undefined {
  if (parseMemberPath(text)) return checkCompared(text)
  const hint = 'write it like "sub", "realm_access.roles" or "[https://example.com/roles]"'
  return complain("bad-claim", `${quote(text)} is not the way to a claim`, hint)
}

/** Symmetric algorithms get their own answer: that they are missing is on purpose. */
export function checkAlgorithm(text: string): Complaint | undefined {
  if (ALGORITHMS.some((one) => one === text)) return undefined
  if (/^none$/i.test(text))
    return complain("bad-algorithm", '"none" is no signature', "name what the issuer signs with")
  if (/^HS\d+$/i.test(text)) {
    const message = `${quote(text)} needs a secret that issuer and mesh share, and a document holds no secrets`
    return complain("bad-algorithm", message, "have the issuer sign with RS256, ES256 or EdDSA")
  }
  return complain(
    "bad-algorithm",
    `${quote(text)} is not a signature algorithm`,
    hintFrom(text, "algorithms", ALGORITHMS),
  )
}

/** A media type, without "application/" as tokens mostly write it (RFC 8725 3.11). */
export function checkTokenType(text: string): Complaint | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(\/[A-Za-z0-9!#$&^_.+-]{1,127})?$/.test(text)) return undefined
  return complain("bad-token-type", `${quote(text)} is not the type of a token`, 'write it like "at+jwt"')
}

/** Headers that claims are put into: neither the mesh's own nor those that hold credentials. */
export function checkClaimHeader(text: string): Complaint | undefined {
  const taken = ["authorization", "cookie", "content-type"].includes(text.toLowerCase())
  return taken
    ? complain("reserved-header", `The header ${quote(text)} has a meaning of its own`, 'write it like "x-user-id"')
    : checkChangedHeader(text)
}

/** As other URLs that requests are sent to, but for a query. */
export function checkJwksUrl(text: string): Complaint | undefined {
  const [url = "", query, ...more] = text.split("?")
  const complaint = checkUrl(url)
  if (complaint) return complaint
  const well =
    more.length === 0 && (query === undefined || QUERY.test(query)) && text.length <= LIMITS.matchValueCharsMax
  return well ? undefined : complain("bad-url", `${quote(text)} is not a URL`, didYouMean(url))
}

export function checkTeam(text: string): Complaint | undefined {
  if (isLabel(text)) return undefined
  const near = text
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/\.cloudflareaccess\.com.*$/s, "")
  const hint = isLabel(near) ? didYouMean(near) : 'write "acme" for "acme.cloudflareaccess.com"'
  return complain("bad-team", `${quote(text)} is not the name of a team`, hint)
}

export function checkJwksSource(value: JwksDocument): Complaint | undefined {
  const excluded = conflict(
    value,
    ["url", "service", "keys"].filter((key) => key in value),
  )
  if (excluded) return excluded
  if (!("url" in value || "service" in value || "keys" in value)) {
    return complain("missing-key", 'One of "url", "service", "keys" must be there')
  }
  return "path" in value && !("service" in value)
    ? complain("no-effect", '"path" is for "service" only', "leave it out")
    : undefined
}

/** What is private is never repeated in a message. */
export function checkJwk(value: { readonly [member: string]: unknown }): Complaint | undefined {
  if (value.kty === "oct" || "k" in value) {
    return complain("private-key", "This is a shared secret, and a document holds no secrets", "use the public key")
  }
  if (PRIVATE_MEMBERS.some((member) => member in value)) {
    return complain(
      "private-key",
      "This is a private key; a document holds no secrets",
      "leave only the public members",
    )
  }
  if (!KEY_TYPES.some((type) => type === value.kty)) {
    return complain("bad-key", '"kty" must be one of "RSA", "EC", "OKP"')
  }
  return undefined
}

export function checkCredential(value: CredentialDocument): Complaint | undefined {
  const kinds = ["header", "query", "cookie"].filter((key) => key in value)
  if (kinds.length === 0) return complain("missing-key", 'One of "header", "query", "cookie" must be there')
  if (kinds.length > 1) return conflict(value, kinds)
  if ("prefix" in value && !("header" in value))
    return complain("no-effect", '"prefix" is for "header" only', "leave it out")
  if ("paths" in value && !("query" in value))
    return complain("no-effect", '"paths" is for "query" only', "leave it out")
  return undefined
}

/** A header that credentials are looked for in: one that strangers can send. */
export function checkCredentialHeader(text: string): Complaint | undefined {
  const malformed = checkHeaderName(text)
  if (malformed) return malformed
  const folded = text.toLowerCase().replace(/[_.]/g, "-")
  if (folded === "cookie") return complain("reserved-header", "A cookie is not looked for as a header", 'use "cookie"')
  const own = folded.startsWith("weft-") || ["host", "connection", "proxy-authorization"].includes(folded)
  return own ? complain("reserved-header", `The header ${quote(text)} holds no credentials`) : undefined
}
