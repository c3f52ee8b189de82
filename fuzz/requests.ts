/** Requests to the control API from its own description: right ones, nearly right ones, and bytes that only look like one. */
import * as fc from "fast-check"
import { bodyOf } from "./bodies.ts"
import { fromSchema, type Schema, text } from "./from-schema.ts"

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

export interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>
  }
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: Schema
}

export interface FuzzRequest {
  readonly method: string
  /** Path and query, as they go over the wire. */
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  /** One byte a character. */
  readonly body: string | undefined
}

export interface FuzzOptions {
  readonly api: ApiDocument
  /** The JSON Schema of documents: the description only says that there are some. */
  readonly documents: Schema
  /** Tokens of the API by which requests are made. */
  readonly tokens: readonly string[]
  /** Also what no HTTP client lets through. */
  readonly raw: boolean
}

export function requests(options: FuzzOptions): fc.Arbitrary<FuzzRequest> {
  const operations = Object.entries(options.api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  // Most of what can go wrong is behind a body.
  const chosen = operations.flatMap((one) => (one.operation.requestBody ? [one, one, one] : [one]))
  return fc.constantFrom(...chosen).chain(({ path, method, operation }) =>
    fc
      .record({
        method: fc.oneof({ arbitrary: fc.constant(method), weight: 9 }, methodOf(options.raw)),
        path: pathOf(path, operation, options),
        query: queryOf(operation, options),
        headers: headersOf(options),
        token: fc.oneof({ arbitrary: fc.constantFrom(...options.tokens), weight: 8 }, fc.constant(undefined)),
        body: bodyOf(operation, options),
        typed: fc.oneof({ arbitrary: fc.constant("application/json"), weight: 9 }, fc.constantFrom(...TYPES)),
      })
      .map(({ path, query, headers, token, body, typed, method }) => ({
        method,
        target: path + query,
        headers: [
          ...(token === undefined ? [] : [["authorization", `Bearer ${token}`] as const]),
          ...(body === undefined ? [] : [["content-type", typed] as const]),
          ...headers,
        ],
        body: method === "GET" || method === "HEAD" ? undefined : body,
      })),
  )
}

const TYPES = [
  ...[
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
  ],
  ...[
    "Application/JSON",
    'application/json;charset="utf-8"',
    "application/problem+json",
    "application/yaml",
    "*/*",
    "",
  ],
]

function methodOf(raw: boolean): fc.Arbitrary<string> {
  const usual = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
  return raw ? fc.oneof(usual, fc.constantFrom("TRACE", "PROPFIND", "FOO", "get", "CONNECT", "QUERY")) : usual
}

const SEGMENTS = [
  ...[
    "%2e%2e",
    "..",
    ".",
    "%2E",
    "%2f",
    "%5c",
    "%00",
    "%ff",
    "%c0%ae",
    "%",
    "%zz",
    "a%0d%0ab",
    ";x=1",
    "%25%32%65",
    "~",
    "*",
  ],
  ...["x".repeat(2_000), encodeURIComponent("\u202e"), encodeURIComponent("{name}")],
]

function pathOf(path: string, { parameters = [] }: Operation, { api, raw }: FuzzOptions): fc.Arbitrary<string> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name)
  const value = (name: string) => {
    const parameter = parameters.find((one) => one.name === name)
    const right = parameter
      ? fromSchema(api as unknown as Schema, parameter.schema).map((one) => encodeURIComponent(wellFormed(String(one))))
      : fc.constant("x")
    return fc.oneof(
      { arbitrary: right.map((one) => (one === "" ? "x" : one)), weight: 5 },
      fc.constantFrom(...SEGMENTS),
    )
  }
  const filled = fc.tuple(...names.map(value)).map((values) => {
    let next = 0
    return path.replace(/\{\w+\}/g, () => values[next++]!)
  })
  const twisted = fc
    .tuple(
      filled,
      fc.constantFrom("/", "//", "/.", "/..", "/../tokens", "%2F", ";", "\\", "/%2e%2e/%2e%2e/v1/tokens"),
      fc.boolean(),
    )
    .map(([one, twist, before]) => (before ? `${twist.startsWith("/") ? twist : `/${twist}`}${one}` : `${one}${twist}`))
  const rawOnly = fc.constantFrom(
    "*",
    "http://evil.example/v1/tokens",
    "/v1/\u00e9",
    "/v1/a b",
    "/v1/<script>",
    "//evil.example/v1/status",
    "/\t",
    "",
  )
  const ways: fc.WeightedArbitrary<string>[] = [
    { arbitrary: filled, weight: 16 },
    { arbitrary: twisted, weight: 2 },
    {
      arbitrary: fc.constantFrom("/", "/v1", "/metrics", "/v1/nothing", "/favicon.ico", "/.env", "/v1/tokens/"),
      weight: 1,
    },
  ]
  return fc.oneof(...ways, ...(raw ? [{ arbitrary: rawOnly, weight: 1 }] : []))
}

