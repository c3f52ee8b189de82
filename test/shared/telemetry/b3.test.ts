import { describe, expect, it } from "vitest"
import { traceparentOf } from "#shared/telemetry/b3.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const SPAN = "b7ad6b7169203331"
const continued = (traceId: string, flags: string) => `00-${traceId}-${SPAN}-${flags}`
const of = (headers: Record<string, string>, mayHaveB3 = true) => traceparentOf(new Headers(headers), mayHaveB3)

describe("a trace in B3", () => {
  it.each([
    ["one header", { b3: `${TRACE}-${SPAN}-1` }, continued(TRACE, "01")],
    ["with the parent's span", { b3: `${TRACE}-${SPAN}-0-${SPAN}` }, continued(TRACE, "00")],
    ["to debug", { b3: `${TRACE}-${SPAN}-d` }, continued(TRACE, "01")],
    ["not decided yet", { b3: `${TRACE}-${SPAN}` }, continued(TRACE, "00")],
    ["with a short id", { b3: `${TRACE.slice(16)}-${SPAN}-1` }, continued("0".repeat(16) + TRACE.slice(16), "01")],
    ["several headers", { "X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Sampled": "1" }, continued(TRACE, "01")],
    ["booleans", { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "true" }, continued(TRACE, "01")],
    ["flags", { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-flags": "1" }, continued(TRACE, "01")],
    ["not sampled", { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "0" }, continued(TRACE, "00")],
    [
      "both, of which the single one holds",
      { b3: `${TRACE}-${SPAN}-1`, "x-b3-traceid": "1".repeat(32), "x-b3-spanid": SPAN },
      continued(TRACE, "01"),
    ],
    ["beside the standard's", { traceparent: "the sender's", b3: `${TRACE}-${SPAN}-1` }, "the sender's"],
  ])("is continued: %s", (_what, headers, expected) => {
    expect(of(headers)).toBe(expected)
  })

  it.each([
    ["a decision alone", { b3: "0" }],
    ["ids of other lengths", { b3: `${TRACE}0-${SPAN}-1` }],
    ["upper case", { b3: `${TRACE.toUpperCase()}-${SPAN}-1` }],
    ["no span", { "x-b3-traceid": TRACE }],
    ["a span of another length", { "x-b3-traceid": TRACE, "x-b3-spanid": "1" }],
  ])("is none: %s", (_what, headers) => {
    expect(of(headers)).toBeNull()
  })

  it("is not looked for where there can be none", () => {
    expect(of({ b3: `${TRACE}-${SPAN}-1` }, false)).toBeNull()
  })
})
