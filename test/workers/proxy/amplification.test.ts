/** Retries over a chain of real Workers: a short run of the bench. */
import { expect, it } from "vitest"
import { runAmplification } from "#test/support/amplification.ts"

it("retries add a fifth to an outage at most, over three hops that would each retry, and next to nothing to health", async () => {
  const load = { seconds: 4, perSecond: 60 }
  const [outage, health] = await runAmplification([
    { ...load, failRate: 1 },
    { ...load, failRate: 0.01 },
  ])
  expect(outage!.attempts).toBeGreaterThan(outage!.requests)
  // On a slow machine it takes longer than the budget looks back; then the ten retries that there are at least count more than once.
  expect(outage!.attempts / outage!.requests).toBeLessThanOrEqual(1.25)
  expect(health!.attempts / health!.requests).toBeLessThanOrEqual(1.05)
})
