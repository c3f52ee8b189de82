/** Many isolates of the proxy before one breaker: a short run of the bench. */
import { describe, expect, it } from "vitest"
import { runBreakers } from "#test/support/breaker-isolates.ts"

describe("a breaker over many isolates", () => {
  it("never lets more probes through than it may, also when its object is killed again and again", async () => {
    const { refusesAfterMs, probesAtOnce, probesSent, passesAfterMs } = await runBreakers({
      isolates: 30,
      probes: 1,
      kills: 6,
    })
    expect(refusesAfterMs).toHaveLength(30)
    expect(refusesAfterMs.at(-1)).toBeLessThan(30_000)
    expect(probesSent).toBeGreaterThan(0)
    expect(probesAtOnce).toBe(1)
    expect(passesAfterMs).toBeLessThan(60_000)
  })
})
