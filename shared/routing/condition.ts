/**
 * The conditions of a match but its path: whether one holds for a request. `match` and `explain` ask the same
 * functions, so that an explanation can never differ from what happens.
 */
import type { ServiceId } from "#shared/model/names.ts"
import type { Match, ValueMatch, ValueTest } from "#shared/model/route.ts"
import { contains, type Network, parseNetwork } from "#shared/std/ip.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"
import type { Reader } from "./head.ts"
import type { LinearRegex, RegexPool } from "./regex.ts"

export type Condition =
  | { readonly on: "method"; readonly method: string }
  | { readonly on: "from"; readonly callers: ReadonlySet<ServiceId> }
  | ({ readonly on: NamedValue } & TestedValue)
  | ({ readonly on: "claim"; readonly way: readonly string[] } & TestedValue)
  | { readonly on: "address"; readonly networks: readonly Network[] }
  /** Without an end: infinite. */
  | { readonly on: "time"; readonly afterMs: number; readonly beforeMs: number }
  | { readonly on: "percent"; readonly percent: number }

interface TestedValue {
  readonly value: ValueMatch
  readonly regex: LinearRegex | undefined
}

type NamedValue = "header" | "query" | "cookie"

/** The cheap conditions come first; the share comes last, since it is a share of what the others let in. */
export function conditionsOf(match: Match, regexes: RegexPool): readonly Condition[] {
  const conditions: Condition[] = []
  if (match.method !== undefined) conditions.push({ on: "method", method: match.method })
  if (match.from !== undefined) conditions.push({ on: "from", callers: new Set(match.from) })
  const { addresses, afterMs, beforeMs } = match
  if (afterMs !== undefined || beforeMs !== undefined) {
    conditions.push({ on: "time", afterMs: afterMs ?? -Infinity, beforeMs: beforeMs ?? Infinity })
  }
  if (addresses) {
    const networks = addresses.map(parseNetwork).filter((network) => network !== undefined)
    conditions.push({ on: "address", networks })
  }
  const regexOf = ({ test }: ValueMatch) => (test.kind === "regex" ? regexes.get(test.value) : undefined)
  const addValues = (on: NamedValue, values: readonly ValueMatch[]) => {
    for (const value of values) conditions.push({ on, value, regex: regexOf(value) })
  }
  addValues("header", match.headers)
  addValues("query", match.query)
  addValues("cookie", match.cookies)
  for (const value of match.claims ?? []) {
    conditions.push({ on: "claim", way: parseMemberPath(value.name) ?? [value.name], value, regex: regexOf(value) })
  }
  if (match.percent !== undefined) conditions.push({ on: "percent", percent: match.percent })
  return conditions
}

/** The first condition that does not hold; undefined when all do. */
export function firstFailing(conditions: readonly Condition[], reader: Reader): Condition | undefined {
  for (const condition of conditions) {
    if (!holds(condition, reader)) return condition
  }
  return undefined
}

function holds(condition: Condition, reader: Reader): boolean {
  switch (condition.on) {
    case "method":
      return condition.method === reader.head.method
    case "from":
      return reader.head.caller !== undefined && condition.callers.has(reader.head.caller)
    case "time": {
      const { nowMs } = reader.head
      return nowMs !== undefined && nowMs >= condition.afterMs && nowMs < condition.beforeMs
    }
    case "address": {
      const address = reader.address()
      return address !== undefined && condition.networks.some((network) => contains(network, address))
    }
    case "header":
      return (
        takesHeader(condition.value.test, reader.header(condition.value.name), condition.regex) !== negated(condition)
      )
    case "query":
      return takes(condition.value.test, reader.query(condition.value.name), condition.regex) !== negated(condition)
    case "cookie":
      return takes(condition.value.test, reader.cookie(condition.value.name), condition.regex) !== negated(condition)
    case "claim":
      return takesClaim(condition.value.test, reader.claim(condition.way), condition.regex) !== negated(condition)
    case "percent":
      return reader.head.dice * 100 < condition.percent
  }
}

function negated(condition: { readonly value: ValueMatch }): boolean {
  return condition.value.negate === true
}

/**
 * A header may be repeated, and a repeated header is one list (RFC 9110 5.3). The test holds when it holds for the
 * whole line or for any one value of the list, so that nobody escapes a condition by sending a second header beside
 * the first.
 */
function takesHeader(test: ValueTest, value: string | null, regex: LinearRegex | undefined): boolean {
  if (takes(test, value, regex)) return true
  if (value === null || test.kind === "absent" || test.kind === "present" || !value.includes(", ")) return false
  return value.split(", ").some((part) => takes(test, part, regex))
}

/** A claim may be a list: the test holds when it holds for any one of its values (Istio: `@request.auth.claims`). */
function takesClaim(test: ValueTest, values: readonly string[] | undefined, regex: LinearRegex | undefined): boolean {
  if (test.kind === "absent" || test.kind === "present") return (values === undefined) === (test.kind === "absent")
  return values?.some((value) => takes(test, value, regex)) ?? false
}

/** Absent, empty and present are three states: an empty value is present, and equals "". */
function takes(test: ValueTest, value: string | null, regex: LinearRegex | undefined): boolean {
  if (test.kind === "absent") return value === null
  if (value === null) return false
  switch (test.kind) {
    case "exact":
      return value === test.value
    case "prefix":
      return value.startsWith(test.value)
    case "suffix":
      return value.endsWith(test.value)
    case "contains":
      return value.includes(test.value)
    case "regex":
      return regex?.matches(value) ?? false
    case "present":
      return true
  }
}
