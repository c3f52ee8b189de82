/**
 * Recorded exchanges as spans of OpenTelemetry, in the JSON form of OTLP 1 (`ExportTraceServiceRequest`: ids in hex, 64-bit numbers as
 * texts). Attributes follow the semantic conventions of HTTP and RPC; what is the mesh's own begins with `weft.`.
 *
 *   exchange   SERVER at a gateway, INTERNAL for a call of a service: the span around the attempts of a client
 *     attempt  CLIENT, one a request that was sent; its id is what the upstream is told as its parent
 *
 * A resource is who the exchange was made for: the gateway, or the calling service.
 */

import type { AttemptRecord, Decision } from "./journal.ts"
import { isFailure, type RecordedExchange } from "./recorded.ts"

export interface OtlpRequest {
  readonly resourceSpans: readonly ResourceSpans[]
}

interface ResourceSpans {
  readonly resource: { readonly attributes: readonly Attribute[] }
  readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly Span[] }[]
}

interface Attribute {
  readonly key: string
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly doubleValue: number }
    | { readonly boolValue: boolean }
}

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  /** The trace's flags, and whether the parent is another process's. */
  readonly flags: number
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  readonly events?: readonly {
    readonly timeUnixNano: string
    readonly name: string
    readonly attributes: readonly Attribute[]
  }[]
  readonly status: { readonly code?: number }
}

export interface Resource {
  /** The isolate. */
  readonly instance: string
  /** Those of the operator go before others. */
  readonly attributes: Readonly<Record<string, string>>
}

const INTERNAL = 1
const SERVER = 2
const CLIENT = 3
const ERROR = 2
const PARENT_KNOWN = 0x100
const PARENT_REMOTE = 0x200
/** Methods that may stand in a span's name; others are made up by who asks. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"])

export function spanCount({ attemptRecords }: RecordedExchange): number {
  return 1 + attemptRecords.length
}

export function encodeSpans(exchanges: readonly RecordedExchange[], resource: Resource): OtlpRequest {
  const byOwner = new Map<string, RecordedExchange[]>()
  for (const exchange of exchanges) {
    const owner = `${exchange.from ?? exchange.gateway ?? ""} ${exchange.colo ?? ""}`
    const known = byOwner.get(owner)
    if (known) known.push(exchange)
    else byOwner.set(owner, [exchange])
  }
  return {
    resourceSpans: [...byOwner.values()].map((owned) => ({
      resource: { attributes: resourceOf(owned[0]!, resource) },
      scopeSpans: [{ scope: { name: "weft" }, spans: owned.flatMap(spansOf) }],
    })),
  }
}

function resourceOf(
  { from, gateway, colo }: RecordedExchange,
  { instance, attributes }: Resource,
): readonly Attribute[] {
  const [namespace, name] = (from ?? gateway ?? "default/default").split("/")
  return attributesOf({
    "service.name": from === undefined ? `gateway ${name}` : name,
    "service.namespace": namespace,
    "service.instance.id": instance,
    "cloud.provider": "cloudflare",
    "cloud.region": colo,
    "telemetry.sdk.name": "weft",
    "telemetry.sdk.language": "webjs",
    ...attributes,
  })
}

function spansOf(exchange: RecordedExchange): readonly Span[] {
  return [
    exchangeSpan(exchange),
    ...exchange.attemptRecords.map((attempt, index) => attemptSpan(exchange, attempt, index)),
  ]
}

function exchangeSpan(exchange: RecordedExchange): Span {
  const { trace, atMs, durationMs, from, decisions } = exchange
  const isOutside = from === undefined
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    ...(trace.parentId !== undefined && { parentSpanId: trace.parentId }),
    flags: Number.parseInt(trace.flags, 16) | PARENT_KNOWN | (trace.parentId === undefined ? 0 : PARENT_REMOTE),
    name: nameOf(exchange),
    kind: isOutside ? SERVER : INTERNAL,
    startTimeUnixNano: nanos(atMs),
    endTimeUnixNano: nanos(atMs + durationMs),
    attributes: attributesOf({ ...askedOf(exchange), ...decidedOf(exchange) }),
    ...(decisions.length > 0 && { events: decisions.map(eventOf) }),
    status: isFailure(exchange) ? { code: ERROR } : {},
  }
}

/** `GET /orders/{id}`: texts of configuration only, or every path would be a span of its own. */
function nameOf({ protocol, method, to, pattern }: RecordedExchange): string {
  if (protocol === "rpc") return `${to ?? "unknown"}/${method}`
  const verb = METHODS.has(method) ? method : "HTTP"
  return pattern === undefined ? verb : `${verb} ${pattern}`
}

