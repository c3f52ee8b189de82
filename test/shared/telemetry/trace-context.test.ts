import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { enterTrace, formatTraceparent, isSampled, sampled, tracestateToPass } from "#shared/telemetry/trace-context.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const PARENT = "b7ad6b7169203331"
const randomHex = (digits: number) => "c".repeat(digits)

describe("a trace", () => {
  it.each([
    ["is continued with its flags", `00-${TRACE}-${PARENT}-01`, "01"],
    ["keeps the random flag", `00-${TRACE}-${PARENT}-03`, "03"],
    ["is continued from a later version", `cc-${TRACE}-${PARENT}-01-what-comes-later`, "01"],
    ["keeps only the flags that are known", `00-${TRACE}-${PARENT}-ff`, "03"],
    ["keeps of a later version only the flags that are known", `cc-${TRACE}-${PARENT}-fd`, "01"],
  ])("%s", (_sentence, traceparent, flags) => {
    const trace = enterTrace(traceparent, randomHex)
    expect(trace).toEqual({ traceId: TRACE, parentId: PARENT, spanId: randomHex(16), flags })
    expect(formatTraceparent(trace)).toBe(`00-${TRACE}-${randomHex(16)}-${flags}`)
  })

  it.each([
    ["nothing was sent", null],
    ["two were sent", `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`],
    ["the version is ff", `ff-${TRACE}-${PARENT}-01`],
    ["version 00 has more fields", `00-${TRACE}-${PARENT}-01-more`],
    ["a later version has more without a dash", `cc-${TRACE}-${PARENT}-01more`],
    ["the trace id is zero", `00-${"0".repeat(32)}-${PARENT}-01`],
    ["the parent id is zero", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["a digit is in upper case", `00-${TRACE.toUpperCase()}-${PARENT}-01`],
    ["a field is short", `00-${TRACE.slice(1)}-${PARENT}-01`],
    ["a field is long", `00-${TRACE}-${PARENT}0-01`],
  ])("begins anew when %s", (_sentence, traceparent) => {
    expect(enterTrace(traceparent, randomHex)).toMatchObject({ traceId: randomHex(32), parentId: undefined })
  })

  it("always leaves in a form that is continued", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const left = formatTraceparent(enterTrace(text, randomHex))
        expect(enterTrace(left, randomHex).parentId).toBe(randomHex(16))
      }),
    )
  })
})

describe("the decision to record", () => {
  it.each([
    ["02", "03"],
    ["00", "01"],
    ["03", "03"],
  ])("keeps what else the flags say: %s", (flags, expected) => {
    expect(sampled(flags)).toBe(expected)
    expect(isSampled({ flags: expected })).toBe(true)
  })
})

describe("a tracestate", () => {
  it.each([
    "a=1",
    "a=1,b=2",
    "a@b=1",
    "a@=1",
    "a@@b@c=1",
    "1a=x y",
    "a=1, \tb=2",
    "a=1,,b=2",
    `${"a".repeat(256)}=${"v".repeat(256)}`,
  ])("passes as it is: %s", (text) => {
    expect(tracestateToPass(text)).toBe(text)
  })

  it("has as many members as there may be, whatever is empty between them", () => {
    const full = Array.from({ length: 32 }, (_, index) => `k${index}=1`).join(",")
    expect(tracestateToPass(`${full},,`)).toBe(`${full},,`)
  })

  it.each([
    ["a=1,a=1", "a=1"],
    ["a=1, a=2, b=3", "a=1,b=3"],
    ["b=0,a=1,b=2", "b=0,a=1"],
  ])("keeps of a key that comes twice what was set last, which stands first: %s", (text, expected) => {
    expect(tracestateToPass(text)).toBe(expected)
  })

  it.each([
    "",
    ",",
    "a",
    "=1",
    "A=1",
    "a b=1",
    "a =1",
    "a.b=1",
    "a=",
    "a=,b=1",
    "a=b=c",
    "a=\u0001",
    "@a=1",
    "b=1,@a=1",
    `${"a".repeat(257)}=1`,
    `a=${"v".repeat(257)}`,
    Array.from({ length: 33 }, (_, index) => `k${index}=1`).join(","),
    Array.from({ length: 33 }, () => "a=1").join(","),
  ])("is dropped whole: %s", (text) => {
    expect(tracestateToPass(text)).toBeUndefined()
  })
})
