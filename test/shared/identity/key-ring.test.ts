import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { due, phaseOf, type RingKey, type RingTimes, signer } from "#shared/identity/key-ring.ts"

const TIMES: RingTimes = { rotateMs: 1_000, aheadMs: 100, tokenMs: 50 }
const key = (kid: string, createdAtMs: number): RingKey => ({ kid, createdAtMs })

describe("a ring of keys", () => {
  it("begins with one that signs at once, because nobody has a copy of any", () => {
    expect(due([], TIMES, 0)).toMatchObject({ make: true, drop: [] })
    expect(signer([key("a", 0)], TIMES, 0)?.kid).toBe("a")
    expect(signer([], TIMES, 0)).toBeUndefined()
  })

  const two = [key("a", 0), key("b", 1_000)]
  it.each([
    [999, false, "a", [], "signing next"],
    [1_000, false, "a", [], "signing next"],
    [1_099, false, "a", [], "signing next"],
    [1_100, false, "b", [], "retired signing"],
    [1_149, false, "b", [], "retired signing"],
    [1_150, false, "b", ["a"], "retired signing"],
    [2_000, true, "b", ["a"], "retired signing"],
  ] as const)(
    "publishes a key before it signs, and until its last token is over: at %i",
    (nowMs, make, kid, drop, phases) => {
      expect(due(two, TIMES, nowMs)).toMatchObject({ make, drop })
      expect(signer(two, TIMES, nowMs)?.kid).toBe(kid)
      expect(two.map((one) => phaseOf(one, two, TIMES, nowMs)).join(" ")).toBe(phases)
    },
  )

  it("asks to be looked at when something is to be done", () => {
    expect(due([key("a", 0)], TIMES, 5).nextAtMs).toBe(1_000)
    expect(due(two, TIMES, 1_005).nextAtMs).toBe(1_150)
    expect(due(two, TIMES, 1_150).nextAtMs).toBe(2_000)
    expect(due([], TIMES, 7).nextAtMs).toBe(1_007)
  })

  it("lets every token be verified by every copy of the keys that is not too old, however late alarms are", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 1_500 }), { minLength: 1, maxLength: 60 })
    const moment = fc.integer({ min: 0, max: 40_000 })
    fc.assert(
      fc.property(gaps, moment, fc.nat(TIMES.tokenMs), fc.nat(TIMES.aheadMs), (alarms, at, age, staleness) => {
        const history = ringOver(alarms)
        const published = (ms: number) => history.findLast((one) => one.atMs <= ms)?.keys ?? []
        const signedAtMs = Math.max(at, TIMES.aheadMs)
        const kid = signer(published(signedAtMs), TIMES, signedAtMs)!.kid
        const copiedAtMs = signedAtMs + age - staleness
        return published(copiedAtMs).some((one) => one.kid === kid)
      }),
      { numRuns: 2_000 },
    )
  })

  it("never holds more than three keys by itself, and always one", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_500 }), { maxLength: 60 }), (alarms) =>
        ringOver(alarms).every(({ keys }) => keys.length >= 1 && keys.length <= 3),
      ),
    )
  })
})

/** What the object does at each alarm, the first of which comes with the first token. */
function ringOver(alarms: readonly number[]): { atMs: number; keys: readonly RingKey[] }[] {
  const history: { atMs: number; keys: readonly RingKey[] }[] = []
  let keys: readonly RingKey[] = []
  let atMs = 0
  for (const gapMs of [0, ...alarms]) {
    atMs += gapMs
    if (due(keys, TIMES, atMs).make) keys = [...keys, key(`k${history.length}`, atMs)]
    const { drop } = due(keys, TIMES, atMs)
    keys = keys.filter(({ kid }) => !drop.includes(kid))
    history.push({ atMs, keys })
  }
  return history
}
