import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { countPull, freshRate, spreadFor } from "#shared/propagation/spread.ts"
import { Dice } from "#simulator/dice.ts"
import { ASSUMED, billOf, callsPerSecond, priceOf, reaches, type Scale, scaleOf } from "#simulator/scale/model.ts"

const RATE = fc.double({ min: 1, max: 1e8, noNaN: true })
const of = (scale: Scale, name: string) => scale.objects.find(({ object }) => object === name)!

/** Requests by chance; a call goes out with the first after each pause. */
function simulated(requestsPerSecond: number, pauseSeconds: number): number {
  const dice = new Dice(7)
  let [now, calls, quietUntil] = [0, 0, 0]
  for (let n = 0; n < 200_000; n++) {
    now -= Math.log(1 - dice.next()) / requestsPerSecond
    if (now < quietUntil) continue
    calls += 1
    quietUntil = now + pauseSeconds
  }
  return calls / now
}

describe("calls of an isolate", () => {
  it.each([
    [0.01, 2],
    [0.5, 2],
    [3, 2],
    [400, 2],
    [1, 16],
  ])("at %d requests a second and pauses of %d s are as many as chance makes them", (rate, pause) => {
    expect(callsPerSecond(rate, pause) / simulated(rate, pause)).toBeCloseTo(1, 1)
  })
})

describe("relays", () => {
  /** What relays and isolates agree on in the end, by the mesh's own code. */
  function agreed(pullsPerSecond: number): number {
    let spread = 1
    for (let window = 0; window < 10; window++) {
      let rate = freshRate(0)
      const each = pullsPerSecond / spread
      for (let n = 0; n <= each * 5; n++) rate = countPull(rate, spread, (n / each) * 1000)
      spread = spreadFor(countPull(rate, spread, 5_000), spread)
    }
    return spread
  }

  it("are spread as the mesh spreads them", () => {
    const assumed = { ...ASSUMED, busiestShare: 1 / 11 }
    for (const isolatesPerSite of [5, 20, 60, 150, 700]) {
      const { perSecond, count } = of(scaleOf(1_000_000, { ...assumed, isolatesPerSite }), "relay")
      expect(count / 11).toBe(agreed(perSecond / 11))
    }
  })

  it("are at most as many as the root pushes to", () => {
    expect(of(scaleOf(1e9), "relay").count).toBeLessThanOrEqual(LIMITS.relaysMax)
  })
})

describe("the load", () => {
  it("is never more calls than requests, for what asks at most once a request", () => {
    fc.assert(
      fc.property(RATE, (rate) => {
        for (const name of ["relay", "telemetry", "breaker", "limiter"])
          expect(of(scaleOf(rate), name).perSecond).toBeLessThanOrEqual(rate * (1 + 1e-9))
      }),
    )
  })

  it("of the root does not depend on the traffic, but by the number of relays", () => {
    fc.assert(
      fc.property(RATE, (rate) => {
        const scale = scaleOf(rate)
        expect(of(scale, "root (RouteTable)").perSecond).toBe(of(scale, "relay").count / 5)
      }),
    )
  })

  it("of telemetry is what its shards ask for, while isolates are not flooded", () => {
    const { busiestPerSecond } = of(scaleOf(100_000), "telemetry")
    expect(busiestPerSecond).toBeLessThanOrEqual(LIMITS.shardReportsPerSecond)
  })

  it("needs more isolates only when those that are there are busy", () => {
    expect(scaleOf(10).isolates).toBe(330 * 20)
    expect(scaleOf(1e9).isolates).toBeGreaterThan(330 * 20)
  })
})

describe("the price", () => {
  it("is what the platform says for a thousand calls a second", () => {
    // 2,592 million calls a month at 0.15 a million.
    const usage = { cpu: 0, calls: 1, duration: 0, rows: 0 }
    const scale: Scale = { ...scaleOf(1_000), perMillion: usage }
    expect(priceOf(scale).total).toBeCloseTo(0.15)
    expect(billOf(scale)).toBeCloseTo((2_592 - 1) * 0.15)
  })

  it("is the sum of its parts, and the bill is no more than that", () => {
    fc.assert(
      fc.property(RATE, (rate) => {
        const scale = scaleOf(rate)
        const { cpu, calls, duration, rows, total } = priceOf(scale)
        expect(total).toBeCloseTo(cpu + calls + duration + rows)
        expect(billOf(scale)).toBeLessThanOrEqual(((total * rate * 2_592_000) / 1e6) * (1 + 1e-9))
        expect(scale.perMillion.duration).toBeLessThanOrEqual(scale.durationMost)
      }),
    )
  })

  it("of a million requests falls with their number", () => {
    const totals = [1, 10, 1e3, 1e5, 1e7].map((rate) => priceOf(scaleOf(rate)).total)
    expect(totals).toEqual([...totals].sort((a, b) => b - a))
  })
})

describe("where one object is not enough", () => {
  it.each(["telemetry", "breaker", "limiter"])("is found for %s", (object) => {
    const rate = reaches(object, 1_000)!
    expect(of(scaleOf(rate), object).busiestPerSecond).toBeGreaterThanOrEqual(1_000)
    expect(of(scaleOf(rate * 0.97), object).busiestPerSecond).toBeLessThan(1_000)
  })

  it("is nowhere for the root", () => {
    expect(reaches("root (RouteTable)", 1_000)).toBeUndefined()
  })
})