function askedOf({ protocol, method, to, host, path, pattern, status }: RecordedExchange): Attributes {
  if (protocol === "rpc") return { "rpc.system": "workers_rpc", "rpc.service": to, "rpc.method": method }
  const isKnown = METHODS.has(method)
  return {
    "http.request.method": isKnown ? method : "_OTHER",
    "http.request.method_original": isKnown ? undefined : method,
    "http.route": pattern,
    "http.response.status_code": status,
    "server.address": host,
    "url.path": path,
  }
}

function decidedOf(exchange: RecordedExchange): Attributes {
  const { from, to, subset, rule, revision, refusal, attempts, gateway, status } = exchange
  return {
    "error.type": refusal ?? (isFailure(exchange) ? String(status) : undefined),
    "weft.from": from ?? "public",
    "weft.gateway": gateway,
    "weft.to": to,
    "weft.subset": subset,
    "weft.rule": rule,
    "weft.revision": revision,
    "weft.refusal": refusal,
    "weft.attempts": attempts,
  }
}

function attemptSpan(exchange: RecordedExchange, attempt: AttemptRecord, index: number): Span {
  const { trace, protocol, method, atMs, durationMs } = exchange
  const { spanId, startedAtMs, endedAtMs, to, subset, endpoint, status, refusal } = attempt
  const isKnown = METHODS.has(method)
  const failed = status === undefined || status >= 400
  const asked: Attributes =
    protocol === "rpc"
      ? { "rpc.system": "workers_rpc", "rpc.service": to, "rpc.method": method }
      : { "http.request.method": isKnown ? method : "_OTHER", "http.response.status_code": status }
  return {
    traceId: trace.traceId,
    spanId,
    parentSpanId: trace.spanId,
    flags: Number.parseInt(trace.flags, 16) | PARENT_KNOWN,
    name: protocol === "rpc" ? `${to}/${method}` : isKnown ? method : "HTTP",
    kind: CLIENT,
    startTimeUnixNano: nanos(startedAtMs),
    endTimeUnixNano: nanos(endedAtMs ?? atMs + durationMs),
    attributes: attributesOf({
      ...asked,
      "http.request.resend_count": protocol === "http" && index > 0 ? index : undefined,
      "server.address": to,
      "peer.service": to.slice(to.indexOf("/") + 1),
      "error.type": refusal ?? (failed ? (status === undefined ? "abandoned" : String(status)) : undefined),
      "weft.to": to,
      "weft.subset": subset,
      "weft.endpoint": endpoint,
    }),
    status: failed ? { code: ERROR } : {},
  }
}

function eventOf({ name, atMs, details }: Decision) {
  const attributes = attributesOf(
    Object.fromEntries(Object.entries(details).map(([key, value]) => [`weft.${key}`, value])),
  )
  return { timeUnixNano: nanos(atMs), name: `weft.${name}`, attributes }
}

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

function attributesOf(attributes: Attributes): Attribute[] {
  const told: Attribute[] = []
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === "") continue
    if (typeof value === "string") told.push({ key, value: { stringValue: value } })
    else if (typeof value === "boolean") told.push({ key, value: { boolValue: value } })
    else if (Number.isSafeInteger(value)) told.push({ key, value: { intValue: String(value) } })
    else if (Number.isFinite(value)) told.push({ key, value: { doubleValue: value } })
  }
  return told
}

/** The platform's clock tells whole milliseconds. */
function nanos(ms: number): string {
  return `${Math.round(ms)}000000`
}
