/** Envoy's matchers of headers and query parameters: as conditions of the mesh, and as what a case expects of headers. */
import type { SingleValueDocument, ValueDocument } from "#shared/model/match-document.ts"
import type { EnvoyAsked } from "./envoy-routes.ts"
import { type Fields, record, text } from "./gateway-api.ts"
import { anyCase, type Doubt, regexDoubt, takesEmpty, turnedAround, unknownIn } from "./translation.ts"

/** Older ways to write a matcher of text. */
const OLDER = {
  exact_match: "exact",
  prefix_match: "prefix",
  suffix_match: "suffix",
  contains_match: "contains",
} as const
const KNOWN = [
  "name",
  "string_match",
  "present_match",
  "invert_match",
  "treat_missing_header_as_empty",
  "safe_regex_match",
]

/** The text matcher of a matcher of headers, however it is written. */
function stringMatcher(matcher: Fields): Fields | undefined {
  if (matcher.string_match !== undefined) return record(matcher.string_match)
  if (matcher.safe_regex_match !== undefined) return { safe_regex: matcher.safe_regex_match }
  for (const [older, newer] of Object.entries(OLDER))
    if (matcher[older] !== undefined) return { [newer]: matcher[older] }
  return undefined
}

export function conditionOf(matcher: Fields, doubts: Doubt<EnvoyAsked>[]): ValueDocument {
  doubts.push(...unknownIn(matcher, [...KNOWN, ...Object.keys(OLDER)], `the condition on ${String(matcher.name)}`))
  const { present_match: present, invert_match: inverted = false } = matcher
  const texts = stringMatcher(matcher)
  if (texts === undefined) return { present: (present ?? true) !== inverted }
  const value = textOf(texts, doubts)
  if (inverted !== true) return value
  // There, what is absent takes no part in a condition that is turned around, unless it is asked to, as an empty text.
  return turnedAround(value, matcher.treat_missing_header_as_empty === true && !emptyTakenBy(texts))
}

/** Whether the matcher takes the empty text. */
function emptyTakenBy({ exact, prefix, suffix, contains, safe_regex: regex }: Fields): boolean {
  if (regex !== undefined) return takesEmpty(String(record(regex).regex))
  return [exact, prefix, suffix, contains].includes("")
}

function textOf(matcher: Fields, doubts: Doubt<EnvoyAsked>[]): SingleValueDocument {
  const { ignore_case: ignoresCase } = matcher
  doubts.push(
    ...unknownIn(matcher, ["exact", "prefix", "suffix", "contains", "safe_regex", "ignore_case"], "a text matcher"),
  )
  for (const kind of ["exact", "prefix", "suffix", "contains"] as const) {
    const found = text(matcher[kind])
    if (found === undefined) continue
    return ignoresCase === true ? anyCase(found, kind) : ({ [kind]: found } as unknown as SingleValueDocument)
  }
  const regex = text(record(matcher.safe_regex).regex) ?? ""
  const refused = regexDoubt(regex)
  if (refused === undefined) return { regex }
  doubts.push(refused)
  return { present: true }
}

/** What is wrong with a header that a case expects something of; undefined: nothing. */
export function headerFault(matcher: Fields, found: string | null): string | undefined {
  const holds = expectationHolds(matcher, found)
  if (holds !== (matcher.invert_match === true)) return undefined
  return `header ${String(matcher.name)} is ${found === null ? "absent" : JSON.stringify(found)}, against ${JSON.stringify(matcher)}`
}

function expectationHolds(matcher: Fields, found: string | null): boolean {
  const { range_match: range, present_match: present } = matcher
  const texts = stringMatcher(matcher)
  if (texts === undefined && range === undefined) return (found !== null) === (present ?? true)
  if (found === null) return false
  if (range !== undefined)
    return Number(found) >= Number(record(range).start ?? 0) && Number(found) < Number(record(range).end)
  const { exact, prefix, suffix, contains, safe_regex: regex } = texts!
  if (typeof exact === "string") return sameList(found) === sameList(exact)
  if (typeof prefix === "string") return found.startsWith(prefix)
  if (typeof suffix === "string") return found.endsWith(suffix)
  if (typeof contains === "string") return found.includes(contains)
  return new RegExp(`^(?:${String(record(regex).regex)})$`).test(found)
}

/** A list says the same with and without spaces after its commas. */
function sameList(value: string): string {
  return value.replace(/,\s+/g, ",")
}
