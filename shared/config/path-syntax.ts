/**
 * Paths, prefixes and templates as documents may write them: already in the canonical form that requests are brought
 * into before they are matched, because a pattern in any other form could never match.
 */

import { LIMITS } from "#shared/model/limits.ts"
import type { PathReplacementDocument } from "#shared/model/rewrite-document.ts"
import { groupsOf } from "#shared/routing/regex.ts"
import { admitTemplate } from "#shared/routing/template.ts"
import { canonicalPath } from "#shared/std/path.ts"
import { type Complaint, complain, didYouMean, hintFrom, quote } from "./complaint.ts"

const CAPTURE = /\{([A-Za-z_][A-Za-z0-9_-]{0,63})(?:=\*{1,2})?\}/g
const GROUP = /\{([0-9]{1,2}|[A-Za-z_][A-Za-z0-9_]{0,63})\}/g

/** A literal path or prefix. */
export function checkPath(text: string): Complaint | undefined {
  return checkBeginning(text) ?? checkCanonical(text)
}

/** `/users/{id}/orders/{rest=**}`. */
export function checkTemplate(text: string): Complaint | undefined {
  const beginning = checkBeginning(text)
  if (beginning) return beginning
  const admitted = admitTemplate(text)
  if ("problem" in admitted) return complain("bad-template", `In the template ${quote(text)}, ${admitted.problem}`)
  return checkCanonical(text.replace(CAPTURE, "x"))
}

/** A path to be filled with captures: `/v2/users/{id}`. */
export function checkFilling(text: string): Complaint | undefined {
  const beginning = checkBeginning(text)
  if (beginning) return beginning
  const rest = text.replace(CAPTURE, "x")
  if (!/[{}]/.test(rest)) return checkCanonical(rest)
  return complain("bad-template", `${quote(text)} has a brace that is no capture`, 'write captures like "{id}"')
}

/** What the places are replaced by: canonical text with `{1}` and `{name}` of the expression's groups. */
export function checkReplacement({ pattern, replacement }: PathReplacementDocument): Complaint | undefined {
  if (typeof pattern !== "string" || typeof replacement !== "string") return undefined
  const groups = groupsOf(pattern)
  const unknown = [...replacement.matchAll(GROUP)].map((found) => found[1]!).find((name) => !groups?.includes(name))
  if (groups && unknown !== undefined) {
    const hint = hintFrom(unknown, "groups", groups)
    return complain("unknown-capture", `${quote(`{${unknown}}`)} is no group of the expression ${quote(pattern)}`, hint)
  }
  const rest = replacement.replace(GROUP, "x")
  if (/[{}]/.test(rest)) {
    return complain("bad-template", `${quote(replacement)} has a brace that is no group`, 'write groups like "{1}"')
  }
  if (/[?#]/.test(rest)) {
    const message = `${quote(replacement)} must be part of a path, without "?" and "#"`
    return complain("path-query", message, 'change the query with "query"')
  }
  return checkCanonical(rest.startsWith("/") ? rest : `/${rest}`)
}

/** The names that a template captures, or that a path to be filled asks for. */
export function captureNames(template: string): string[] {
  return [...template.matchAll(CAPTURE)].map((found) => found[1]!)
}

function checkBeginning(text: string): Complaint | undefined {
  if (text.length > LIMITS.matchValueCharsMax) {
    return complain(
      "too-long",
      `The path has ${text.length} characters; at most ${LIMITS.matchValueCharsMax} are allowed`,
    )
  }
  if (!text.startsWith("/")) return complain("path-slash", `${quote(text)} must begin with "/"`, didYouMean(`/${text}`))
  const end = text.search(/[?#]/)
  if (end < 0) return undefined
  const hint = text[end] === "?" ? 'match the query with "query"' : didYouMean(text.slice(0, end))
  return complain("path-query", `${quote(text)} must be a path without "${text[end]}"`, hint)
}

function checkCanonical(text: string): Complaint | undefined {
  // Requests with other than ASCII are refused; who writes such a path means its percent-encoding.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  const ascii = text.toWellFormed().replace(/[^\x00-\x7f]+/g, encodeURIComponent)
  const canonical = canonicalPath(ascii)
  if (typeof canonical !== "string") {
    return complain("bad-path", `${quote(text)} matches no request, because ${canonical.problem}`)
  }
  if (canonical === text) return undefined
  return complain(
    "path-not-canonical",
    `${quote(text)} is not in the form that requests are matched in`,
    didYouMean(canonical),
  )
}
