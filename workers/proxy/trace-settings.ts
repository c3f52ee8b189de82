/** What the proxy's variables say of traces. Those that OpenTelemetry has names for have these names. */
import type { Collector } from "./exporter.ts"
import type { TraceSettings } from "./tracer.ts"

export interface TraceEnv {
  /** The collector, without `/v1/traces`. */
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string
  /** The whole URL of the traces' endpoint; goes before the one above. */
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string
  /** `name=value,name=value`, percent-encoded: a secret, most of the time. */
  readonly OTEL_EXPORTER_OTLP_HEADERS?: string
  /** The same form: attributes of all resources. */
  readonly OTEL_RESOURCE_ATTRIBUTES?: string
  /** Share of the traces that begin here and are recorded, 0 to 100. With a collector 1 by default. */
  readonly WEFT_TRACE_PERCENT?: string
  /** `trust`: a public sender decides by his `traceparent` whether his trace is recorded. */
  readonly WEFT_TRACE_PUBLIC?: string
}

const PERCENT = 1

export interface TraceVariables {
  readonly settings: TraceSettings
  readonly collector: Collector | undefined
  readonly attributes: Readonly<Record<string, string>>
  /** What cannot be used, and why; it counts as not there. */
  readonly problems: readonly string[]
}

export function readTraceVariables(env: TraceEnv): TraceVariables {
  const problems: string[] = []
  const collector = collectorOf(env, problems)
  const written = env.WEFT_TRACE_PERCENT
  let percent = collector ? PERCENT : undefined
  if (written !== undefined && written.trim() !== "") {
    const asked = Number(written)
    if (asked >= 0 && asked <= 100) percent = asked
    else problems.push(`WEFT_TRACE_PERCENT is ${JSON.stringify(written)}, and must be a number from 0 to 100`)
  }
  const attributes = readPairs("OTEL_RESOURCE_ATTRIBUTES", env.OTEL_RESOURCE_ATTRIBUTES, problems)
  return { settings: { percent, trustsPublic: env.WEFT_TRACE_PUBLIC === "trust" }, collector, attributes, problems }
}

function collectorOf(env: TraceEnv, problems: string[]): Collector | undefined {
  const whole = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT
  const [name, url] = whole
    ? ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole]
    : ["OTEL_EXPORTER_OTLP_ENDPOINT", base && `${base.replace(/\/+$/, "")}/v1/traces`]
  if (!url) return undefined
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    problems.push(`${name} is no URL by http or https`)
    return undefined
  }
  const headers = readPairs("OTEL_EXPORTER_OTLP_HEADERS", env.OTEL_EXPORTER_OTLP_HEADERS, problems)
  try {
    new Headers(headers)
  } catch {
    // Its values are secrets: none of them may come into the log.
    problems.push("OTEL_EXPORTER_OTLP_HEADERS has a header that cannot be sent")
    return undefined
  }
  return { url, headers }
}

/** A list of pairs as OpenTelemetry writes them: those that are none are left out, and told of. */
function readPairs(name: string, text: string | undefined, problems: string[]): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (const [index, part] of (text ?? "").split(",").entries()) {
    if (part.trim() === "") continue
    const equals = part.indexOf("=")
    const key = part.slice(0, equals).trim()
    const value = decoded(part.slice(equals + 1).trim())
    if (equals < 0 || key === "" || value === undefined) problems.push(`${name}: part ${index + 1} is not name=value`)
    else pairs[key] = value
  }
  return pairs
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
