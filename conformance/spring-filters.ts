/** Spring's filters as filters of the mesh. */
import type { FilterDocument, HeaderChangeDocument, RetryDocument } from "#shared/model/document.ts"
import type { QueryChangeDocument } from "#shared/model/rewrite-document.ts"
import { type Fields, list, record, text } from "./gateway-api.ts"
import { type Part, partOf } from "./spring-parts.ts"
import { type Moved, prefixed, stripped, UNMOVED } from "./spring-paths.ts"
import { secureHeaders } from "./spring-secure-headers.ts"

export interface Filtering {
  /** Changes of the request, in their order; those of the response in the reverse of theirs. */
  readonly filters: FilterDocument[]
  readonly answers: FilterDocument[]
  readonly query: QueryChangeDocument
  readonly host: string | undefined
  readonly moved: Moved
  readonly retry: RetryDocument | undefined
  readonly doubts: readonly string[]
}

interface Building {
  readonly request: HeaderChangeDocument[]
  readonly response: HeaderChangeDocument[]
  readonly answers: FilterDocument[]
  readonly others: FilterDocument[]
  readonly query: { add: { [name: string]: string }; remove: string[] }
  host: string | undefined
  moved: Moved
  retry: RetryDocument | undefined
  readonly doubts: string[]
}

/** `defaults` are the gateway's own filters; of equal place, they come first. */
export function filtersOf(defaults: readonly unknown[], own: readonly unknown[]): Filtering {
  const building: Building = {
    ...{ request: [], response: [], answers: [], others: [], query: { add: {}, remove: [] } },
    ...{ host: undefined, moved: UNMOVED, retry: undefined, doubts: [] },
  }
  const placed = [...defaults.map((one, at) => ({ one, at })), ...own.map((one, at) => ({ one, at }))]
  for (const { one } of placed.toSorted((left, right) => left.at - right.at)) {
    const part = partOf(one)
    const read = READERS[part.name]
    if (read) read(part.args, building, part)
    else building.doubts.push(`the filter ${part.name} has no word here`)
  }
  const { request, response, others, answers, query, host, moved, retry, doubts } = building
  const values = [...request, ...response].flatMap((change) =>
    [change.set, change.add, change.default].flatMap((map) => Object.values(map ?? {})),
  )
  if ([...values, ...Object.values(query.add)].some((value) => /\{\w+\}/.test(value))) {
    doubts.push("the value of a header or a parameter is a text; it fills in nothing of the request")
  }
  return {
    filters: [
      ...others,
      ...request.map((requestHeaders) => ({ requestHeaders })),
      ...response.toReversed().map((responseHeaders) => ({ responseHeaders })),
    ],
    ...{ answers, query, host, moved, retry, doubts },
  }
}

type Reader = (args: Fields, building: Building, part: Part) => void

const pair = ({ name, value }: Fields) => ({ [String(name)]: String(value) })
const nothing: Reader = () => {}

