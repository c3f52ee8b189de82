import { describe, expect, it } from "vitest"
import { canonicalHost } from "#shared/std/host.ts"

describe("a host's canonical form", () => {
  it.each([
    ["shop.test", "shop.test", undefined],
    ["SHOP.Test", "shop.test", undefined],
    ["shop.test:8080", "shop.test", 8080],
    ["shop.test.", "shop.test", undefined],
    ["shop.test.:443", "shop.test", 443],
    ["127.0.0.1:1", "127.0.0.1", 1],
    ["a", "a", undefined],
  ])("%s", (raw, host, port) => {
    expect(canonicalHost(raw)).toEqual({ host, port })
  })

  it.each([
    "",
    ".",
    "shop..test",
    "shop.test..",
    ".shop.test",
    "a b",
    "shop.test#",
    "shop.test?",
    "shop.test/admin?x=",
    "user@evil.test",
    "a, b",
    "shop.test:",
    "shop.test:0",
    "shop.test:65536",
    "shop.test:123456",
    "[::1]",
    "shop_test",
    "shöp.test",
    `${"a".repeat(254)}`,
  ])("refuses %j", (raw) => {
    expect(canonicalHost(raw)).toBeUndefined()
  })

  it("takes 253 characters", () => {
    expect(canonicalHost("a".repeat(253))?.host).toHaveLength(253)
  })
})
