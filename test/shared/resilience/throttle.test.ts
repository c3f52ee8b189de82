import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ask, count, newThrottle, refusalChance, type Throttle } from "#shared/resilience/throttle.ts"

const policy = { ratio: 2, windowMs: 10_000, refusedPercentMax: 90 }

/** Requests one after the other; says how many of them reached the upstream. */
function send(
  state: Throttle,
  requests: number,
  fromMs: number,
  everyMs: number,
  isAccepted: (index: number) => boolean,
) {
  let now = state
  let sent = 0
  for (let index = 0; index < requests; index++) {
    const nowMs = fromMs + index * everyMs
    const asked = ask(now, policy, nowMs, (index * 0.6180339887498949) % 1)
    now = asked.state
    if (asked.refused) continue
    sent += 1
    now = count(now, policy, nowMs, isAccepted(index))
  }
  return { state: now, sent }
}

describe("client-side throttling", () => {
  it("refuses nothing while the upstream takes at least every second request", () => {
    const { state, sent } = send(newThrottle(policy, 0), 1000, 0, 5, (index) => index % 2 === 0)
    expect(sent).toBe(1000)
    expect(refusalChance(state, policy)).toBe(0)
  })

  it("follows the formula", () => {
    let state = newThrottle(policy, 0)
    for (let index = 0; index < 99; index++) state = count(state, policy, 0, index < 10)
    expect(refusalChance(state, policy)).toBeCloseTo((99 - 20) / 100)
  })

  it("waits to see what comes of requests, however many are under way", () => {
    let state = newThrottle(policy, 0)
    for (let index = 0; index < 100; index++) state = ask(state, policy, 0, 0).state
    expect(refusalChance(state, policy)).toBe(0)
  })

  it("sends a dead upstream only a trickle", () => {
    expect(send(newThrottle(policy, 0), 10_000, 0, 1, () => false).sent).toBeLessThan(1_050)
    const strict = { ...policy, refusedPercentMax: 100 }
    let state = newThrottle(strict, 0)
    for (let index = 0; index < 999; index++) state = count(state, strict, 0, false)
    expect(refusalChance(state, strict)).toBeCloseTo(0.999)
  })

  it("forgets after its window, so that a recovered upstream gets its traffic back", () => {
    const dead = send(newThrottle(policy, 0), 2_000, 0, 1, () => false).state
    expect(refusalChance(dead, policy)).toBe(0.9)
    const later = send(dead, 2_000, 13_000, 1, () => true)
    expect(later.sent).toBe(2_000)
  })

  it("recovers from within the window too: the trickle shows that the upstream is back", () => {
    const dead = send(newThrottle(policy, 0), 2_000, 0, 1, () => false).state
    const back = send(dead, 15_000, 2_000, 1, () => true)
    expect(send(back.state, 1_000, 17_000, 1, () => true).sent).toBeGreaterThan(900)
  })

  it("stands a clock that does not move, and one that goes back", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60_000 })),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (times, dice) => {
          let state = newThrottle(policy, 30_000)
          for (const nowMs of times) {
            state = ask(state, policy, nowMs, dice).state
            state = count(state, policy, nowMs, nowMs % 2 === 0)
            const chance = refusalChance(state, policy)
            expect(chance).toBeGreaterThanOrEqual(0)
            expect(chance).toBeLessThan(1)
            expect(state.requests).toHaveLength(10)
          }
        },
      ),
    )
  })
})
