import { expect, it } from "vitest"
import { runSoak } from "#test/support/soak-run.ts"

it("fails nothing, cuts nothing and leaks no place while routes change and senders go away", async () => {
  const run = { perSecond: 60, specialPerSecond: 25, webSockets: 3, changeEveryMs: 700, ms: 4_000 }
  const { quarters, special, changes, echoes, cut, places, said } = await runSoak(run)
  expect(quarters.map(({ failures }) => failures)).toEqual([{}, {}, {}, {}])
  expect(special.failures).toEqual({})
  expect(cut).toBe(0)
  expect(places).toEqual({ 200: 250 })
  expect(said).toBe("")
  // Something was at stake, also where a busy machine gets little done in four seconds.
  expect(special.count).toBeGreaterThan(20)
  expect(changes).toBeGreaterThan(0)
  expect(echoes).toBeGreaterThan(0)
}, 240_000)