const READERS: Readonly<Record<string, Reader>> = {
  AddRequestHeader: (args, { request }) => void request.push({ add: pair(args) }),
  SetRequestHeader: (args, { request }) => void request.push({ set: pair(args) }),
  RemoveRequestHeader: ({ name }, { request }) => void request.push({ remove: [String(name)] }),
  AddRequestHeadersIfNotPresent({ keyValues }, { request, doubts }) {
    const pairs = list(keyValues).map((one) => String(one).split(/:(.*)/s))
    const names = pairs.map(([name = ""]) => name.toLowerCase())
    if (new Set(names).size < names.length) doubts.push("a header that is absent gets one value, not several")
    request.push({ default: Object.fromEntries(pairs.map(([name = "", value = ""]) => [name.trim(), value.trim()])) })
  },
  AddResponseHeader: (args, { response }) =>
    void response.push(String(args.override ?? "true") === "false" ? { default: pair(args) } : { add: pair(args) }),
  SetResponseHeader: (args, { response }) => void response.push({ set: pair(args) }),
  RemoveResponseHeader: ({ name }, { response }) => void response.push({ remove: [String(name)] }),
  SecureHeaders: (args, { response }) => void response.push({ default: secureHeaders(args) }),
  AddRequestParameter: (args, { query }) => void Object.assign(query.add, pair(args)),
  RemoveRequestParameter: ({ name }, { query }) => void query.remove.push(String(name)),
  SetRequestHostHeader({ host }, building) {
    building.host = String(host)
  },
  PrefixPath({ prefix }, building) {
    building.moved = prefixed(building.moved, String(prefix))
  },
  StripPrefix({ parts = 1 }, building) {
    const moved = stripped(building.moved, Number(parts))
    if (moved) building.moved = moved
    else building.doubts.push("segments are taken off a path that has been rewritten otherwise")
  },
  SetPath({ template }, building) {
    building.moved = { by: "set", path: String(template) }
  },
  RewritePath({ regexp, replacement }, building) {
    const { moved, doubts } = building
    if (moved.by !== "shift" || moved.strip > 0 || moved.prefix !== "") doubts.push("a path is rewritten twice")
    // `$\{name}` keeps Spring itself from filling it in.
    const written = String(replacement ?? "").replaceAll("$\\", "$")
    const groups = written.replace(/\$\{(\w+)\}/g, "{$1}").replace(/\$(\d)/g, "{$1}")
    building.moved = { by: "regex", pattern: String(regexp), replacement: groups, prefix: "" }
  },
  RedirectTo(args, { answers }) {
    answers.push(redirectOf(args))
  },
  RequestSize({ maxSize }, { others, doubts }) {
    const bytes = Number(maxSize)
    if (Number.isInteger(bytes)) others.push({ limits: { bodyBytes: bytes } })
    else doubts.push(`the size ${String(maxSize)}`)
  },
  Retry(args, building) {
    building.retry = retryOf(args, building.doubts)
  },
  // What belongs to one connection is never passed on here.
  RemoveNonProxyHeaders: nothing,
  PreserveHostHeader: nothing,
}

/** Without `includeRequestParams` the query is left out; a place without host is answered as it is written. */
function redirectOf({ status, url, includeRequestParams }: Fields): FilterDocument {
  const keeps = String(includeRequestParams ?? "false") === "true"
  const code = Number(status)
  const place = String(url)
  if (!URL.canParse(place)) return { respond: { status: code, headers: { location: place } } }
  const { protocol, hostname, port, pathname } = new URL(place)
  return {
    redirect: {
      scheme: protocol === "http:" ? "http" : "https",
      host: hostname,
      ...(port !== "" && { port: Number(port) }),
      path: pathname,
      ...(!keeps && { query: "" }),
      status: code as 302,
    },
  }
}

const SERIES: Readonly<Record<string, NonNullable<RetryDocument["on"]>[number]>> = { SERVER_ERROR: "5xx" }

function retryOf(args: Fields, doubts: string[]): RetryDocument {
  const { retries = 3, methods = "GET", series = "SERVER_ERROR", statuses, ...others } = args
  for (const name of Object.keys(others)) doubts.push(`a retry with ${name}`)
  const named = list(text(series)?.split(",") ?? series).map((one) => SERIES[String(one)])
  if (named.includes(undefined)) doubts.push(`a retry on ${String(series)}`)
  if (statuses !== undefined) doubts.push("a retry on statuses by their names")
  const repeated = list(text(methods)?.split(",") ?? methods).map((one) => String(one).trim())
  return {
    attempts: Number(retries),
    on: ["connect-failure", "attempt-timeout", ...named.filter((one) => one !== undefined)],
    unsafe: repeated.includes("POST"),
  }
}

/** CORS of a route's metadata, or of the whole gateway. */
export function corsOf(policy: Fields, originOf: (origin: string) => string): FilterDocument {
  const { allowedOrigins, allowedMethods, allowedHeaders, exposedHeaders, allowCredentials, maxAge } = policy
  return {
    cors: {
      origins: list(allowedOrigins).map((origin) => originOf(String(origin))),
      credentials: record(policy).allowCredentials === true || allowCredentials === "true",
      ...(allowedMethods !== undefined && { methods: list(allowedMethods).map(String) }),
      ...(allowedHeaders !== undefined && { headers: list(allowedHeaders).map(String) }),
      ...(exposedHeaders !== undefined && { exposeHeaders: list(exposedHeaders).map(String) }),
      ...(maxAge !== undefined && { maxAge: `${String(maxAge)}s` }),
    },
  }
}
