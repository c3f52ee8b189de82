/** Predicates and filters of Spring Cloud Gateway as they are written: `Name=a, b`, `Name(a=b, c=d)`, or `{ name, args }`. */
import { type Fields, list, record } from "./gateway-api.ts"

export interface Part {
  readonly name: string
  /** By their names. */
  readonly args: Fields
  /** What stands in words behind the arguments. */
  readonly remark: string | undefined
}

/** The order of arguments that stand without names. Three dots: all that remain. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  Path: ["...patterns"],
  Host: ["...patterns"],
  Method: ["...methods"],
  RemoteAddr: ["...sources"],
  XForwardedRemoteAddr: ["...sources"],
  Header: ["header", "regexp"],
  Query: ["param", "regexp"],
  Cookie: ["name", "regexp"],
  After: ["datetime"],
  Before: ["datetime"],
  Between: ["datetime1", "datetime2"],
  Weight: ["group", "weight"],
  AddRequestHeadersIfNotPresent: ["...keyValues"],
  StripPrefix: ["parts"],
  PrefixPath: ["prefix"],
  SetPath: ["template"],
  RewritePath: ["regexp", "replacement"],
  RedirectTo: ["status", "url", "includeRequestParams"],
  SetRequestHostHeader: ["host"],
  SetStatus: ["status"],
  RequestSize: ["maxSize"],
}
/** Of all others. */
const USUAL = ["name", "value", "override"]

export function partOf(written: unknown): Part {
  if (typeof written !== "string") {
    const { name, args } = record(written)
    return { name: String(name), args: named(String(name), record(args)), remark: undefined }
  }
  const call = /^(\w+)\((.*)\)$/s.exec(written)
  if (call) return { name: call[1]!, args: pairsOf(call[2]!), remark: undefined }
  const [, name = written, text = ""] = /^(\w+)=(.*)$/s.exec(written) ?? []
  const [, before = text, remark] = /^(.*?)\s*\(([^()]*)\)$/s.exec(text) ?? []
  // Parentheses may be part of an expression; words in them are not.
  const isRemark = remark !== undefined && / |=/.test(remark)
  return { name, args: positional(name, isRemark ? before : text), remark: isRemark ? remark : undefined }
}

function positional(name: string, text: string): Fields {
  const tokens = text
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "")
  const order = ORDER[name] ?? USUAL
  if (order[0]?.startsWith("...")) return { [order[0].slice(3)]: tokens }
  return Object.fromEntries(tokens.map((token, index) => [order[index] ?? `argument ${index + 1}`, token]))
}

/** `retries=2, methods=POST,GET`. */
function pairsOf(text: string): Fields {
  const pairs = text.split(/,\s*(?=\w+=|backoff |jitter|timeout)/).map((pair) => pair.split(/=(.*)/s))
  return Object.fromEntries(pairs.map(([key = "", value = ""]) => [key.trim(), value]))
}

/** One pattern is a list of one. */
function named(name: string, args: Fields): Fields {
  const many = ORDER[name]?.[0]?.startsWith("...") ? ORDER[name][0].slice(3) : undefined
  if (many === undefined) return args
  const { [many]: all, [many.slice(0, -1)]: one, ...others } = args
  return { ...others, [many]: list(all ?? one).map(String) }
}
