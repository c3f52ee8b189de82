import { describe, expect, it } from "vitest"
import { networkOf } from "#shared/std/network.ts"

describe("the network of an address", () => {
  it.each([
    ["203.0.113.9", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:0DB8:0001:0002::9", "2001:db8:1:2"],
    ["2001:db8::9", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
  ])("of %s is %s", (address, expected) => {
    expect(networkOf(address)).toBe(expected)
  })
})
