import { describe, expect, it } from "vitest"
import { isPublicName, scrubHeader, scrubPath, scrubQuery } from "#shared/telemetry/scrub.ts"

describe("a path", () => {
  it.each([
    ["/", "/"],
    ["/orders/7", "/orders/7"],
    ["/api/v2/items/2026", "/api/v2/items/2026"],
    ["/orders/1234567", "/orders/0000000"],
    ["/users/ada@example.com/cart", "/users/xxx@xxxxxxx.xxx/cart"],
    ["/users/ada%40example.com", "/users/xxxxxxxxxxx.xxx"],
    ["/reset/eyJhbGciOiJIUzI1NiJ9.e30.abc", "/reset/xxXxxXxxXxXXXxX0XxX0.x00.xxx"],
    ["/k/3f2504e0-4f89", "/k/0x0000x0-0x00"],
    ["/s/a1b2c3", "/s/x0x0x0"],
    ["/a-perfectly-harmless-slug-of-words", "/x-xxxxxxxxx-xxxxxxxx-xxxx-xx-xxxxx"],
  ])("%s is kept as %s", (path, kept) => {
    expect(scrubPath(path)).toBe(kept)
  })

  it("is cut", () => {
    expect(scrubPath(`/${"a/".repeat(1_000)}`).length).toBe(512)
  })
})

describe("a query", () => {
  it("has only what routes match by, and no credential even then", () => {
    const wanted = new Set(["beta", "token"])
    expect(scrubQuery("beta=1&user=ada&token=s3cret&beta=2", wanted)).toBe("beta=1&beta=2")
    expect(scrubQuery(`beta=${"x".repeat(65)}`, wanted)).toBe("")
    expect(scrubQuery("a=1", new Set())).toBe("")
  })
})

describe("a header", () => {
  it.each([
    "authorization",
    "cookie",
    "x-api-key",
    "x-csrf-token",
    "x-forwarded-for",
    "cf-connecting-ip",
    "x-session",
    "x-user-email",
  ])("%s is never kept", (name) => {
    expect(isPublicName(name)).toBe(false)
    expect(scrubHeader(name, "always")).toBeUndefined()
  })

  it("is kept as it is, unless it is long", () => {
    expect(scrubHeader("x-canary", "always")).toBe("always")
    expect(scrubHeader("accept", "a".repeat(65))).toBeUndefined()
    expect(scrubHeader("accept", null)).toBeUndefined()
  })
})