function queryOf({ parameters = [] }: Operation, { api }: FuzzOptions): fc.Arbitrary<string> {
  const known = parameters.filter((one) => one.in === "query")
  const pair = (name: fc.Arbitrary<string>, value: fc.Arbitrary<string>) =>
    fc
      .tuple(name, value)
      .map(([key, one]) => `${encodeURIComponent(wellFormed(key))}=${encodeURIComponent(wellFormed(one))}`)
  const right = known.map(({ name, schema }) =>
    pair(fc.constant(name), fromSchema(api as unknown as Schema, schema).map(String)),
  )
  const wrong = pair(
    fc.oneof(fc.constantFrom(...known.map(({ name }) => name), "x", "__proto__", "confirm"), text),
    text,
  )
  const odd = fc.constantFrom(
    "limit",
    "limit=",
    "=",
    "&&",
    "limit=1&limit=2",
    "a=%ff",
    "a=%",
    "?",
    "prune",
    `a=${"x".repeat(5_000)}`,
  )
  const parts = fc.tuple(
    fc
      .subarray(right.length === 0 ? [fc.constant("")] : right, { minLength: 0 })
      .chain((chosen) => fc.tuple(...chosen)),
    fc.oneof({ arbitrary: fc.constant([] as string[]), weight: 7 }, fc.array(fc.oneof(wrong, odd), { maxLength: 2 })),
  )
  return parts.map(([some, others]) => {
    const all = [...some, ...others].filter((part) => part !== "")
    return all.length === 0 ? "" : `?${all.join("&")}`
  })
}

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  "if-match": ['"0"', '"1"', "*", 'W/"1"', "1", '"99999999999999999"', '"1", "2"', ""],
  "idempotency-key": ["k1", "k2", "x".repeat(300), "a b", "ü", ""],
  "weft-confirm": ["0123456789abcdef", "", "x".repeat(500)],
  accept: ["text/html", "*/*", "application/openmetrics-text", "x".repeat(1_000)],
  "content-encoding": ["gzip", "identity", "br, gzip", ""],
  origin: ["https://evil.example", "null", "https://control.example", "x"],
  "sec-fetch-site": ["cross-site", "same-site", "same-origin", "none", "x"],
  "sec-fetch-mode": ["navigate", "cors", "no-cors"],
  "cf-connecting-ip": ["203.0.113.7", "2001:db8::1", "::", "<script>", "1".repeat(60)],
  "x-forwarded-for": ["127.0.0.1", "10.0.0.1, 127.0.0.1"],
  "x-http-method-override": ["DELETE", "PUT"],
  "x-original-url": ["/v1/tokens"],
  cookie: ["__Host-sess=x", "a=b; a=c"],
  authorization: [
    "Basic Og==",
    "Basic %%%",
    "Bearer",
    "Bearer changeme",
    `Bearer ${"x".repeat(600)}`,
    "Digest x",
    "bearer  two  spaces",
  ],
  range: ["bytes=0-1"],
  expect: ["100-continue"],
  te: ["trailers"],
}

const RAW_HEADERS: readonly (readonly [string, string])[] = [
  ["host", "evil.example"],
  ["host", "a@b"],
  ["host", "control.example/v1/tokens?x="],
  ["content-length", "0"],
  ["content-length", "99999999999"],
  ["content-length", "-1"],
  ["transfer-encoding", "chunked"],
  ["transfer-encoding", "gzip, chunked"],
  ["connection", "close, authorization"],
  ["upgrade", "websocket"],
  ["http2-settings", "x"],
  ["x_forwarded_for", "1"],
  ["x-a", "\u00ff\u00fe"],
]

function headersOf({ raw }: FuzzOptions): fc.Arbitrary<(readonly [string, string])[]> {
  const known = fc
    .constantFrom(...Object.keys(HEADERS))
    .chain((name) => fc.constantFrom(...HEADERS[name]!).map((value) => [name, raw ? value : ascii(value)] as const))
  const free = fc.tuple(
    fc.constantFrom("if-match", "idempotency-key", "accept", "x-a"),
    fc.stringMatching(/^[ -~]{0,60}$/),
  )
  const one = raw
    ? fc.oneof({ arbitrary: known, weight: 4 }, free, fc.constantFrom(...RAW_HEADERS))
    : fc.oneof(known, free)
  const none = fc.constant<(readonly [string, string])[]>([])
  return fc.oneof({ arbitrary: none, weight: 3 }, { arbitrary: fc.array(one, { maxLength: 3 }), weight: 2 })
}

/** What clients send as bytes: one each, as far as they take them. */
function ascii(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]/g, "?")
}

function wellFormed(text: string): string {
  return text.toWellFormed()
}
