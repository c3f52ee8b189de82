import { expect, it } from "vitest"
import { Dice } from "#simulator/dice.ts"
import { runKills } from "#test/support/kill-run.ts"

it("keeps what it acknowledged over 30 kills, once each, in an order that could have been", async () => {
  const dice = new Dice(1)
  const result = await runKills({ kills: 30, writers: 4, acknowledgementsMax: 2, roll: () => dice.next() })
  expect(result).toMatchObject({ lost: [], repeated: [], uncalledFor: [], isDense: true, open: 0 })
  expect(result.violation).toBeUndefined()
  // Something was at stake.
  expect(result.acknowledged).toBeGreaterThanOrEqual(15)
  expect(result.unanswered).toBeGreaterThanOrEqual(15)
  expect(result.reads).toBeGreaterThan(0)
}, 280_000)
