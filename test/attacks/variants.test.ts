/** A short batch of `npm run attacks:variants`: ways past policies, judged by models of servers. */
import { describe, expect, it } from "vitest"
import { tryWays } from "#attacks/variants.ts"

describe("ways past a policy", () => {
  it("are none among the first 8,000, a third of which would lead there", () => {
    const { ways, leading, passed, breach } = tryWays(8_000, 20)
    expect(breach).toBeUndefined()
    expect(ways).toBe(8_000)
    expect(leading / ways).toBeGreaterThan(0.25)
    expect(passed / ways).toBeGreaterThan(0.25)
  })
})
