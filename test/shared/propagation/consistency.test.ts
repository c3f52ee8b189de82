import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { claimsOf, floorOf, parseToken, revisionToTell } from "#shared/propagation/consistency.ts"

const NOW = 1_795_000_000_000
const SIGNATURE = "A".repeat(86)

describe("the revision that a service asks for", () => {
  it.each([
    ["7", 7],
    ["0", 0],
    ["999999999999999", 999_999_999_999_999],
    [null, 0],
    ["", 0],
    ["-1", 0],
    ["7, 9", 0],
    ["1e3", 0],
    ["Infinity", 0],
    ["0x10", 0],
    [" 7", 0],
    ["9999999999999999", 0],
    [`7.1795000900.${SIGNATURE}`, 0],
  ])("in %j is %d", (header, floor) => {
    expect(floorOf(header)).toBe(floor)
  })
})

describe("a token", () => {
  it("says the revision, and until when", () => {
    const claims = claimsOf(12, NOW)
    expect(parseToken(`${claims}.${SIGNATURE}`)).toEqual({
      ...{ revision: 12, expiresAtMs: NOW + LIMITS.consistencyTokenMs, claims, signature: SIGNATURE },
    })
  })

  it.each([
    "",
    "12",
    "12.1795000000",
    `12.1795000000.${SIGNATURE}A`,
    `12.1795000000.${SIGNATURE.slice(1)}`,
    `12.1795000000.${SIGNATURE.slice(1)}=`,
    `12.1795000000.${SIGNATURE.slice(1)}+`,
    `-1.1795000000.${SIGNATURE}`,
    `1.5.1795000000.${SIGNATURE}`,
    `12.1795000000.${SIGNATURE}, 13.1795000000.${SIGNATURE}`,
    `12.1795000000.${SIGNATURE}\n`,
  ])("is none when it is %j", (text) => {
    expect(parseToken(text)).toBeUndefined()
  })
})

describe("what the next hop is told", () => {
  const routes = { revision: 7, newUntilMs: 1_000 }

  it.each([
    ["the revision, while it is new", 999, 0, 7],
    ["nothing, once everybody has it", 1_000, 0, undefined],
    ["the revision, when one was asked for", 5_000, 3, 7],
    ["what was asked for, when it could not be had", 5_000, 9, 9],
  ])("is %s", (_what, nowMs, floor, told) => {
    expect(revisionToTell(routes, floor, nowMs)).toBe(told)
  })
})
