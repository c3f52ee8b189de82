/**
 * An upstream that loses most of its capacity for a moment, with callers who repeat: what `bench/metastable.ts` measures with real Workers,
 * in time that passes only as the test says.
 */
import { expect, it } from "vitest"
import { RECOVERED, WITHOUT_BUDGET } from "#test/support/metastable.ts"
import { tellMetastable } from "#test/support/metastable-story.ts"

const RUN = { beforeSeconds: 1, triggerSeconds: 2, afterSeconds: 4, queueMax: 36 }

it("the retry budget lets an upstream at four fifths of its capacity come back after an overload, under full load", async () => {
  const { goodShares, recoverySeconds } = await tellMetastable({ ...RUN, policy: {} })
  expect(goodShares[0]).toBeGreaterThanOrEqual(RECOVERED)
  // Else nothing was overloaded, and there was nothing to recover from.
  expect(goodShares[2]).toBeLessThan(0.5)
  expect(recoverySeconds).toBeLessThanOrEqual(3)
})

it("without it the upstream stays down, long after the overload is over", async () => {
  const { goodShares, recoverySeconds } = await tellMetastable({ ...RUN, afterSeconds: 20, policy: WITHOUT_BUDGET })
  expect(goodShares[0]).toBeGreaterThanOrEqual(RECOVERED)
  expect(recoverySeconds).toBeUndefined()
})
