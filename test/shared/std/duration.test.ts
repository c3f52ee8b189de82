import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatDuration, parseDuration } from "#shared/std/duration.ts"

describe("durations", () => {
  it.each([
    ["250ms", 250],
    ["2s", 2_000],
    ["1m30s", 90_000],
    ["1h2m3s4ms", 3_723_004],
    ["0s", 0],
    ["1s1s", 2_000],
    ["", undefined],
    ["5", undefined],
    ["1.5s", undefined],
    ["-1s", undefined],
    ["1d", undefined],
    ["100000s", undefined],
    ["1 s", undefined],
    ["1s1s1s1s1s", undefined],
  ])("%s is %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it("reads back what it wrote", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999 * 3_600_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })
})
