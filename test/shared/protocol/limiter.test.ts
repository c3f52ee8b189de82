import { describe, expect, it } from "vitest"
import { limiterName } from "#shared/protocol/limiter.ts"

describe("the limiter of a key", () => {
  it("is the same one each time, and the only one of a limit that is not sharded", () => {
    expect(limiterName("default/api/0/all", "a", 1)).toBe("default/api/0/all#0")
    expect(limiterName("default/api/0/all", "a", 16)).toBe(limiterName("default/api/0/all", "a", 16))
  })

  it("is spread evenly over the shards", () => {
    const counts = new Map<string, number>()
    for (let index = 0; index < 1_600; index++) {
      const name = limiterName("default/api/0/all", `key ${index}`, 16)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    expect(counts.size).toBe(16)
    for (const count of counts.values()) expect(count).toBeGreaterThan(50)
  })
})
