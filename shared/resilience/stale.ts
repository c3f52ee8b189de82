/**
 * The last good answers of a service, for when its breaker keeps requests from it. An answer is given again only to a request that
 * could not have got another one: same caller, same URL, and the same value in every header that might say who is asking or what is
 * wanted. What is personal (RFC 9111: `authorization`, `private`; and any cookie) is never kept.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { StalePolicy } from "#shared/model/policy.ts"

type Fields = Pick<Headers, "get" | "has"> & Iterable<[string, string]>

/** A request as it is sent to the service. */
export interface StaleRequest {
  readonly method: string
  readonly url: string
  readonly headers: Fields
}

export interface StaleAnswer {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: ArrayBuffer | null
  /** What the answer varies by beyond its key, as the request had it (RFC 9111 4.1). */
  readonly varied: readonly (readonly [name: string, value: string | null])[]
  /** When it was asked for, less its own `age`. */
  readonly bornAtMs: number
  readonly untilMs: number
}

/**
 * Headers of one connection, of one hop, of a trace, or of a cache: none of them says who asks, or for what. Only as long as they hold
 * what such headers do: a service that writes one of them into its answer must not be fed markup for others by it.
 */
const SAYS_NOTHING = new Set([
  "accept-encoding",
  "b3",
  "cache-control",
  "cdn-loop",
  "cf-connecting-ip",
  "cf-ray",
  "cf-visitor",
  "cf-worker",
  "connection",
  "content-length",
  "dnt",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-unmodified-since",
  "pragma",
  "priority",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-fetch-user",
  "sentry-trace",
  "traceparent",
  "tracestate",
  "upgrade-insecure-requests",
  "weft-attempt",
  "weft-deadline-ms",
  "weft-debug",
  "weft-hops",
  "weft-priority",
  "x-amzn-trace-id",
  "x-b3-flags",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-spanid",
  "x-b3-traceid",
  "x-cloud-trace-context",
  "x-correlation-id",
  "x-forwarded-for",
  "x-request-id",
])
const HARMLESS = /^[\w .,:;=/+*"%~@-]*$/

const KEY_CHARS_MAX = 8 * 1024

/**
 * Which answer the request could be given, and the answer to it be kept under; undefined for none. Every header that is not known to say
 * nothing is part of it, so that what nobody thought of keeps requests apart.
 */
export function staleKey({ method, url, headers }: StaleRequest, { ignoreHeaders }: StalePolicy): string | undefined {
  if (method !== "GET" || headers.has("authorization") || headers.has("cookie") || headers.has("range"))
    return undefined
  const asked = directivesOf(headers.get("cache-control"))
  if (asked.has("no-store") || asked.has("no-cache") || directivesOf(headers.get("pragma")).has("no-cache"))
    return undefined
  const told: string[] = []
  for (const [name, value] of headers) {
    if (ignoreHeaders.includes(name) || (SAYS_NOTHING.has(name) && HARMLESS.test(value))) continue
    told.push(`${name}:${value}`)
  }
  const key = [url, ...told.sort()].join("\n")
  return key.length > KEY_CHARS_MAX ? undefined : key
}

/** How long from `nowMs` on an answer may be given again; 0 when it may not be kept at all. */
export function shelfMs(status: number, headers: Fields, { maxAgeMs }: StalePolicy): number {
  if (status !== 200 || headers.has("set-cookie") || !isVaryKnown(headers.get("vary"))) return 0
  // A stream of events has no end that one could keep.
  if (headers.get("content-type")?.startsWith("text/event-stream")) return 0
  const said = directivesOf(headers.get("cache-control"))
  const toCdn = directivesOf(headers.get("cdn-cache-control"))
  for (const one of [said, toCdn]) if (FORBIDDING.some((name) => one.has(name))) return 0
  const fresh = secondsOf(said.get("s-maxage")) ?? secondsOf(said.get("max-age"))
  const ageMs = ageOf(headers)
  return Math.max(0, Math.min(maxAgeMs, longestMs(said, fresh) - ageMs))
}

/** Whether all that the answer depends on are headers: `*` is something else, and so is what is no header's name. */
function isVaryKnown(vary: string | null): boolean {
  return vary === null || (/^[!#$%&'+\-.^_`|~0-9A-Za-z\s,]*$/.test(vary) && !/[^\s,]\s+[^\s,]/.test(vary))
}

/** RFC 9111 5.2.2: no stale answer at all after these; RFC 5861: how long after its time an answer may stand in. */
function longestMs(said: ReadonlyMap<string, string>, fresh: number | undefined): number {
  const mustAsk = ["must-revalidate", "proxy-revalidate", "s-maxage"].some((name) => said.has(name))
  if (mustAsk) return (fresh ?? 0) * 1_000
  const staleSeconds = secondsOf(said.get("stale-if-error"))
  return staleSeconds === undefined ? Number.POSITIVE_INFINITY : ((fresh ?? 0) + staleSeconds) * 1_000
}

const FORBIDDING = ["private", "no-store", "no-cache"]

/** What the answer varies by that is not part of its key anyway. */
export function variedOf(answer: Fields, { headers }: StaleRequest): StaleAnswer["varied"] {
  const names = (answer.get("vary") ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
  return names.filter((name) => name !== "").map((name) => [name, headers.get(name)])
}

/** What an answer says of its age, in milliseconds. */
export function ageOf(headers: Fields): number {
  return (secondsOf(headers.get("age") ?? undefined) ?? 0) * 1_000
}

/** Answers by key, bounded in number and bytes; of the longest unused the first goes. */
export class StaleShelf {
  readonly #answers = new Map<string, { readonly answer: StaleAnswer; readonly bytes: number }>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  put(key: string, answer: StaleAnswer): void {
    this.#drop(key)
    const bytes = bytesOf(key, answer)
    if (bytes > LIMITS.staleBytesMax) return
    this.#answers.set(key, { answer, bytes })
    this.#bytes += bytes
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= LIMITS.staleBytesMax && this.#answers.size <= LIMITS.staleEntriesMax) return
      this.#drop(oldest)
    }
  }

  /** The answer to give to the request; undefined when there is none that was given to its like, or none that is young enough. */
  find(key: string, { headers }: Pick<StaleRequest, "headers">, nowMs: number): StaleAnswer | undefined {
    const found = this.#answers.get(key)
    if (!found) return undefined
    if (nowMs >= found.answer.untilMs) {
      this.#drop(key)
      return undefined
    }
    if (found.answer.varied.some(([name, value]) => headers.get(name) !== value)) return undefined
    // Moved to the end: the longest unused stand first.
    this.#answers.delete(key)
    this.#answers.set(key, found)
    return found.answer
  }

  #drop(key: string): void {
    this.#bytes -= this.#answers.get(key)?.bytes ?? 0
    this.#answers.delete(key)
  }
}

/** Characters count twice, as they do in memory. */
function bytesOf(key: string, { headers, body, varied }: StaleAnswer): number {
  const chars = [...headers, ...varied].reduce(
    (sum, [name, value]) => sum + name.length + (value?.length ?? 0),
    key.length,
  )
  return 2 * chars + (body?.byteLength ?? 0)
}

/** Names in lower case; a value in quotes keeps its commas to itself. */
function directivesOf(header: string | null): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const [, name = "", quoted, plain] of (header ?? "").matchAll(
    /([^\s,="]+)\s*(?:=\s*(?:"([^"]*)"|([^\s,]*)))?/g,
  )) {
    directives.set(name.toLowerCase(), quoted ?? plain ?? "")
  }
  return directives
}

function secondsOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined
}
