import { describe, expect, it } from "vitest"
import { regionOf } from "#shared/propagation/regions.ts"
import { SHARDS, shardFor } from "#shared/propagation/shards.ts"

const NAMES = SHARDS.map(({ name }) => name)

describe("the shard of an isolate", () => {
  it("is its region's, and placed there", () => {
    expect(shardFor("i1", regionOf("AMS", "EU"))).toEqual({ name: "weur", hint: "weur" })
    expect(shardFor("i2", regionOf("NRT"))).toEqual({ name: "apac-ne", hint: "apac-ne" })
  })

  it("is one of a few where the isolate does not know where it is, evenly", () => {
    const shards = Array.from({ length: 4_000 }, (_, index) => shardFor(`isolate-${index}`, undefined).name)
    const sizes = [...Map.groupBy(shards, (name) => name).values()].map(({ length }) => length)
    expect(sizes).toHaveLength(4)
    for (const size of sizes) expect(Math.abs(size - 1_000)).toBeLessThan(150)
    expect(shardFor("isolate-7", undefined)).toEqual(shardFor("isolate-7", undefined))
    expect(shards.filter((name) => !NAMES.includes(name))).toEqual([])
  })

  it("is among those that readers ask, and each has its own name", () => {
    expect(new Set(NAMES).size).toBe(NAMES.length)
    for (const { hint } of SHARDS) if (hint) expect(NAMES).toContain(shardFor("any", hint).name)
  })
})
