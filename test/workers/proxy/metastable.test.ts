/** An upstream that loses most of its capacity for a moment, with callers who repeat: a short run of the bench. */
import { expect, it } from "vitest"
import { RECOVERED, runMetastable } from "#test/support/metastable.ts"

it("the retry budget lets an upstream at four fifths of its capacity come back after an overload, under full load", async () => {
  const phases = { beforeSeconds: 1, triggerSeconds: 2, afterSeconds: 4 }
  const { goodShares, recoverySeconds } = await runMetastable({ ...phases, policy: {}, queueMax: 36 })
  expect(goodShares[0]).toBeGreaterThanOrEqual(RECOVERED)
  // Else nothing was overloaded, and there was nothing to recover from.
  expect(goodShares[2]).toBeLessThan(0.5)
  expect(recoverySeconds).toBeLessThanOrEqual(3)
})
