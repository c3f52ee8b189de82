/**
 * B3, the trace headers of Zipkin: one header `b3`, or several that begin with `x-b3-`. A trace that comes in them is continued as one of
 * W3C Trace Context. Whoever sends a `traceparent` too is taken by that.
 */

export const B3 = "b3"
export const B3_TRACE_ID = "x-b3-traceid"

/** trace id (64 or 128 bits), span id, and if it was decided: whether the trace is recorded (`d`: debug), the parent's span id. */
const SINGLE = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/
const TRACE_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/
const SPAN_ID = /^[0-9a-f]{16}$/

/** What a request says of its trace, by either standard. Only requests that may have B3 are looked at for it. */
export function traceparentOf(headers: Pick<Headers, "get">, mayHaveB3: boolean): string | null {
  return headers.get("traceparent") ?? (mayHaveB3 ? traceparentOfB3(headers) : null)
}

/** As a `traceparent`; null when there is none that could be continued. The single header goes before the several ones. */
export function traceparentOfB3(headers: Pick<Headers, "get">): string | null {
  const [, traceId, spanId, sampling] = SINGLE.exec(headers.get(B3) ?? "") ?? []
  if (traceId !== undefined && spanId !== undefined)
    return format(traceId, spanId, sampling === "1" || sampling === "d")
  const trace = headers.get(B3_TRACE_ID)
  const span = trace !== null && TRACE_ID.test(trace) ? headers.get("x-b3-spanid") : null
  if (trace === null || span === null || !SPAN_ID.test(span)) return null
  const sampled = headers.get("x-b3-sampled")
  // Older senders write booleans.
  return format(trace, span, sampled === "1" || sampled === "true" || headers.get("x-b3-flags") === "1")
}

function format(traceId: string, spanId: string, isSampled: boolean): string {
  return `00-${traceId.padStart(32, "0")}-${spanId}-${isSampled ? "01" : "00"}`
}
