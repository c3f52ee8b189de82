/** A receiver of OTLP over HTTP in JSON that takes nothing but what the protocol allows, for tests; and what a backend makes of spans. */
import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly startMs: number
  readonly endMs: number
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[]
  readonly service: string
}

export interface Receiver {
  readonly url: string
  readonly spans: ReceivedSpan[]
  /** What was wrong with requests that were refused for it. */
  readonly problems: string[]
  readonly requests: { readonly headers: Readonly<Record<string, unknown>>; readonly spans: number }[]
  /** What the next calls are answered; then 200 again. */
  readonly answers: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }[]
  close(): void
}

export async function startReceiver(): Promise<Receiver> {
  const receiver: Omit<Receiver, "url" | "close"> = { spans: [], problems: [], requests: [], answers: [] }
  const server = createServer(async (request, response) => {
    const body = await textOf(request)
    const answer = receiver.answers.shift()
    if (answer && answer.status >= 300) {
      response.writeHead(answer.status, answer.headers).end(answer.body)
      return
    }
    try {
      if (request.url !== "/v1/traces" || request.method !== "POST") throw new Error(`no such endpoint: ${request.url}`)
      if (request.headers["content-type"] !== "application/json") throw new Error("it is not JSON")
      const spans = readSpans(JSON.parse(body))
      receiver.spans.push(...spans)
      receiver.requests.push({ headers: request.headers, spans: spans.length })
      response.writeHead(200, { "content-type": "application/json" }).end(answer?.body ?? "{}")
    } catch (error) {
      receiver.problems.push(String(error))
      response.writeHead(400).end(String(error))
    }
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return { ...receiver, url: `http://127.0.0.1:${port}`, close: () => void server.close().closeAllConnections() }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

type Fields = Readonly<Record<string, unknown>>

/** The spans of an `ExportTraceServiceRequest`. Throws for any field that the protocol does not have, or of another type. */
export function readSpans(request: unknown): ReceivedSpan[] {
  return items(only(request, ["resourceSpans"]).resourceSpans).flatMap((one) => {
    const { resource, scopeSpans } = only(one, ["resource", "scopeSpans", "schemaUrl"])
    const { attributes } = only(resource, ["attributes", "droppedAttributesCount"])
    const service = attributesOf(attributes)["service.name"]
    if (typeof service !== "string") throw new Error("a resource without service.name")
    return items(scopeSpans).flatMap((scoped) => {
      const { scope, spans } = only(scoped, ["scope", "spans", "schemaUrl"])
      text(only(scope, ["name", "version", "attributes"]).name)
      return items(spans).map((span) => spanOf(span, service))
    })
  })
}

const SPAN = ["traceId", "spanId", "traceState", "parentSpanId", "flags", "name", "kind", "startTimeUnixNano"].concat(
  ...["endTimeUnixNano", "attributes", "droppedAttributesCount", "events", "droppedEventsCount", "links", "status"],
)

function spanOf(span: unknown, service: string): ReceivedSpan {
  const fields = only(span, SPAN)
  const { kind, flags, events = [], status = {} } = fields
  if (!Number.isInteger(kind) || Number(kind) < 1 || Number(kind) > 5) throw new Error(`no kind of span: ${kind}`)
  if (!Number.isInteger(flags)) throw new Error(`no flags: ${flags}`)
  const { code = 0 } = only(status, ["code", "message"])
  if (![0, 1, 2].includes(code as number)) throw new Error(`no status: ${code}`)
  const [startMs, endMs] = [millis(fields.startTimeUnixNano), millis(fields.endTimeUnixNano)]
  if (endMs < startMs) throw new Error("a span ends before it begins")
  return {
    traceId: hex(fields.traceId, 32),
    spanId: hex(fields.spanId, 16),
    parentSpanId: fields.parentSpanId === undefined ? "" : hex(fields.parentSpanId, 16),
    name: text(fields.name),
    kind: kind as number,
    ...{ startMs, endMs, service },
    failed: code === 2,
    attributes: attributesOf(fields.attributes ?? []),
    events: items(events).map((event) => {
      const { name, timeUnixNano, attributes } = only(event, ["name", "timeUnixNano", "attributes"])
      millis(timeUnixNano)
      return { name: text(name), attributes: attributesOf(attributes ?? []) }
    }),
  }
}

function attributesOf(attributes: unknown): Record<string, string | number | boolean> {
  return Object.fromEntries(
    items(attributes).map((attribute) => {
      const { key, value } = only(attribute, ["key", "value"])
      const [[type, content] = []] = Object.entries(
        only(value, ["stringValue", "intValue", "doubleValue", "boolValue"]),
      )
      if (type === "intValue" && /^-?\d+$/.test(text(content))) return [text(key), Number(content)]
      if (type === "doubleValue" && typeof content === "number") return [text(key), content]
      if (type === "boolValue" && typeof content === "boolean") return [text(key), content]
      if (type === "stringValue") return [text(key), text(content)]
      throw new Error(`no value: ${JSON.stringify(value)}`)
    }),
  )
}

function only(value: unknown, names: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`no object: ${value}`)
  const other = Object.keys(value).find((name) => !names.includes(name))
  if (other !== undefined) throw new Error(`no such field: ${other}`)
  return value as Fields
}

function items(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`no list: ${JSON.stringify(value)}`)
  return value
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Error(`no text: ${JSON.stringify(value)}`)
  return value
}

function hex(value: unknown, digits: number): string {
  if (!new RegExp(`^[0-9a-f]{${digits}}$`).test(text(value)) || /^0+$/.test(text(value)))
    throw new Error(`no id: ${value}`)
  return value as string
}

function millis(value: unknown): number {
  if (!/^\d{19}$/.test(text(value))) throw new Error(`no time: ${value}`)
  return Number((value as string).slice(0, -6))
}

/** The spans of one trace as a tree, a line each: `  name service kind`. Throws when they are not connected. */
export function treeOf(spans: readonly ReceivedSpan[], line: (span: ReceivedSpan) => string): string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  if (ids.size !== spans.length) throw new Error("two spans have one id")
  const roots = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId))
  if (roots.length !== 1) throw new Error(`${roots.length} roots: ${roots.map(({ name }) => name).join(", ")}`)
  const below = (parent: ReceivedSpan, depth: number): string[] => [
    "  ".repeat(depth) + line(parent),
    ...spans
      .filter(({ parentSpanId }) => parentSpanId === parent.spanId)
      .sort((a, b) => a.startMs - b.startMs)
      .flatMap((span) => below(span, depth + 1)),
  ]
  return below(roots[0]!, 0)
}
