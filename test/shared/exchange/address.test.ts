import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canonicalAddress, isWrittenAs, urlOf } from "#shared/exchange/address.ts"
import { isRefusal } from "#shared/model/refusal.ts"

const url = fc
  .tuple(
    fc.constantFrom("http", "https"),
    fc.constantFrom("orders", "Orders", "shop.test", "shop.test.", "shop.test:80", "shop.test:443", "shop.test:8080"),
    fc.constantFrom("", "/", "/a", "/a/../b", "//a", "/a%41", "/a%2f", "/a b", "/a?"),
    fc.constantFrom("", "?", "?x=1", "?x=/a?y", "?", "#f", "?x#f"),
  )
  .map(([scheme, host, path, rest]) => `${scheme}://${host}${path}${rest}`)

describe("isWrittenAs", () => {
  it("is true of exactly the URL that urlOf writes", () => {
    fc.assert(
      fc.property(url, url, (one, other) => {
        const address = canonicalAddress(one, null)
        if (isRefusal(address)) return
        expect(isWrittenAs(urlOf(address), address)).toBe(true)
        for (const written of [one, other]) expect(isWrittenAs(written, address)).toBe(written === urlOf(address))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ["http://a/b?c", "http://a/b?c", true],
    ["http://a/b", "http://a/b?", false],
    ["http://a/b?c", "http://a/b/c", false],
    ["http://a/b?c", "http://a/b?d", false],
    ["http://a/b", "https://a/b", false],
    ["https://a/b", "httpx://a/b", false],
    ["https://a:8443/b", "https://a:8443/b", true],
    ["http://a.b/c", "http://a/b/c", false],
  ])("of %s, %s: %s", (of, url, expected) => {
    const address = canonicalAddress(of, null)
    if (isRefusal(address)) throw new Error(address.refusal)
    expect(isWrittenAs(url, address)).toBe(expected)
  })
})
