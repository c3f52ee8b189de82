import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromBase64url, toBase64url } from "#shared/std/base64url.ts"

describe("base64url", () => {
  it("is what Node makes of bytes, and goes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = toBase64url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString("base64url"))
        expect([...fromBase64url(text)!]).toEqual([...bytes])
      }),
    )
  })

  it.each(["a", "a=", "a+bc", "a/bc", "ab c", "ab\n", "é", "abcde", "AB", "AAB"])("is not %j", (text) => {
    expect(fromBase64url(text)).toBeUndefined()
  })
})
