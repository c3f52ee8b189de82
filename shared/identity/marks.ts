/** What services read of who is asking: header values from claims and keys, in a form that cannot be mistaken for anything else. */
import type { KeyAcceptance, TokenProvider } from "#shared/model/authentication.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { EndUser, KeyHolder } from "#shared/model/principal.ts"
import { memberAt } from "#shared/std/member-path.ts"
import type { Token } from "./jws.ts"

export type Mark = readonly [header: string, value: string]

/** A claim that is absent, or that no header can hold, has no header. */
export function marksOfToken(
  { claimHeaders, payloadHeader }: TokenProvider,
  token: Pick<Token, "claims" | "payload">,
): Mark[] {
  const marks: Mark[] = []
  for (const { header, claim } of claimHeaders) {
    const value = textOf(memberAt(token.claims, claim))
    if (value !== undefined) marks.push([header, value])
  }
  if (payloadHeader !== undefined) marks.push([payloadHeader, token.payload])
  return marks
}

export function marksOfKey({ headers }: KeyAcceptance, { id, owner, scopes }: KeyHolder): Mark[] {
  const facts = { id, owner, scopes: scopes.join(" ") }
  return headers.flatMap(({ header, value }): Mark[] => {
    const text = inField(facts[value])
    return text === undefined ? [] : [[header, text]]
  })
}

/** Who the user is to somebody who counts or logs: `<issuer>/<subject>`; undefined for a token of nobody in particular. */
export function principalOf({ issuer, subject }: EndUser): string | undefined {
  return subject === "" ? undefined : `${issuer}/${subject}`
}

/** Texts, numbers, booleans, and lists of them with commas between, where no comma is in them. */
function textOf(value: unknown): string | undefined {
  if (!Array.isArray(value)) return scalarOf(value)
  const parts = value.map(scalarOf)
  const clear = parts.every((part) => part !== undefined && part !== "" && !part.includes(","))
  return clear && parts.length > 0 ? inField(parts.join(",")) : undefined
}

function scalarOf(value: unknown): string | undefined {
  if (typeof value === "string") return inField(value)
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined
}

/** Visible ASCII, with spaces inside: anything else is read differently by different servers, or ends the header. */
function inField(text: string): string | undefined {
  const plain = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/.test(text)
  return plain && text.length <= LIMITS.headerValueCharsMax ? text : undefined
}
