/** A change that is valid and bad, under guard, through the mesh's real Workers; `npm run guarded` is the long version. */
import { expect, it } from "vitest"
import { guardedRun } from "#test/support/guarded-run.ts"

it("a bad change under guard reaches its share of chains, and is undone within seconds, with a reason", async () => {
  const run = await guardedRun({
    ...{ proxies: 2, rate: 150, leaseMs: 100, change: "bad", atMostMs: 90_000 },
    guard: { stages: [10], holdSeconds: 30 },
  })
  expect(run.rollout).toMatchObject({ phase: "undone", revision: 2, undoneBy: 3 })
  expect(run.rollout.reason).toMatch(/^more requests fail \(5xx\)/)
  expect(run.history[0]).toMatchObject({ revision: 3, author: "guard", rollbackOf: 1 })
  // It was tried, on no more chains than it may be, seven standard deviations allowed for, and nothing else failed.
  expect(run.byCandidate).toBeGreaterThan(0)
  const share = run.requests * 0.1
  expect(run.byCandidate).toBeLessThan(share + 7 * Math.sqrt(share))
  expect(run.failed).toBe(run.byCandidate)
  // None but those that could not wait: on a busy machine newer routes may take longer than anybody waits for them.
  expect(run.backwards).toBeLessThanOrEqual(run.floorsMissed)
  expect(run.revisionAfter).toBe(3)
  expect(run.endedAfterMs).toBeLessThan(60_000)
})
