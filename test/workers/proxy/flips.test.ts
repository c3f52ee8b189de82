import { expect, it } from "vitest"
import { FLIPPED, runFlips } from "#test/support/flip-run.ts"

it(`serves no snapshot of which one bit was flipped: ${FLIPPED.join(", ")}`, async () => {
  const { corrupt, refused } = await runFlips(500)
  expect(corrupt).toEqual([])
  expect(refused).toBeGreaterThan(450)
})
