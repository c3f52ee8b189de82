/**
 * Whether one match takes every request that another one takes. Says so only where it is certain: a condition that it
 * cannot compare (two different expressions, two negations) is taken to differ.
 */
import type { Match, PathMatch, ValueMatch, ValueTest } from "#shared/model/route.ts"
import { isCatchAll } from "#shared/routing/path-match.ts"
import { admitRegex } from "#shared/routing/regex.ts"
import { admitTemplate, capture, type Template } from "#shared/routing/template.ts"

export function covers(wide: Match, narrow: Match): boolean {
  return (
    coversProtocol(wide, narrow) &&
    coversPath(wide.path, narrow.path) &&
    (wide.method === undefined || wide.method === narrow.method) &&
    (wide.from === undefined || (narrow.from?.every((caller) => wide.from?.includes(caller)) ?? false)) &&
    coversValues(wide.headers, narrow.headers) &&
    coversValues(wide.query, narrow.query) &&
    coversValues(wide.cookies, narrow.cookies) &&
    coversValues(wide.claims ?? [], narrow.claims ?? []) &&
    coversAddresses(wide.addresses, narrow.addresses) &&
    coversTime(wide, narrow) &&
    coversPercent(wide.percent, narrow.percent)
  )
}

/** What every path that the expression takes begins with, as far as it is plain to see. */
export function literalStart(pattern: string): string {
  if (pattern.includes("|") || pattern.includes("(?")) return ""
  const plain = /^\^?([\w/~@:!&=,;%-]*)/.exec(pattern)?.[1] ?? ""
  const next = pattern[pattern.indexOf(plain) + plain.length] ?? ""
  return "?*{".includes(next) && next !== "" ? plain.slice(0, -1) : plain
}

function coversAddresses(wide: Match["addresses"], narrow: Match["addresses"]): boolean {
  return wide === undefined || (narrow?.every((one) => wide.includes(one)) ?? false)
}

function coversTime(wide: Match, narrow: Match): boolean {
  const begins = (wide.afterMs ?? -Infinity) <= (narrow.afterMs ?? -Infinity)
  return begins && (wide.beforeMs ?? Infinity) >= (narrow.beforeMs ?? Infinity)
}

/** An RPC call has no path, no method and no query: who asks for one of them takes HTTP only. */
function coversProtocol(wide: Match, narrow: Match): boolean {
  if (wide.rpc !== undefined) return wide.rpc === narrow.rpc
  return narrow.rpc === undefined || (isAny(wide.path) && wide.method === undefined && wide.query.length === 0)
}

function coversPath(wide: PathMatch | undefined, narrow: PathMatch | undefined): boolean {
  if (isAny(wide)) return true
  if (wide === undefined || narrow === undefined || isAny(narrow)) return false
  switch (wide.kind) {
    case "exact":
      return narrow.kind === "exact" && narrow.value === wide.value
    case "prefix":
      return beginsUnder(narrow, wide.value)
    case "template":
      return coversByTemplate(templateOf(wide.value), narrow)
    case "regex": {
      if (narrow.kind === "regex") return narrow.value === wide.value
      const admitted = admitRegex(wide.value)
      return narrow.kind === "exact" && "regex" in admitted && admitted.regex.matches(narrow.value)
    }
  }
}

/** Whether every path that the match takes is the prefix or lies below it, by whole segments. */
export function beginsUnder(narrow: PathMatch, prefix: string): boolean {
  const under = prefix.endsWith("/") ? prefix : `${prefix}/`
  switch (narrow.kind) {
    case "exact":
    case "prefix":
      return narrow.value === prefix || narrow.value.startsWith(under)
    case "template":
      return `${literalSegments(templateOf(narrow.value))}/`.startsWith(under)
    case "regex":
      return literalStart(narrow.value).startsWith(under)
  }
}

function coversByTemplate(wide: Template, narrow: PathMatch): boolean {
  if (narrow.kind === "exact") return capture(wide, narrow.value) !== undefined
  if (narrow.kind !== "template") return false
  const other = templateOf(narrow.value)
  for (const [index, segment] of wide.entries()) {
    const against = other[index]
    if (against === undefined) return false
    if (segment.kind === "rest") return true
    if (segment.kind === "one" && (against.kind === "rest" || (against.kind === "literal" && against.text === "")))
      return false
    if (segment.kind === "literal" && !(against.kind === "literal" && against.text === segment.text)) return false
  }
  return other.length === wide.length
}

function templateOf(text: string): Template {
  const admitted = admitTemplate(text)
  return "template" in admitted ? admitted.template : []
}

function literalSegments(template: Template): string {
  const variable = template.findIndex(({ kind }) => kind !== "literal")
  const literals = variable < 0 ? template : template.slice(0, variable)
  return literals.map((segment) => (segment.kind === "literal" ? `/${segment.text}` : "")).join("")
}

/** For each of the wider one's conditions one of the other's must bring it about. */
function coversValues(wide: readonly ValueMatch[], narrow: readonly ValueMatch[]): boolean {
  return wide.every((condition) => narrow.some((other) => other.name === condition.name && implies(other, condition)))
}

/**
 * A repeated header holds by any one of its values, so that what holds for that one value holds again; what is negated
 * would have to be asked of the others too.
 */
function implies(narrow: ValueMatch, wide: ValueMatch): boolean {
  if (isSame(narrow, wide)) return true
  if (narrow.negate || wide.negate || narrow.test.kind === "absent" || wide.test.kind === "absent") return false
  if (wide.test.kind === "present") return true
  return testImplies(narrow.test, wide.test)
}

function isSame({ test: a, negate: notA }: ValueMatch, { test: b, negate: notB }: ValueMatch): boolean {
  const sameValue = "value" in a ? "value" in b && a.value === b.value : !("value" in b)
  return a.kind === b.kind && sameValue && (notA === true) === (notB === true)
}

function testImplies(narrow: ValueTest, wide: ValueTest): boolean {
  if (!("value" in narrow) || !("value" in wide) || narrow.kind === "regex") return false
  const text = narrow.value
  const whole = narrow.kind === "exact"
  switch (wide.kind) {
    case "exact":
      return whole && text === wide.value
    case "prefix":
      return (whole || narrow.kind === "prefix") && text.startsWith(wide.value)
    case "suffix":
      return (whole || narrow.kind === "suffix") && text.endsWith(wide.value)
    case "contains":
      return text.includes(wide.value)
    case "regex": {
      const admitted = admitRegex(wide.value)
      return whole && "regex" in admitted && admitted.regex.matches(text)
    }
  }
}

/** All percentages of one request are judged by one throw of the dice. */
function coversPercent(wide: number | undefined, narrow: number | undefined): boolean {
  return wide === undefined || wide >= 100 || (narrow !== undefined && narrow <= wide)
}

function isAny(path: PathMatch | undefined): boolean {
  return path === undefined || isCatchAll(path)
}
