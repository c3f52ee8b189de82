/** Matches and what fails in them, in words. */
import type { Match, PathMatch, ValueMatch, ValueTest } from "#shared/model/route.ts"
import { formatNetwork } from "#shared/std/ip.ts"
import { hideSecret } from "#shared/std/secret.ts"
import type { Condition } from "./condition.ts"
import type { Reader, RequestHead } from "./head.ts"
import { isCatchAll } from "./path-match.ts"

const VALUE_CHARS_MAX = 80

/** `path prefix "/v2", header x-canary equals "1"`; `every request` when there is no condition. */
export function describeMatch(match: Match): string {
  const parts: string[] = []
  if (match.rpc !== undefined) parts.push(`RPC method ${quote(match.rpc)}`)
  if (match.path && !isCatchAll(match.path)) parts.push(`path ${match.path.kind} ${quote(match.path.value)}`)
  if (match.method !== undefined) parts.push(`method ${match.method}`)
  if (match.from) parts.push(`caller ${match.from.join(" or ")}`)
  for (const value of match.headers) parts.push(`header ${describeValue(value)}`)
  for (const value of match.query) parts.push(`query parameter ${describeValue(value)}`)
  for (const value of match.cookies) parts.push(`cookie ${describeValue(value)}`)
  for (const value of match.claims ?? []) parts.push(`claim ${describeValue(value)}`)
  if (match.addresses) parts.push(`client's address in ${match.addresses.join(" or ")}`)
  if (match.afterMs !== undefined) parts.push(`from ${instant(match.afterMs)} on`)
  if (match.beforeMs !== undefined) parts.push(`before ${instant(match.beforeMs)}`)
  if (match.percent !== undefined) parts.push(`${match.percent} % of requests`)
  return parts.length === 0 ? "every request" : parts.join(", ")
}

/** Why the match is not asked about this path or RPC method at all. */
export function describePathFailure(match: Match, head: RequestHead): string {
  if (head.rpc !== undefined) {
    if (match.rpc === undefined) return "the match takes HTTP requests only, and this is an RPC call"
    return `the RPC method is ${quote(head.rpc)}, and must be ${quote(match.rpc)}`
  }
  if (match.rpc !== undefined) return "the match takes RPC calls only, and this is an HTTP request"
  return `the path is ${quote(head.path)}, and ${match.path ? mustPath(match.path) : "must be one"}`
}

export function describeFailure(condition: Condition, reader: Reader): string {
  const { head } = reader
  switch (condition.on) {
    case "method":
      return `the method is ${head.method}, and must be ${condition.method}`
    case "from":
      return `the caller is ${head.caller ?? "not a service of the mesh"}, and must be ${[...condition.callers].join(" or ")}`
    case "time": {
      const { afterMs, beforeMs } = condition
      const period = [
        afterMs > -Infinity && `from ${instant(afterMs)} on`,
        beforeMs < Infinity && `before ${instant(beforeMs)}`,
      ]
      const now = head.nowMs === undefined ? "not known" : instant(head.nowMs)
      return `the time is ${now}, and must be ${period.filter((part) => part !== false).join(" and ")}`
    }
    case "address":
      return `the client's address is ${head.address ?? "not known"}, and must be in ${condition.networks.map(formatNetwork).join(" or ")}`
    case "header":
      return describeValueFailure("header", condition.value, reader.header(condition.value.name))
    case "query":
      return describeValueFailure("query parameter", condition.value, reader.query(condition.value.name))
    case "cookie":
      return describeValueFailure("cookie", condition.value, reader.cookie(condition.value.name))
    case "claim":
      return describeValueFailure("claim", condition.value, reader.claim(condition.way)?.join(", ") ?? null)
    case "percent":
      return `the dice fell on ${(head.dice * 100).toFixed(2)}, and the match takes what is below ${condition.percent}`
  }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}

function describeValueFailure(what: string, match: ValueMatch, value: string | null): string {
  const is = value === null ? "absent" : value === "" ? "empty" : quote(value)
  return `the ${what} ${match.name} is ${is}, and must ${match.negate ? "not " : ""}${mustValue(shownTest(match))}`
}

/** Who may ask why need not know what was asked for. */
function shownTest({ name, test }: ValueMatch): ValueTest {
  return "value" in test ? { ...test, value: hideSecret(name, test.value) } : test
}

function describeValue(match: ValueMatch): string {
  const { name, negate } = match
  const test = shownTest(match)
  if (test.kind === "present" || test.kind === "absent") return `${name} is ${negate ? "not " : ""}${test.kind}`
  return `${name} ${negate ? "not " : ""}${test.kind} ${quote(test.value)}`
}

function mustPath(path: PathMatch): string {
  switch (path.kind) {
    case "exact":
      return `must be ${quote(path.value)}`
    case "prefix":
      return `must be ${quote(path.value)} or below it`
    case "template":
      return `must fit the template ${quote(path.value)}`
    case "regex":
      return `must match ${quote(path.value)} as a whole`
  }
}

function mustValue(test: ValueTest): string {
  switch (test.kind) {
    case "exact":
      return `be ${quote(test.value)}`
    case "prefix":
      return `begin with ${quote(test.value)}`
    case "suffix":
      return `end with ${quote(test.value)}`
    case "contains":
      return `contain ${quote(test.value)}`
    case "regex":
      return `match ${quote(test.value)} as a whole`
    case "present":
      return "be present"
    case "absent":
      return "be absent"
  }
}

export function quote(text: string): string {
  return JSON.stringify(text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text)
}
