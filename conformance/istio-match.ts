/** Istio's HTTPMatchRequests as matches of the mesh. */
import type { MatchDocument, SingleValueDocument } from "#shared/model/match-document.ts"
import { type Fields, record, text } from "./gateway-api.ts"
import {
  addCondition,
  anyCase,
  characterPrefix,
  quoted,
  regexDoubt,
  takesEmpty,
  turnedAround,
  unknownIn,
  withPath,
} from "./translation.ts"

export interface Matching {
  readonly match: MatchDocument
  /** As it is written there, where it goes by characters. */
  readonly prefix: string | undefined
  readonly anyCase: boolean
}

export function matchesOf(fields: Fields, doubts: string[]): Matching[] {
  const known = ["uri", "ignoreUriCase", "method", "authority", "headers", "withoutHeaders", "queryParams", "gateways"]
  doubts.push(...unknownIn(fields, [...known, "name"], "a match"))
  const match: MatchDocument = {}
  const headers: NonNullable<MatchDocument["headers"]> = {}
  const claims: NonNullable<MatchDocument["claims"]> = {}
  const add = (name: string, value: unknown, isWithout: boolean) => {
    const way = claimOf(name)
    const condition = record(value)
    const written = valueOfText(condition, doubts)
    const isEmpty = condition.exact === "" || takesEmpty(text(condition.regex) ?? "-")
    const stated = isWithout ? turnedAround(written, way !== undefined || !isEmpty) : written
    if (way !== undefined) addCondition(claims, way, stated)
    else addCondition(headers, name.toLowerCase(), stated)
  }
  for (const [name, value] of Object.entries(record(fields.headers))) add(name, value, false)
  for (const [name, value] of Object.entries(record(fields.withoutHeaders))) add(name, value, true)
  if (fields.authority !== undefined) addCondition(headers, "host", valueOfText(record(fields.authority), doubts))
  const method = record(fields.method)
  if (typeof method.exact === "string") match.method = method.exact
  else if (fields.method !== undefined) doubts.push("a method is matched as a whole")
  const query = Object.entries(record(fields.queryParams)).map(([name, value]) => [
    name,
    valueOfText(record(value), doubts),
  ])
  const all: MatchDocument = {
    ...match,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(claims).length > 0 && { claims }),
    ...(query.length > 0 && { query: Object.fromEntries(query) as NonNullable<MatchDocument["query"]> }),
  }
  const ignoresCase = fields.ignoreUriCase === true
  const { exact, prefix, regex } = record(fields.uri)
  const refused = typeof regex === "string" ? regexDoubt(regex) : undefined
  if (refused !== undefined) doubts.push(refused)
  const paths =
    typeof exact === "string"
      ? [ignoresCase ? { regex: `(?i)${quoted(exact)}` } : { exact }]
      : typeof regex === "string"
        ? [{ regex }]
        : characterPrefix(text(prefix) ?? "/", ignoresCase)
  return paths.map((path) => ({ match: withPath(all, path), prefix: text(prefix), anyCase: ignoresCase }))
}

/** `@request.auth.claims.sub`, `@request.auth.claims[nested][key]`: claims of the token stand among the headers. */
function claimOf(name: string): string | undefined {
  const [, rest] = /^@request\.auth\.claims[.[](.*)$/.exec(name) ?? []
  if (rest === undefined) return undefined
  return name.includes("[") ? `[${rest}`.replace(/^\[([^\]]*)\]/, "$1").replace(/\[([^\]]*)\]/g, ".$1") : rest
}

function valueOfText(matcher: Fields, doubts: string[]): SingleValueDocument {
  doubts.push(...unknownIn(matcher, ["exact", "prefix", "regex", "ignoreCase"], "a text matcher"))
  const { exact, prefix, regex } = matcher
  if (typeof exact === "string") return matcher.ignoreCase === true ? anyCase(exact, "exact") : { exact }
  if (typeof prefix === "string") return prefix === "" ? { present: true } : { prefix }
  // Istio takes a lone asterisk, which is no expression, for "is there".
  if (typeof regex !== "string" || regex === "*") return { present: true }
  const refused = regexDoubt(regex)
  if (refused === undefined) return { regex }
  doubts.push(refused)
  return { present: true }
}
