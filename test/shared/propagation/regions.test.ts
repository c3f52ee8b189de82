import { describe, expect, it } from "vitest"
import { NOWHERE, REGIONS, regionOf, regionOfRelay, relayName } from "#shared/propagation/regions.ts"

describe("the region of an isolate", () => {
  it.each([
    ["AMS", "EU", "weur"],
    ["WAW", "EU", "eeur"],
    ["IAD", "NA", "enam"],
    ["SJC", "NA", "wnam"],
    ["GRU", "SA", "sam"],
    ["NRT", "AS", "apac-ne"],
    ["SIN", "AS", "apac-se"],
    ["BOM", "AS", "apac"],
    ["SYD", "OC", "oc"],
    ["JNB", "AF", "afr"],
    ["DXB", "AS", "me"],
    // A data centre that was opened since goes by its continent.
    ["QQQ", "EU", "weur"],
    ["QQQ", "AF", "afr"],
    [undefined, "OC", "oc"],
    ["QQQ", undefined, undefined],
    [undefined, undefined, undefined],
    ["constructor", "__proto__", undefined],
  ])("of %s in %s is %s", (colo, continent, region) => {
    expect(regionOf(colo, continent)).toBe(region)
  })
})

describe("the relays of a region", () => {
  it("are named by region and share, and placed by their name", () => {
    const names = new Set(Array.from({ length: 200 }, (_, isolate) => relayName("apac-ne", `isolate-${isolate}`, 4)))
    expect(names).toEqual(new Set(["apac-ne", "apac-ne#1", "apac-ne#2", "apac-ne#3"]))
    for (const name of names) expect(regionOfRelay(name)).toBe("apac-ne")
  })

  it("are one where nothing is known, placed wherever it is asked", () => {
    expect(relayName(undefined, "a", 1)).toBe(NOWHERE)
    expect(regionOfRelay(NOWHERE)).toBeUndefined()
    for (const region of REGIONS) expect(regionOfRelay(relayName(region, "a", 1))).toBe(region)
  })

  it("are few, whatever spread somebody claims", () => {
    const claim = (spread: number) =>
      new Set(Array.from({ length: 500 }, (_, isolate) => relayName("oc", `isolate-${isolate}`, spread))).size
    expect(claim(1_000_000)).toBe(16)
    expect(claim(0)).toBe(1)
    expect(claim(-5)).toBe(1)
  })
})
