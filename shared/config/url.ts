/** URLs that the mesh may send requests to, as documents write them. */
import { LIMITS } from "#shared/model/limits.ts"
import { isLocalUrl, isPrivateHost } from "#shared/std/egress.ts"
import { type Complaint, complain, didYouMean, quote } from "./complaint.ts"
import { checkPath } from "./path-syntax.ts"

/**
 * One of this machine passes here, if it is spelled plainly: whether it may be reached is the operator's word (`egress-check.ts`), not
 * that of who writes documents.
 */
export function checkUrl(text: string): Complaint | undefined {
  // First of all, so that no message below repeats a password.
  if (/^[^/?#]*\/*[^/?#\\]*@/.test(text)) {
    return complain("url-credentials", "A URL must not hold a user name or password", "keep secrets out of documents")
  }
  // The URL parser drops spaces and takes a backslash for a slash: what is read would differ from what is written.
  const url = !/[\s\\]/.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (!url || text.length > LIMITS.matchValueCharsMax) {
    return complain("bad-url", `${quote(text)} is not a URL`, 'write it like "https://api.example.com"')
  }
  const local = isLocalUrl(text)
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local)) {
    const hint =
      url.protocol === "http:" && !isPrivateHost(url.hostname) ? didYouMean(`https${text.slice(4)}`) : undefined
    return complain("bad-url-scheme", `${quote(text)} must be https; http is for localhost only`, hint)
  }
  if (!local && isPrivateHost(url.hostname)) {
    const hint = "reach private services through a service binding"
    return complain("private-address", `${quote(text)} leads to a private, local or metadata address`, hint)
  }
  if (/[?#]/.test(text)) {
    const hint = didYouMean(text.replace(/[?#].*$/s, ""))
    return complain("bad-url", `${quote(text)} must have neither query nor fragment`, hint)
  }
  const written = /^https?:\/\/[^/]+(\/.*)?$/i.exec(text)
  if (!written) return complain("bad-url", `${quote(text)} is not a URL`, didYouMean(canonicalUrl(text)))
  return written[1] === undefined ? undefined : checkPath(written[1])
}

/** The form in which a checked URL is kept: without a trailing slash, so that a request's path can follow it. */
export function canonicalUrl(text: string): string {
  const url = new URL(text)
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "")
}
