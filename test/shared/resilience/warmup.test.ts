import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { newWarmup, pass, rest, type Warmup } from "#shared/resilience/warmup.ts"

const WARMUP_MS = 5_000

/** Requests at an even rate from one moment to another; how many of them passed. */
function send(state: Warmup, perSecond: number, fromMs: number, toMs: number): { state: Warmup; passed: number } {
  let passed = 0
  for (let sent = 0; sent < (perSecond * (toMs - fromMs)) / 1_000; sent++) {
    const asked = pass(state, WARMUP_MS, fromMs + (sent * 1_000) / perSecond)
    state = asked.state
    if (asked.passes) passed += 1
  }
  return { state, passed }
}

/** An isolate that sent so many a second for ten seconds, until its service was given a rest of ten. */
function rested(perSecond: number): Warmup {
  return rest(send(newWarmup(0), perSecond, 0, 10_000).state, 10_000)
}

describe("a service that warms up", () => {
  it("gets everything as long as it never rested", () => {
    expect(send(newWarmup(0), 500, 0, 10_000).passed).toBe(5_000)
  })

  it("gets little more than before in the first second, however many wait", () => {
    const { passed } = send(rested(300), 10_000, 20_000, 21_000)
    expect(passed).toBeGreaterThan(300)
    expect(passed).toBeLessThanOrEqual(1.5 * 300)
  })

  it("gets twice as much after each second, and all in the end", () => {
    let state = rested(100)
    const passed = [0, 1, 2, 3, 4].map((second) => {
      const sent = send(state, 20_000, 20_000 + second * 1_000, 21_000 + second * 1_000)
      state = sent.state
      return sent.passed
    })
    for (const [second, count] of passed.entries()) expect(count / (144 * 2 ** second)).toBeCloseTo(1, 1)
    expect(send(state, 20_000, 25_000, 26_000).passed).toBe(20_000)
  })

  it("refuses nobody where no more come back than there were", () => {
    expect(send(rested(50), 50, 20_000, 25_000).passed).toBe(250)
  })

  it("lets something pass where nothing was sent before", () => {
    const { passed } = send(rest(newWarmup(0), 10_000), 1_000, 20_000, 21_000)
    expect(passed).toBeGreaterThanOrEqual(2)
    expect(passed).toBeLessThanOrEqual(5)
  })

  it("begins as slowly when it fails while it warms up", () => {
    const again = rest(send(rested(100), 5_000, 20_000, 23_000).state, 23_000)
    expect(send(again, 5_000, 30_000, 31_000).passed).toBeLessThanOrEqual(150)
  })

  it("saves up no burst in a pause, and stands no clock that goes back", () => {
    const paused = send(rested(100), 100, 20_000, 20_100).state
    expect(send(paused, 1_000_000, 24_000, 24_001).passed).toBeLessThanOrEqual(0.5 * 100 * 2 ** 4.01 + 2)
    expect(pass(paused, WARMUP_MS, 19_000).passes).toBe(true)
  })

  it("never lets more pass in a second than the rate that it has reached", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), gaps, (before, waits) => {
        let state = rested(before)
        const times: number[] = []
        let nowMs = 20_000
        for (const wait of waits) {
          nowMs += wait
          const asked = pass(state, WARMUP_MS, nowMs)
          state = asked.state
          if (asked.passes && nowMs < 20_000 + WARMUP_MS) times.push(nowMs)
        }
        const rate = Math.max(before, 2)
        for (const [index, from] of times.entries()) {
          const inSecond = times.slice(index).filter((at) => at < from + 1_000).length
          const reached = rate * 2 ** ((5 * (from + 1_000 - 20_000)) / WARMUP_MS)
          // What was saved before, what grows meanwhile, and the one that is whole already.
          expect(inSecond).toBeLessThanOrEqual(1.5 * reached + 2)
        }
      }),
      { seed: 7 },
    )
  })
})
